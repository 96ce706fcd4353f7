package native

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// part is something of what is installed that no program reads when it runs.
type part struct {
	name     string
	folders  []string // in the prefix
	suffixes []string // of files, except those in folders with data
	scripts  string   // suffix of scripts in bin
}

// leftOut are the parts that an image does without unless its user says otherwise.
var leftOut = []part{
	{"headers", []string{
		"include", "lib/pkgconfig", "share/pkgconfig", "lib/cmake", "share/cmake", "share/aclocal", "lib64/pkgconfig", "lib64/cmake",
	}, []string{".a", ".la", ".h", ".hpp"}, "-config"},
	{"manuals", []string{
		"man", "doc", "share/man", "share/doc", "share/info", "share/gtk-doc", "share/bash-completion", "share/zsh", "share/fish",
		"share/vim", "share/emacs",
	}, nil, ""},
	{"locales", []string{"share/locale", "lib/locale"}, nil, ""},
	{"symbols", nil, nil, ""}, // of programs and libraries
}

// data are the folders of the prefix whose files programs may read, whatever these are called.
var data = []string{"share", "etc", "var"}

// of returns why a file of the prefix is of the part: the folder that it is in, or its own name. It returns "" for one that is not.
func (p part) of(prefix, name string) string {
	if i := slices.IndexFunc(p.folders, func(folder string) bool { return within(name, folder) }); i >= 0 {
		return p.folders[i]
	}
	ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
	top, _, _ := strings.Cut(name, "/")
	if slices.ContainsFunc(p.suffixes, ends) && !slices.Contains(data, top) {
		return name
	}
	if p.scripts != "" && ends(p.scripts) && path.Dir(name) == "bin" {
		if k, err := kindOf(filepath.Join(prefix, name)); err == nil && k == other {
			return name
		}
	}
	return ""
}

// collect fills the layer with what was installed, or else with the programs and libraries that were built.
func (b build) collect(j job, l *layer.Layer) error {
	staged := filepath.Join(j.staging, l.Path)
	if err := tree.Copy(staged, l.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking what is installed: %w", err)
	}
	if err := b.outside(j, l.Path); err != nil {
		return err
	}
	if err := hoist(filepath.Join(l.Path, "sbin"), filepath.Join(l.Path, "bin")); err != nil {
		return fmt.Errorf("taking what is installed: %w", err)
	}
	entries, err := os.ReadDir(l.Path)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		if err := b.built(j, l); err != nil {
			return err
		}
	}
	return b.trim(l.Path)
}

// outside tells what an app installs outside of its prefix, where an image of Strata has no place for it.
func (b build) outside(j job, prefix string) error {
	var names []string
	found, err := tree.Each(j.staging, func(e tree.Entry) bool { return within("/"+e.Rel, prefix) }, func(e tree.Entry) (bool, error) {
		return !e.IsDir(), nil
	})
	if err != nil {
		return err
	}
	for _, one := range found {
		if one.Value {
			names = append(names, "/"+one.Entry.Rel)
		}
	}
	if len(names) > 0 {
		b.Log.Warn("not in the image, as they are installed outside of the prefix %s: %s", prefix, few(names))
	}
	return nil
}

// few enumerates the first names.
func few(names []string) string {
	const shown = 5
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}

// hoist moves the files of a folder into another, which keeps what it has.
func hoist(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.MkdirAll(to, 0o755)
	}
	for _, entry := range entries {
		target := filepath.Join(to, entry.Name())
		if _, absent := os.Lstat(target); err == nil && absent != nil {
			err = os.Rename(filepath.Join(from, entry.Name()), target)
		}
	}
	if err != nil {
		return err
	}
	return tree.Remove(from)
}

// helping are words by which the folder or the name of a program tells that it is none of the app.
var helping = []string{"test", "tests", "example", "examples", "bench", "benchmark", "benchmarks", "sample", "samples", "demo", "fuzz"}

// trials are the folders in which CMake and Meson try compilers and build what the app only needs.
var trials = []string{"CMakeFiles", "_deps", "meson-private"}

