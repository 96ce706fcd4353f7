package python

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/start"
)

// manifests are the files that say what an app of Python needs, the most telling first.
var manifests = []string{
	"pyproject.toml", "requirements.txt", "uv.lock", "pylock.toml", "poetry.lock", "Pipfile", "Pipfile.lock", "pdm.lock",
	"setup.py", "setup.cfg", "environment.yml", "environment.yaml", "pixi.toml", "pixi.lock", "conda-lock.yml",
}

// others are the files by which an app with Python files alone may be meant for another language.
var others = []string{
	"package.json", "index.html", "go.mod", "go.work", "Cargo.toml", "composer.json", "Gemfile", "pom.xml",
	"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "build.sbt", "project.clj",
}

// Detect takes part in apps that say what they need in a file of Python's, and in Python files alone where no other language may be
// meant.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	folder, _, err := in.Config.Lookup("BP_PYTHON_PROJECT_PATH")
	if err != nil {
		return bp.DetectResult{}, err
	}
	entries, err := os.ReadDir(filepath.Join(in.AppDir, folder))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return bp.Fail(fmt.Sprintf("BP_PYTHON_PROJECT_PATH is %q, which is no folder of the app", folder)), nil
	}
	if err != nil {
		return bp.DetectResult{}, fmt.Errorf("looking for files of Python: %w", err)
	}
	found := find(entries)
	if found == "" {
		return bp.Fail("no requirements.txt, pyproject.toml or other file of Python"), nil
	}
	p, wrong := decide(in.Workspace) // the build says what is wrong with the app
	if other := otherThan(entries); wrong == nil && p.project.File == "" && other != "" {
		return bp.Fail(fmt.Sprintf("%s has the settings of tools alone, beside %s", found, other)), nil
	}
	var names []string
	if wrong == nil {
		names = p.tools()
	}
	requires := append([]bp.Entry{bp.Tools("python", names...)}, launchhelper.RequiredToReload(in.Config)...)
	if wrong == nil && start.Helped(p.project) {
		requires = append(requires, launchhelper.Required())
	}
	plan := bp.Plan{Provides: []string{"python"}, Requires: requires}
	built := plan
	built.Requires = append(slices.Clone(requires), bp.Entry{Name: assets})
	return bp.Pass(found+" found", built, plan), nil
}

// assets is the name in the build plan of what strata/front-end makes with the app's package.json before the app is built.
const assets = "assets"

// tools returns the tools that a build of the app would use.
func (p plan) tools() []string {
	names := []string{p.here.Folder()}
	if uv, err := lockedUV(); err == nil && p.project.File != "" {
		names = append(names, install.UV(uv, install.Indexes{}).Folder)
	}
	return names
}

// otherThan returns the file by which a folder may have an app of another language, "" if it has none.
func otherThan(entries []os.DirEntry) string {
	for _, e := range entries {
		if slices.Contains(others, e.Name()) && !e.IsDir() {
			return e.Name()
		}
	}
	return ""
}

// find returns the file by which a folder has an app of Python, "" if it has none.
func find(entries []os.DirEntry) string {
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name && !e.IsDir() })
	}
	if at := slices.IndexFunc(manifests, has); at >= 0 {
		return manifests[at]
	}
	if otherThan(entries) != "" {
		return ""
	}
	for _, e := range entries {
		if name := e.Name(); filepath.Ext(name) == ".py" && !strings.HasPrefix(name, ".") && !e.IsDir() {
			return name
		}
	}
	return ""
}
