package jdk

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

const (
	// ID is the id of JDKs in the lock.
	ID = "java"
	// MirrorVariable is the variable that says where vendors' archives are: an https, http or file address. There is no default.
	MirrorVariable = "BP_JAVA_MIRROR"
)

// Vendored returns the JDK of a vendor's archive that is locked.
func Vendored(r lock.Release) JDK { return JDK{Version: r.Version, arch: r.Arch, release: r} }

// Vendor reports whether the JDK is a vendor's archive, and none of Debian.
func (j JDK) Vendor() bool { return j.release.Hash != "" }

// Links reports whether images have a runtime that is linked from the JDK. The jlink of older ones lacks options that this needs.
func (j JDK) Links() bool { return j.Major() >= 17 }

// vendorTool returns the tool of a vendor's archive.
func (j JDK) vendorTool(s Source) tool.Tool {
	return tool.Tool{
		Folder: j.Folder(), Title: "Java " + j.Version,
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			address, err := j.address(s.Mirror)
			if err != nil {
				return err
			}
			file, err := client.Get(ctx, fetch.Artifact{
				Name: "Java " + j.Version, Sum: j.release.Hash, URLs: []string{address}, Setting: MirrorVariable,
			})
			if err != nil {
				return err
			}
			return unpack.Archive(file, dir, unpack.Options{Strip: 1, Want: func(name string) bool {
				return name != "lib/src.zip" && name != "src.zip" && !strings.HasPrefix(name, "man/") && !strings.HasPrefix(name, "sample/")
			}})
		},
	}
}

// address returns where the archive is in a mirror: below the tag of its release, under its name, as its vendor has it.
func (j JDK) address(mirror string) (string, error) {
	purl, err := packageurl.FromString(j.release.PURL)
	if err != nil {
		return "", fault.Internal("%s is no package URL", j.release.PURL)
	}
	base, err := url.Parse(mirror)
	if err != nil || !slices.Contains([]string{"https", "http", "file"}, base.Scheme) {
		return "", fault.Fault{ID: "java-mirror-syntax", What: MirrorVariable + " is no https, http or file address",
			Do: "write it like https://mirror.example.test/temurin"}
	}
	at := base.JoinPath(purl.Version, purl.Qualifiers.Map()["file_name"])
	at.RawPath = strings.ReplaceAll(at.EscapedPath(), "+", "%2B") // some servers take + for a space
	return at.String(), nil
}
