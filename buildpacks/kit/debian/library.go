package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Libraries are the libraries of a root.
type Libraries struct {
	root     Root
	packages map[string]string // package URLs by paths
}

// Library is a file of a root, behind all links, and the package URL of what it is of.
type Library struct{ File, Purl string }

// Libraries returns the libraries of the root. A zero Root has none.
func (r Root) Libraries() (Libraries, error) {
	l := Libraries{root: r}
	if r.Dir == "" {
		return l, nil
	}
	data, err := tree.ReadFile(filepath.Join(r.Dir, contents))
	if err == nil {
		err = json.Unmarshal(data, &l.packages)
	}
	if err != nil {
		return l, fmt.Errorf("reading the libraries of Debian's packages: %w", err)
	}
	return l, nil
}

// Find returns the library of a name, and reports whether there is one: the file of the folder that the loader looks into if it is
// there, or the first one of that name.
func (l Libraries) Find(name string) (Library, bool) {
	var paths []string
	for file := range l.packages {
		if path.Base(file) == name {
			paths = append(paths, file)
		}
	}
	slices.Sort(paths)
	for _, file := range append([]string{"usr/lib/" + l.root.triplet + "/" + name, "usr/lib/" + name}, paths...) {
		purl := l.packages[file]
		real, err := filepath.EvalSymlinks(filepath.Join(l.root.Dir, file))
		if purl == "" || err != nil {
			continue // a link of a package with headers may lead to what is not there
		}
		if within, err := filepath.Rel(l.root.Dir, real); err == nil && l.packages[within] != "" {
			return Library{real, l.packages[within]}, true
		}
	}
	return Library{}, false
}

// In returns the names of the libraries that a package of the root has in the folders that the loader looks into, sorted. A file that
// a link of the package leads to has the link's name alone.
func (l Libraries) In(name string) []string {
	of := l.root.Named(name)
	var names, behind []string
	for file, purl := range l.packages {
		folder, base := path.Split(file)
		if purl != of || folder != "usr/lib/"+l.root.triplet+"/" && folder != "usr/lib/" || strings.HasSuffix(base, ".a") {
			continue
		}
		names = append(names, base)
		if to, err := os.Readlink(filepath.Join(l.root.Dir, file)); err == nil {
			behind = append(behind, path.Base(to))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(behind, name) })
	slices.Sort(names)
	return names
}

// Of returns the package URL of the package that a library is of, whose path may lead through links and "..", and reports whether it is one
// of the root's.
func (l Libraries) Of(file string) (purl string, ok bool) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", false
	}
	within, err := filepath.Rel(l.root.Dir, real)
	return l.packages[within], err == nil && l.packages[within] != ""
}

// Named returns the package URL of a package of the root, "" if there is none of that name.
func (r Root) Named(name string) string {
	for _, one := range r.locked {
		if one.Name == name {
			return one.Purl
		}
	}
	return ""
}

// Component describes a package of the root for a bill of materials.
func (r Root) Component(purl string) (sbom.Component, error) {
	k := slices.IndexFunc(r.locked, func(one deb.Locked) bool { return one.Purl == purl })
	if k < 0 {
		return sbom.Component{}, fmt.Errorf("no package is %s", purl)
	}
	one := r.locked[k]
	c := sbom.Component{Name: one.Name, Version: one.Version, PURL: purl, SHA256: one.SHA256}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return c, err
	}
	defer root.Close()
	copyright, err := tree.ReadIn(root, "usr/share/doc/"+one.Name+"/copyright")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("reading the licences of %s: %w", one.Name, err)
	}
	c.Licenses = archive.Licences(string(copyright))
	return c, nil
}

// Owners returns the packages that libraries are of, by the names of libraries, as far as names tell and the signed index confirms.
// Debian's policy names a package after its library, and owned has those that differ.
func Owners(ctx context.Context, in bp.BuildContext, libraries []string) (map[string]string, error) {
	s := Source{In: in.Workspace}
	var err error
	if s.Mirrors, err = tool.Debian(in.Workspace); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "strata-debian-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is of the build's temporary folder
	src, err := s.archive(dir)
	if err != nil {
		return nil, err
	}
	arch := in.Target.Arch
	indexes, err := archive.Open(ctx, src, codename, arch)
	if err != nil {
		return nil, err
	}
	return owners(indexes[arch], libraries), nil
}

func owners(ix *archive.Index, libraries []string) map[string]string {
	found := map[string]string{}
	for _, library := range libraries {
		for _, name := range candidates(library) {
			if ix.Newest(name) != nil {
				found[library] = name
				break
			}
		}
	}
	return found
}

// owned are the packages of libraries that are not named after them, by the beginning of the libraries' names.
var owned = []struct{ library, name string }{
	{"libbz2.so.1.0", "libbz2-1.0"}, {"libexslt.so.0", "libxslt1.1"}, {"libxslt.so.1", "libxslt1.1"},
	{"libgio-2.0.so.0", "libglib2.0-0t64"}, {"libgobject-2.0.so.0", "libglib2.0-0t64"}, {"libgmodule-2.0.so.0", "libglib2.0-0t64"},
	{"libgthread-2.0.so.0", "libglib2.0-0t64"}, {"libharfbuzz.so.0", "libharfbuzz0b"},
	{"libicudata.so.", "libicu"}, {"libicui18n.so.", "libicu"}, {"libicuuc.so.", "libicu"},
	{"libjpeg.so.62", "libjpeg62-turbo"}, {"liblber.so.2", "libldap2"},
	{"libtcmalloc.so.4", "libgoogle-perftools4t64"},
	{"libtcmalloc_minimal.so.4", "libtcmalloc-minimal4t64"},
}

// named matches the name of a library and its version.
var named = regexp.MustCompile(`^(lib.+)\.so\.([0-9][0-9.]*)$`)

// dashed matches the dash before a version within a library's name.
var dashed = regexp.MustCompile(`-([0-9])`)

// candidates returns what the package of a library may be called (Debian Policy, 8.1): the library's name and version, with a dash
// between digits; since 2024 with t64 where the size of a time has changed.
func candidates(library string) []string {
	for _, one := range owned {
		if one.library == library {
			return []string{one.name}
		}
		if version, ok := strings.CutPrefix(library, one.library); ok && strings.HasSuffix(one.library, ".") {
			return []string{one.name + version}
		}
	}
	m := named.FindStringSubmatch(library)
	if m == nil {
		return nil
	}
	name := strings.ReplaceAll(strings.ToLower(m[1]), "_", "-")
	var list []string
	for _, name := range []string{name, dashed.ReplaceAllString(name, "$1")} {
		for _, dash := range []string{"", "-"} {
			for _, suffix := range []string{"", "t64"} {
				list = append(list, name+dash+m[2]+suffix)
			}
		}
	}
	return append(list, name)
}
