package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// tree is what the dependencies of some packages lead to, as Node.js finds it on disk: the same for every package
// manager and every way to lay packages out.
type tree struct {
	root       string                       // folder of the install
	app        string                       // folder of the app with the same paths, where links to workspaces lead
	seeds      bool                         // the app's own packages are read in the install: the app has not all of them any more
	arch       string                       // as Node.js calls it
	everything bool                         // all that is in the folders of packages is needed
	slim       slim                         // what is left out of packages
	packages   map[string]*installedPackage // by path below root, "packages/a/node_modules/b"
}

// installedPackage is a package of the tree or, where its path has no node_modules, a part of the app.
type installedPackage struct {
	facts
	needs []string // paths of the packages that it can load
	addon bool     // node-gyp compiles it
	may   []string // paths of those that it loads if they are there for another reason
}

// facts are what is read of the package.json of a package.
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

// grow follows the dependencies of the package at a path, without those that are for development.
func (t *tree) grow(start string) error {
	t.packages = map[string]*installedPackage{}
	queue := []string{start}
	if t.everything {
		queue = append(queue, ".")
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if _, seen := t.packages[at]; seen {
			continue
		}
		p, err := t.read(at)
		if err != nil {
			return err
		}
		if ours(at) || p.fits(t.arch) {
			t.packages[at] = p
			queue = append(queue, p.needs...)
		}
	}
	for _, p := range t.packages { // what does not fit this machine is not there
		p.needs = append(p.needs, p.may...)
		slices.Sort(p.needs)
		p.needs = slices.DeleteFunc(p.needs, func(at string) bool { return t.packages[at] == nil })
	}
	return nil
}

// ours tells whether a path is a folder of the app and not of a package that was installed.
func ours(at string) bool { return !strings.Contains("/"+at+"/", "/"+project.ModulesDir+"/") }

// dir returns the folder that a path is below.
func (t tree) dir(at string) string {
	if ours(at) && !t.seeds {
		return t.app
	}
	return t.root
}

