package golang

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/gofiles"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// Detect takes part in apps that have a go.work or go.mod at their root or name their modules in BP_GO_WORK_USE. Go files alone do where
// no other language may be meant.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	plan := bp.Plan{
		Provides: []string{"go"},
		Requires: append([]bp.Entry{bp.Tools("go", tools(in)...)}, launchhelper.RequiredToReload(in.Config)...),
	}
	if mode, _, err := in.Config.Lookup("BP_GO_CGO"); err != nil {
		return bp.DetectResult{}, err
	} else if libc, _ := in.Target.Libc(); mode == cgoDynamic && libc != bp.Glibc {
		return bp.Fail(noDynamic), nil
	}
	if use, set, err := in.Config.Lookup("BP_GO_WORK_USE"); err != nil {
		return bp.DetectResult{}, err
	} else if set {
		return bp.Pass("BP_GO_WORK_USE is "+use, plan), nil
	}
	for _, name := range []string{"go.work", "go.mod"} {
		info, err := os.Stat(filepath.Join(in.AppDir, name))
		if err == nil && info.Mode().IsRegular() {
			return detectModule(in, name, plan)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bp.DetectResult{}, fmt.Errorf("looking for %s: %w", name, err)
		}
	}
	p, err := look(in.AppDir)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if p.Loose != "" {
		if _, err := os.Stat(filepath.Join(in.AppDir, "package.json")); err == nil {
			return bp.Fail(p.Loose + " found, but no go.mod or go.work; make one with go mod init"), nil
		}
		return bp.Pass(p.Loose+" found, without go.mod", plan), nil
	}
	if len(p.Modules) > 0 {
		return bp.Fail(fmt.Sprintf("no go.mod or go.work, but %s/go.mod; build that folder, or set BP_GO_WORK_USE=%s",
			p.Modules[0], list(p.Modules[:1]))), nil
	}
	return bp.Fail("no go.mod or go.work"), nil
}

// others are files of apps in other languages, and the page of a site.
var others = []string{"package.json", "index.html", "pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "Cargo.toml"}

// detectModule passes an app with a go.mod or a go.work. Sites and apps in other languages may have one, too, for modules of Hugo or tools
// of their developers: without a program in Go, such an app is left to its language.
func detectModule(in bp.DetectContext, file string, plan bp.Plan) (bp.DetectResult, error) {
	_, named, err := in.Config.Lookup("BP_GO_TARGETS")
	if err != nil {
		return bp.DetectResult{}, err
	}
	i := slices.IndexFunc(others, func(name string) bool {
		info, err := os.Stat(filepath.Join(in.AppDir, name))
		return err == nil && info.Mode().IsRegular()
	})
	if i < 0 || named {
		return bp.Pass(file+" found", plan), nil
	}
	found, err := gofiles.HasProgram(in.AppDir)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if !found {
		return bp.Fail(file + " found, but no package main, and there is " + others[i]), nil
	}
	return bp.Pass(file+" found", plan), nil
}

// places are where an app has Go below its root.
type places struct {
	Loose   string   // a Go file of an app without go.mod, at its root or in cmd; "" when there is none
	Modules []string // the folders below the root that have a go.mod, slash-separated, those nearest to the root first
}

// deepest is how many levels below the root a module is looked for.
const deepest = 3

// look looks for Go in folders that are the app's own, at most three levels deep. A folder that cannot be read has nothing to build.
func look(dir string) (places, error) {
	var p places
	level := func(name string) int { return strings.Count(name, "/") }
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		base, folder := path.Base(name), path.Dir(name)
		switch {
		case err != nil && name != "." && errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil || name == ".":
			return err
		case d.IsDir():
			if gofiles.Hidden(base) || base == "node_modules" || level(name) >= deepest {
				return fs.SkipDir
			}
		case base == "go.mod" && folder != ".":
			p.Modules = append(p.Modules, folder)
		case path.Ext(base) == ".go" && !gofiles.Hidden(base) && (folder == "." || folder == "cmd" || path.Dir(folder) == "cmd"):
			if p.Loose == "" || level(name) < level(p.Loose) {
				p.Loose = name
			}
		}
		return nil
	})
	if err != nil {
		return places{}, fmt.Errorf("looking for Go files: %w", err)
	}
	slices.SortStableFunc(p.Modules, func(a, b string) int { return cmp.Compare(level(a), level(b)) })
	return p, nil
}
