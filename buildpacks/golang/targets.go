package golang

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// target is one main package.
type target struct {
	Package string `json:"package"` // as the go command takes it: "." or "./cmd/api"
	Binary  string `json:"binary"`  // the name that the go command gives it
}

// finder finds main packages by reading files: an unchanged app needs no toolchain to know its processes.
type finder struct {
	dir      string // the app
	mods     modules
	contexts [2]build.Context // without and with cgo: what needs cgo must be found to be refused
}

// newFinder evaluates build constraints for a Go version such as "1.26.8".
func newFinder(dir string, mods modules, goVersion, arch string, tags []string) finder {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.BuildTags, ctx.CgoEnabled = "linux", arch, tags, false
	ctx.GOROOT = "" // nothing of this machine's Go is asked
	ctx.ReleaseTags = releaseTags(goVersion)
	cgo := ctx
	cgo.CgoEnabled = true
	return finder{dir, mods, [2]build.Context{ctx, cgo}}
}

// releaseTags returns "go1.1" and so on to the minor of a version.
func releaseTags(v string) []string {
	var minor int
	if _, err := fmt.Sscanf(v, "1.%d", &minor); err != nil {
		return build.Default.ReleaseTags
	}
	tags := make([]string, 0, minor)
	for i := 1; i <= minor; i++ {
		tags = append(tags, fmt.Sprintf("go1.%d", i))
	}
	return tags
}

// find returns the targets that were asked for, or else the default ones. The first is the default process.
func (f finder) find(asked []string) ([]target, error) {
	var dirs []string
	var err error
	if len(asked) > 0 {
		dirs, err = f.asked(asked)
	} else {
		dirs, err = f.defaults()
	}
	if err != nil {
		return nil, err
	}
	var targets []target
	owner := map[string]string{}
	for _, d := range dirs {
		t := f.target(d)
		if slices.Contains(targets, t) {
			continue
		}
		if other, ok := owner[t.Binary]; ok {
			return nil, fault.Fault{
				ID: "go-target-twice", What: fmt.Sprintf("%s and %s both give a binary named %s", other, t.Package, t.Binary),
				Do: "leave one of them out of BP_GO_TARGETS",
			}
		}
		owner[t.Binary] = t.Package
		targets = append(targets, t)
	}
	return targets, nil
}

// asked returns the folders that BP_GO_TARGETS names, in its order.
func (f finder) asked(asked []string) ([]string, error) {
	var dirs []string
	for _, a := range asked {
		clean := path.Clean(a)
		if !filepath.IsLocal(clean) {
			return nil, targetFault("go-target-outside", a, "is outside the app", giveFolders)
		}
		root, wild := strings.CutSuffix(clean, "...")
		if wild {
			found, err := f.below(path.Clean(root))
			if errors.Is(err, fs.ErrNotExist) {
				return nil, targetFault("go-target-missing", a, "does not exist", giveFolders)
			}
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				return nil, targetFault("go-no-main", a, "matches no main package", nameMain)
			}
			dirs = append(dirs, found...)
			continue
		}
		name, err := f.packageName(clean)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, targetFault("go-target-missing", a, "does not exist", giveFolders)
		case err != nil:
			return nil, err
		case name == "":
			return nil, targetFault("go-target-empty", a, "has no Go files for this target", nameMain)
		case name != "main":
			return nil, targetFault("go-target-not-main", a, "is package "+name, nameMain)
		}
		dirs = append(dirs, clean)
	}
	return dirs, nil
}

// What to do about a target that is wrong.
const (
	giveFolders = "give folders relative to the app, such as ./cmd/api"
	nameMain    = "name a folder that has package main"
)

func targetFault(id, asked, what, do string) error {
	return fault.Fault{ID: id, What: fmt.Sprintf("BP_GO_TARGETS names %q, which %s", asked, what), Do: do}
}

