// Package imagename reads the names of images as people write them: registry and tag may be left out.
package imagename

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// What registries take as names and tags (distribution-spec, "Pulling manifests").
var (
	separator  = `(?:\.|_|__|-+)`
	repository = regexp.MustCompile(`^[a-z0-9]+(?:(?:` + separator + `|/)[a-z0-9]+)*$`)
	tag        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
)

// maxTag is the length of the longest tag, in bytes.
const maxTag = 128

// Parse reads a name with a tag or a digest. Its errors are faults.
func Parse(text string) (name.Reference, error) {
	ref, err := name.ParseReference(text, name.WeakValidation)
	named := err == nil && repository.MatchString(ref.Context().RepositoryStr())
	if _, isTag := ref.(name.Tag); named && isTag {
		named = len(ref.Identifier()) <= maxTag && tag.MatchString(ref.Identifier())
	}
	if !named {
		return nil, fault.Fault{
			ID:   "image-name",
			What: fmt.Sprintf("%q is no image name", text),
			Do:   "write it as [registry/]name[:tag], in lower case",
		}
	}
	if _, port, err := net.SplitHostPort(ref.Context().RegistryStr()); err == nil { // without a port there is an error
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, fault.Fault{
				ID:   "image-name",
				What: fmt.Sprintf("%q has the port %q", text, port),
				Do:   "write a port from 1 to 65535, or none",
			}
		}
	}
	return ref, nil
}

// ParseTag reads the name of an image that is to be made, which cannot have a digest yet. Its errors are faults.
func ParseTag(text string) (name.Reference, error) {
	ref, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if _, isTag := ref.(name.Tag); !isTag {
		return nil, fault.Fault{
			ID:   "image-name",
			What: fmt.Sprintf("%q has a digest, and only the finished image has one", text),
			Do:   "name the image by a tag",
		}
	}
	return ref, nil
}

// SaysRegistry reports whether a name begins with a registry, as engines see it: "localhost" or a host with a dot or a
// port.
func SaysRegistry(text string) bool {
	host, _, found := strings.Cut(text, "/")
	return found && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// debugSuffix ends the repository of a run image's debug twin.
const debugSuffix = "-debug"

// DebugTwin returns the name of a run image's debug twin, which is its own twin.
func DebugTwin(image string) string {
	repository, rest := cutRepository(WithoutDebug(image))
	return repository + debugSuffix + rest
}

// WithoutDebug returns the name of the run image whose debug twin has a name, or the name of any other image.
func WithoutDebug(image string) string {
	repository, rest := cutRepository(image)
	return strings.TrimSuffix(repository, debugSuffix) + rest
}

// cutRepository cuts a name before its tag or digest.
func cutRepository(image string) (repository, rest string) {
	start := strings.LastIndex(image, "/") + 1
	if end := strings.IndexAny(image[start:], ":@"); end >= 0 {
		return image[:start+end], image[start+end:]
	}
	return image, ""
}

// separators are runs of what stands between the letters and digits of a name, allowed or not.
var separators = regexp.MustCompile(`[-_.]+`)

// Base returns the last element of a path as a name that registries take: of an app's folder, or of a repository.
func Base(elements string) string {
	base := strings.ToLower(path.Base(elements))
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, base)
	clean = separators.ReplaceAllStringFunc(strings.Trim(clean, "-_."), func(text string) string {
		if repository.MatchString("a" + text + "a") {
			return text
		}
		return "-"
	})
	if clean == "" {
		return "app"
	}
	return clean
}

// Short returns the full name of an image as a person writes it: without the registry and the namespace that may be left out.
func Short(full string) string {
	return strings.TrimPrefix(strings.TrimPrefix(full, name.DefaultRegistry+"/"), "library/")
}
