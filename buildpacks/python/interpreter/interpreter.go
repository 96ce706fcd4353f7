// Package interpreter installs CPython, once for all apps, as it is in images: without what no app loads, and compiled.
package interpreter

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
)

//go:embed trixie/lock-*.toml bookworm/lock-*.toml
var locks embed.FS

// licenceID is the licence of Python, as SPDX calls it.
const licenceID = "PSF-2.0"

// recipe changes when the same packages give another folder.
const recipe = "4"

// Home is the folder of the interpreter in an image. Compiled modules name it, whatever folder a platform has for layers: Python
// corrects it when it loads them from elsewhere.
const Home = "/layers/strata_python/cpython"

// debians are the versions that Debian has, the default first, and the layers of the stacks in trixie and bookworm that make them.
// All of them are linked against the libraries of Debian 13, as the run image is.
var debians = []struct {
	minor  string
	layers []string
}{
	{"3.13", []string{"python3.13", "libraries"}},
	{"3.11", []string{"python3.11", "libraries", "crypt"}},
}

// Interpreter is a build of CPython for an architecture.
type Interpreter struct {
	Version  string // as its authors have it: "3.13.5"
	arch     string
	packages []deb.Locked // of Debian
	headers  []deb.Locked
	release  lock.Release // the standalone build, if it is none of Debian
}

// Source says where interpreters come from.
type Source struct {
	Mirrors deb.Mirrors                           // of Debian
	Mirror  string                                // of standalone builds, as MirrorVariable has it; "": uv says where they are
	UV      func(context.Context) (string, error) // returns the program uv
	// Compiler returns the folder of an interpreter of the same release that runs here; nil if the one that is installed does.
	Compiler func(context.Context) (string, error)
	Log      *report.Log
}

// Debian returns the interpreters that Debian has for an architecture, the default first, none for one that is not locked.
func Debian(arch string) ([]Interpreter, error) {
	var all []deb.Locked
	for _, release := range []string{"trixie", "bookworm"} {
		text, err := locks.ReadFile(release + "/lock-" + arch + ".toml")
		if err != nil {
			return nil, nil
		}
		packages, err := deb.ReadLock(string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, packages...)
	}
	var found []Interpreter
	for _, d := range debians {
		p := Interpreter{arch: arch}
		for _, one := range all {
			switch {
			case slices.Contains(d.layers, one.Layer):
				p.packages = append(p.packages, one)
			case one.Layer == "headers"+d.minor:
				p.headers = append(p.headers, one)
			}
			if one.Name == "python"+d.minor+"-minimal" {
				p.Version, _, _ = strings.Cut(one.Version, "-")
			}
		}
		found = append(found, p)
	}
	return found, nil
}

// Minor returns the minor version: "3.13".
func (p Interpreter) Minor() string { return Minor(p.Version) }

// Minor returns the minor version of a version of Python: "3.13" of "3.13.5".
func Minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// Tool returns the tool that the interpreter is: a folder with bin/python3.13, bin/python3 and bin/python, and lib, in which are its
// libraries and lib/python3.13. The image has a copy of it at Home.
func (p Interpreter) Tool(s Source) tool.Tool {
	return tool.Tool{
		Folder: p.Folder(), Title: "Python " + p.Version,
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			if err := p.unpack(ctx, client, s, dir); err != nil {
				return err
			}
			for _, name := range []string{"python3", "python"} {
				if err := os.Symlink("python"+p.Minor(), filepath.Join(dir, "bin", name)); err != nil {
					return err
				}
			}
			python := dir
			if s.Compiler != nil {
				var err error
				if python, err = s.Compiler(ctx); err != nil {
					return err
				}
			}
			return p.compile(ctx, s.Log, python, dir)
		},
	}
}

// unpack puts what an image has of the interpreter into a folder.
func (p Interpreter) unpack(ctx context.Context, client *fetch.Client, s Source, dir string) error {
	if p.Standalone() {
		return p.unpackStandalone(ctx, client, s, dir, p.placeStandalone)
	}
	return deb.Unpack(ctx, client, s.Mirrors, p.packages, dir, unpack.Options{Place: p.place})
}

// Headers returns the tool with the headers of the interpreter, for packages that are compiled: folders for CPATH are in it.
func (p Interpreter) Headers(s Source) tool.Tool {
	below := func(folder string) func(string) string {
		return func(name string) string {
			inner, found := strings.CutPrefix(name, folder)
			if !found {
				return ""
			}
			return inner
		}
	}
	return tool.Tool{
		Folder: "headers-" + p.Folder(), Title: "the headers of Python " + p.Version,
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			if p.Standalone() {
				return p.unpackStandalone(ctx, client, s, dir, below("include/"))
			}
			return deb.Unpack(ctx, client, s.Mirrors, p.headers, dir, unpack.Options{Place: below("usr/include/")})
		},
	}
}

// Includes returns the folders for CPATH in that of the headers.
func (p Interpreter) Includes(dir string) []string {
	python := "python" + p.Minor()
	return []string{filepath.Join(dir, python), filepath.Join(dir, deb.Triplets[p.arch], python), dir}
}

// Folder names the interpreter: another name for other files.
func (p Interpreter) Folder() string {
	return "cpython-" + p.Version + "-" + deb.Digest(recipe+" "+p.release.Hash, p.packages)
}