// defaults returns the main packages at each module's root and in cmd/*, or else the only main package there is.
func (f finder) defaults() ([]string, error) {
	var dirs, all []string
	for _, m := range f.mods.Dirs {
		candidates := []string{m}
		commands := path.Join(m, "cmd")
		entries, err := os.ReadDir(filepath.Join(f.dir, filepath.FromSlash(commands)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil, fmt.Errorf("looking for commands: %w", err)
		}
		for _, e := range entries {
			rel := path.Join(commands, e.Name())
			if e.IsDir() && !f.separate(commands) && !f.separate(rel) {
				candidates = append(candidates, rel)
			}
		}
		for _, rel := range candidates {
			if name, err := f.packageName(rel); err == nil && name == "main" {
				dirs = append(dirs, rel)
			}
		}
	}
	if len(dirs) > 0 {
		return dirs, nil
	}
	for _, m := range f.mods.Dirs {
		found, err := f.below(m)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	switch len(all) {
	case 1:
		return all, nil
	case 0:
		return nil, fault.Fault{
			ID: "go-no-main", What: "no main package was found at the root, in cmd/* or elsewhere",
			Do: "an app needs a package main; name it in BP_GO_TARGETS",
		}
	}
	return nil, fault.Fault{
		ID: "go-many-mains", What: "there are several main packages, none of them at the root or in cmd/*: ./" + strings.Join(all, ", ./"),
		Do: "name the ones to build in BP_GO_TARGETS",
	}
}

// below returns root and the folders below it that are main packages of the same module, as the go command's root/... does.
func (f finder) below(root string) ([]string, error) {
	var dirs []string
	base := filepath.Join(f.dir, filepath.FromSlash(root))
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(f.dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		name := d.Name()
		if p != base && (name[0] == '.' || name[0] == '_' || name == "testdata" || name == "vendor" || f.separate(rel)) {
			return fs.SkipDir
		}
		if name, err := f.packageName(rel); err == nil && name == "main" {
			dirs = append(dirs, rel)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for main packages below %q: %w", root, err)
	}
	return dirs, nil
}

// separate reports whether a folder is the root of a module that this build is not made of.
func (f finder) separate(rel string) bool {
	_, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(rel), "go.mod"))
	return err == nil && !slices.Contains(f.mods.Dirs, rel)
}

// packageName returns the name in the package clause of a folder or Go file, "" if none of its files is for this target.
func (f finder) packageName(rel string) (string, error) {
	full := filepath.Join(f.dir, filepath.FromSlash(rel))
	if _, err := os.Stat(full); err != nil {
		return "", err
	}
	if strings.HasSuffix(rel, ".go") {
		return "main", nil // the compiler knows better
	}
	var name string
	for _, ctx := range f.contexts {
		p, err := ctx.ImportDir(full, 0)
		if errors.As(err, new(*build.NoGoError)) {
			continue
		}
		if err != nil && (p == nil || p.Name == "") {
			return "main", nil // it does not parse, which the compiler explains best
		}
		if name = p.Name; name == "main" {
			break
		}
	}
	return name, nil
}

// target names the binary of a folder as the go command does: by the last element of the import path that is no major version.
func (f finder) target(rel string) target {
	t := target{Package: "./" + rel}
	if rel == "." {
		t.Package = "."
	}
	if file, ok := strings.CutSuffix(path.Base(rel), ".go"); ok {
		t.Binary = file
		return t
	}
	for dir, tail := rel, ""; ; dir, tail = path.Dir(dir), path.Join(path.Base(dir), tail) {
		root, err := modulePath(f.dir, dir)
		if err != nil && dir != "." {
			continue
		}
		importPath := path.Join(root, tail)
		t.Binary = path.Base(importPath)
		if isMajor(t.Binary) && path.Dir(importPath) != "." {
			t.Binary = path.Base(path.Dir(importPath))
		}
		return t
	}
}

// isMajor reports whether a path element is a major version suffix: v2 and up.
func isMajor(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	return ok && digits != "" && digits != "1" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