// read reads one package and finds what it can load.
func (t tree) read(at string) (*installedPackage, error) {
	dir := filepath.Join(t.dir(at), filepath.FromSlash(at))
	p := &installedPackage{addon: isAddon(dir)}
	data, err := os.ReadFile(filepath.Join(dir, project.ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("reading a package: %w", err)
	}
	// What is no JSON, or has fields of other kinds, Node.js starts with all the same, so it has what could be read.
	_ = json.Unmarshal(data, &p.facts)
	needs, may := map[string]bool{}, map[string]bool{}
	for i, names := range []map[string]string{p.Peer, p.Dependencies, p.Optional} {
		for name := range names {
			found, err := t.resolve(at, name)
			if err != nil {
				return nil, err
			}
			if i == 0 && p.PeerMeta[name].Optional && !t.everything {
				may[found] = true // it does not need what the app has for development
				continue
			}
			delete(may, found)
			needs[found] = found != "" // what is optional may be missing
		}
	}
	beside := []string{}
	if store := storeOf(at); store != "" {
		beside = append(beside, store)
	}
	if t.everything || len(p.Bundled)+len(p.BundledToo) > 0 {
		beside = append(beside, path.Join(at, project.ModulesDir))
	}
	for _, folder := range beside {
		if err := t.all(folder, needs); err != nil {
			return nil, err
		}
	}
	for _, none := range []string{"", at} {
		delete(needs, none)
		delete(may, none)
	}
	maps.DeleteFunc(needs, func(found string, _ bool) bool { return may[found] }) // it is in a store
	p.needs, p.may = slices.Sorted(maps.Keys(needs)), slices.Sorted(maps.Keys(may))
	return p, nil
}

var (
	inStore     = regexp.MustCompile(`^.*node_modules/\.(pnpm|bun)/[^/]+/node_modules`)
	inYarnStore = regexp.MustCompile(`^(.*node_modules/\.store/[^/]+)/package$`)
)

// storeOf returns the folder around or beside a package in which pnpm, Bun and Yarn's pnpm linker put links to what it can
// load, "" if there is none.
func storeOf(at string) string {
	if parts := inYarnStore.FindStringSubmatch(at); parts != nil {
		return path.Join(parts[1], project.ModulesDir)
	}
	return inStore.FindString(at)
}

// all adds the packages of a node_modules folder.
func (t tree) all(folder string, needs map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(t.root, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if strings.HasPrefix(entry.Name(), "@") {
			if err := t.all(name, needs); err != nil {
				return err
			}
			continue
		}
		found, err := t.follow(name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(t.dir(found), found, project.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
			continue // no package
		}
		needs[found] = found != ""
	}
	return nil
}

// resolve finds a package as Node.js does, in the folders from the asking one's up to the root; "" if it is not there.
func (t tree) resolve(from, name string) (string, error) {
	for dir := from; ; dir = path.Dir(dir) {
		if path.Base(dir) != project.ModulesDir {
			if found, err := t.follow(path.Join(dir, project.ModulesDir, name)); found != "" || err != nil {
				return found, err
			}
		}
		if dir == "." {
			return "", nil
		}
	}
}

// follow returns the path of the folder that a path or the link there leads to, "" if there is none.
func (t tree) follow(at string) (string, error) {
	for range 40 { // as often as the kernel does
		file := filepath.Join(t.root, filepath.FromSlash(at))
		info, err := os.Lstat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !ours(at):
			return "", nil
		case ours(at):
			return at, nil
		case err != nil:
			return "", err
		case info.IsDir():
			return at, nil
		case info.Mode().Type() != fs.ModeSymlink:
			return "", nil
		}
		target, err := os.Readlink(file)
		if err != nil {
			return "", err
		}
		link := at
		if at, err = t.inside(at, target); err != nil {
			return "", err
		}
		if at == "" {
			return "", fault.Fault{ID: "node-local", What: fmt.Sprintf("%s is a link to %s, outside the app", link, target), Do: "take the package from a registry or from a workspace of the app"}
		}
	}
	return "", fmt.Errorf("following %s: too many links", at)
}

// inside returns the path below the root that a link leads to, "" if it leads out.
func (t tree) inside(at, target string) (string, error) {
	if !filepath.IsAbs(target) {
		target = filepath.Join(t.root, path.Dir(at), target)
	}
	for _, dir := range []string{t.root, t.app} {
		relative, err := filepath.Rel(dir, target)
		if err != nil {
			return "", err
		}
		if filepath.IsLocal(relative) {
			return filepath.ToSlash(relative), nil
		}
	}
	return "", nil
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

// fits tells whether a package is for Linux with glibc on this machine. Not every package manager leaves out the others.
func (p *installedPackage) fits(arch string) bool {
	musl := len(p.Libc) == 0 && strings.HasSuffix(p.Name, "-musl") // not all say so
	return p.OS.allow("linux") && p.CPU.allow(arch) && p.Libc.allow("glibc") && !musl
}

// purl returns the package URL.
func (p *installedPackage) purl() string {
	namespace, base := path.Split(p.Name)
	return packageurl.NewPackageURL(packageurl.TypeNPM, strings.TrimSuffix(namespace, "/"), base, p.Version, nil, "").ToString()
}

// bill lists the packages that were installed. The subject needs what the app's own packages need.
func (t tree) bill(subject sbom.Component) *sbom.Document {
	document := sbom.Document{Subject: subject}
	for _, at := range slices.Sorted(maps.Keys(t.packages)) {
		p := t.packages[at]
		var needs []string
		for _, needed := range p.needs {
			if !ours(needed) {
				needs = append(needs, t.packages[needed].purl())
			}
		}
		if ours(at) {
			document.Subject.Dependencies = append(document.Subject.Dependencies, needs...)
			continue
		}
		document.Components = append(document.Components, sbom.Component{
			Name: p.Name, Version: p.Version, PURL: p.purl(), Licenses: p.licences(), Dependencies: needs,
		})
	}
	return &document
}

// licences returns what a package says about its licence: "license" as it is, or the older forms with a type.
func (p *installedPackage) licences() []string {
	type typed struct{ Type string }
	var text string
	var one typed
	var several []typed
	switch {
	case json.Unmarshal(p.License, &text) == nil && text != "":
		return []string{text}
	case json.Unmarshal(p.License, &one) == nil && one.Type != "":
		return []string{one.Type}
	case json.Unmarshal(p.Licenses, &several) == nil:
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