// built takes the programs and the shared libraries that a build without an install target made.
func (b build) built(j job, l *layer.Layer) error {
	skip := func(e tree.Entry) bool {
		return e.IsDir() && (slices.Contains(trials, e.Name()) || e.Path == j.staging)
	}
	found, err := tree.Each(b.AppDir, skip, func(e tree.Entry) (kind, error) {
		if !e.Type().IsRegular() {
			return other, nil
		}
		info, err := e.Info()
		if err != nil || b.keep.Keeps(e.Rel) && !info.ModTime().After(epoch) { // it stays in the app's folder
			return other, err
		}
		return kindOf(e.Path)
	})
	if err != nil {
		return err
	}
	taken := map[string]string{}
	for _, one := range found {
		folder := map[kind]string{program: "bin", library: "lib"}[one.Value]
		if folder == "" || helps(one.Entry.Rel) {
			continue
		}
		to := filepath.Join(l.Path, folder, one.Entry.Name())
		if first := taken[to]; first != "" {
			b.Log.Warn("%s is not in the image: %s has the same name", one.Entry.Rel, first)
			continue
		}
		taken[to] = one.Entry.Rel
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		if err == nil {
			err = tree.Copy(one.Entry.Path, to)
		}
		if err != nil {
			return fmt.Errorf("taking %s: %w", one.Entry.Rel, err)
		}
	}
	if len(taken) == 0 {
		return fault.Fault{ID: "native-nothing", What: b.file + " builds and installs no program",
			Do: "name the target that builds one in BP_NATIVE_MAKE_FLAGS"}
	}
	return nil
}

// helps reports whether a program of a build is no part of the app, by its path.
func helps(name string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(name), "/"), func(element string) bool {
		words := strings.FieldsFunc(element, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
		return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(helping, word) })
	})
}

// trim removes from the prefix what no program reads when it runs.
func (b build) trim(prefix string) error {
	var out []part
	for _, p := range leftOut {
		if slices.Contains(b.LeaveOut, p.name) && !slices.Contains(b.LeaveOut, "none") {
			out = append(out, p)
		}
	}
	var files, folders []string
	kept := func(name string) bool { // of folders what is in them decides
		info, err := os.Lstat(filepath.Join(prefix, name))
		if err != nil || info.IsDir() {
			return false
		}
		for _, p := range out {
			switch why := p.of(prefix, name); {
			case why == "":
				continue
			case why == name:
				files = append(files, name)
			case !slices.Contains(folders, why):
				folders = append(folders, why)
			}
			return false
		}
		return true
	}
	if err := tree.Only(prefix, kept); err != nil {
		return fmt.Errorf("leaving out what no program reads: %w", err)
	}
	if names := append(files, folders...); len(names) > 0 {
		b.Log.Bullet("Left out of what is installed, by BP_NATIVE_LEAVE_OUT: %s", few(names))
	}
	if !slices.ContainsFunc(out, func(p part) bool { return p.name == "symbols" }) {
		return nil
	}
	_, err := tree.Each(prefix, nil, func(e tree.Entry) (struct{}, error) {
		if !e.Type().IsRegular() {
			return struct{}{}, nil
		}
		return struct{}{}, strip(e.Path)
	})
	return err
}

// strip takes away what of a program or a shared library is not loaded.
func strip(file string) error {
	k, err := kindOf(file)
	if err != nil || k != program && k != library {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	to := file + ".stripped"
	if err := elf.Strip(file, to); err != nil {
		return fmt.Errorf("stripping %s: %w", path.Base(file), err)
	}
	return errors.Join(os.Chmod(to, info.Mode().Perm()), os.Rename(to, file))
}

// prove returns a fault for a file that needs a loader or a library, where none may.
func prove(prefix string) error {
	found, err := tree.Each(prefix, nil, func(e tree.Entry) (string, error) {
		if !e.Type().IsRegular() {
			return "", nil
		}
		file, loaded, err := elf.Read(e.Path)
		needs := file.Needed
		if file.Interpreter != "" {
			needs = append(needs, "the loader "+file.Interpreter)
		}
		if err != nil || !loaded {
			return "", err
		}
		return few(needs), nil
	})
	if err != nil {
		return err
	}
	for _, one := range found {
		if one.Value != "" {
			return fault.Fault{ID: "native-not-static", What: fmt.Sprintf("%s is not static: it needs %s", one.Entry.Rel, one.Value),
				Do: "build it without plug-ins and shared libraries, by BP_NATIVE_CONFIGURE_FLAGS, or set BP_NATIVE_LINK=" + dynamic}
		}
	}
	return nil
}
