package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// installed is a package that was installed or, where its path has no node_modules, a part of the app.
type installed struct {
	facts
	needs []string // paths of the packages that it can load
	addon bool     // node-gyp compiles it
	may   []string // paths of those that it loads if they are there for another reason
}

// facts are what is read of the package.json of a package. Node.js starts a package whose package.json is no JSON, or has fields
// of other kinds, so what cannot be read is empty.
type facts struct {
	Name         string
	Version      string
	Main         string
	Bin          json.RawMessage
	Dependencies map[string]string
	Optional     map[string]string                  `json:"optionalDependencies"`
	Peer         map[string]string                  `json:"peerDependencies"`
	PeerMeta     map[string]struct{ Optional bool } `json:"peerDependenciesMeta"`
	Bundled      json.RawMessage                    `json:"bundleDependencies"`
	BundledToo   json.RawMessage                    `json:"bundledDependencies"`
	OS           platforms
	CPU          platforms
	Libc         platforms
	License      json.RawMessage
	Licenses     json.RawMessage
}

func readFacts(data []byte) facts {
	var f facts
	_ = json.Unmarshal(data, &f) // see facts
	return f
}

// platforms is a list of names, or one, in which "!" excludes.
type platforms []string

// UnmarshalJSON takes a text for a list of one.
func (p *platforms) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*p = platforms{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(p))
}

func (p platforms) allow(name string) bool {
	some := false
	for _, one := range p {
		if one == "!"+name {
			return false
		}
		if one == name || one == "any" {
			return true
		}
		some = some || !strings.HasPrefix(one, "!")
	}
	return !some
}

// fits reports whether a package is for Linux with glibc on this machine. Not every package manager leaves out the others.
func (f facts) fits(arch string) bool {
	musl := len(f.Libc) == 0 && strings.HasSuffix(f.Name, "-musl") // not all say so
	return f.OS.allow("linux") && f.CPU.allow(arch) && f.Libc.allow("glibc") && !musl
}

// purl returns the package URL.
func (f facts) purl() string {
	namespace, base := path.Split(f.Name)
	return packageurl.NewPackageURL(packageurl.TypeNPM, strings.TrimSuffix(namespace, "/"), base, f.Version, nil, "").ToString()
}

// licences returns what a package says about its licence: "license" as it is, or the older forms with a type.
func (f facts) licences() []string {
	type typed struct{ Type string }
	var text string
	var one typed
	var several []typed
	switch {
	case json.Unmarshal(f.License, &text) == nil && text != "":
		return []string{text}
	case json.Unmarshal(f.License, &one) == nil && one.Type != "":
		return []string{one.Type}
	case json.Unmarshal(f.Licenses, &several) == nil:
		var list []string
		for _, l := range several {
			list = append(list, l.Type)
		}
		return list
	}
	return nil
}

// program returns the file of a program that a package has, relative to its folder, "" for none. A program that has no
// name of its own is called like the package.
func (f facts) program(name string) string {
	var file string
	if json.Unmarshal(f.Bin, &file) == nil && path.Base(f.Name) == name {
		return file
	}
	var files map[string]string
	if json.Unmarshal(f.Bin, &files) != nil {
		return ""
	}
	return files[name]
}

// isAddon reports whether a package is compiled by node-gyp.
func isAddon(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "binding.gyp"))
	return err == nil
}

// compilerFiles are the ends of names of files that nothing but a compilation reads.
var compilerFiles = []string{
	".a", ".ar-file-list", ".c", ".cc", ".cpp", ".cxx", ".d", ".gyp", ".gypi", ".h", ".hh", ".hpp", ".Makefile", ".mk", ".o", ".stamp",
}

// forCompiling reports whether a compiler reads or leaves a file or folder of an addon's package, which is named by its path in it.
// The addon, wherever it is, and the package's own code are not among them.
func forCompiling(name string) bool {
	parts := strings.Split(name, "/")
	switch base := path.Base(name); base {
	case "Makefile", "obj.target", ".deps", "node_gyp_bins":
		return true
	case "obj":
		return parts[0] == "build"
	default: // node-pre-gyp compiles in build-tmp-… and puts the addon elsewhere
		return slices.Contains(compilerFiles, path.Ext(base)) || strings.HasPrefix(parts[0], "build-tmp-")
	}
}

// LeaveAddon leaves, of what a compilation made in a package of the app, nothing but the addon. The rest holds names of folders of the
// build.
func LeaveAddon(dir string) error {
	const made = "build"
	err := filepath.WalkDir(filepath.Join(dir, made), func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		inner, relErr := filepath.Rel(dir, file)
		if err != nil || relErr != nil || !forCompiling(filepath.ToSlash(inner)) {
			return errors.Join(err, relErr)
		}
		if err := os.RemoveAll(file); err != nil {
			return err
		}
		return skip(entry)
	})
	if err != nil {
		return fmt.Errorf("leaving out what a compilation made: %w", err)
	}
	return nil
}