// Release names the interpreter among those of its minor version, by what it is made of: "3.13.5-0123456789abcdef".
func (p Interpreter) Release() string { return strings.TrimPrefix(p.Folder(), "cpython-") }

// ABI returns what packages are made for, of an interpreter in a folder: its minor version, the number that compiled modules begin with
// (PEP 3147), and whether it brings libraries of its own.
func (p Interpreter) ABI(dir string) (string, error) {
	module, err := tree.ReadFile(filepath.Join(dir, compile.Output("lib/python"+p.Minor()+"/os.py", p.Minor())))
	if err != nil {
		return "", fmt.Errorf("reading a compiled module: %w", err)
	}
	if len(module) < 2 {
		return "", fault.Internal("Python %s has an empty module", p.Version)
	}
	libraries := "debian"
	if p.Standalone() {
		libraries = "standalone"
	}
	return fmt.Sprintf("cpython-%s-%d-%s", p.Minor(), binary.LittleEndian.Uint16(module), libraries), nil
}

// idle matches what no app loads: tests of Python itself, the text of its manual and games, modules for terminals and old files with
// libraries of their own, those of other systems, and those in Python that stand in for compiled ones. Debian's mark that pip must not
// install is about Debian, and so is its hook for sites.
var idle = regexp.MustCompile(`^(test|idlelib|turtledemo|pydoc_data|lib2to3|tkinter|ensurepip|venv|curses|msilib|__phello__)/|` +
	`^config-[^/]*/|` +
	`^(turtle\.py|_pydecimal\.py|_pydatetime\.py|_pyio\.py|sitecustomize\.py|EXTERNALLY-MANAGED)$|/tests?/|` +
	`^(_(aix|android|apple|ios|osx)_support|nturl2path|\w+/(_aix|mbcs|oem|popen_spawn_win32|windows_\w+))\.py$|` +
	`^lib-dynload/(_test|_ctypes_test|xx|_xx|readline|_curses|_dbm|_gdbm|nis|_tkinter)[^/]*\.so$`)

// place returns where a file of the packages is in the interpreter's folder, "" for one that is left out.
func (p Interpreter) place(name string) string {
	python := "python" + p.Minor()
	if name == "usr/bin/"+python {
		return "bin/" + python
	}
	if inner, found := strings.CutPrefix(name, "usr/lib/"+python+"/"); found && !idle.MatchString(inner) {
		return "lib/" + python + "/" + inner
	}
	if dir, file := path.Split(name); dir == "usr/lib/"+deb.Triplets[p.arch]+"/" && !strings.HasPrefix(file, "libexpatw") {
		return "lib/" + file
	}
	if inner, found := strings.CutPrefix(name, "usr/share/doc/"); found && (path.Base(name) == "copyright" || !strings.Contains(inner, "/")) {
		return "share/doc/" + inner
	}
	return ""
}

// compile compiles all modules of the interpreter in a folder, those of each folder by a process of its own of the interpreter python.
func (p Interpreter) compile(ctx context.Context, log *report.Log, python, dir string) error {
	inner := "lib/python" + p.Minor()
	byFolder := map[string][]compile.Module{}
	var folders []string
	err := fs.WalkDir(os.DirFS(dir), inner, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".py" || !entry.Type().IsRegular() {
			return err
		}
		folder := path.Dir(name)
		if byFolder[folder] == nil {
			folders = append(folders, folder)
		}
		byFolder[folder] = append(byFolder[folder], compile.Module{
			Source: filepath.Join(dir, name), Final: path.Join(Home, name), Output: filepath.Join(dir, compile.Output(name, p.Minor())),
		})
		return nil
	})
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return fault.Internal("Python %s has no modules", p.Version)
	}
	jobs := make([][]compile.Module, 0, len(folders))
	for _, folder := range folders {
		jobs = append(jobs, byFolder[folder])
	}
	return compile.Run(ctx, log, python, p.Minor(), jobs)
}

// Document returns the bill of materials of the interpreter in a folder. The licences of Debian's packages are those that their
// copyright files name. Those of Python itself are in prose there, and say what Python's own licence is.
func (p Interpreter) Document(dir string) (*sbom.Document, error) {
	python := sbom.Component{
		Type: "application", Name: "python", Version: p.Version, PURL: "pkg:generic/python@" + p.Version, Licenses: []string{licenceID},
	}
	if p.Standalone() {
		python.PURL = p.release.PURL
	}
	document := &sbom.Document{Subject: sbom.Component{Name: path.Base(Home)}}
	for _, one := range p.packages {
		copyright, err := tree.ReadFile(filepath.Join(dir, "share/doc", one.Name, "copyright"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the licences of %s: %w", one.Name, err)
		}
		c := sbom.Component{
			Name: one.Name, Version: one.Version, PURL: one.Purl, SHA256: one.SHA256, Licenses: archive.Licences(string(copyright)),
		}
		if strings.Contains(one.Name, "python3") {
			c.Licenses = []string{licenceID}
		}
		document.Components = append(document.Components, c)
		python.Dependencies = append(python.Dependencies, one.Purl)
	}
	document.Components = append(document.Components, python)
	return document, nil
}
