package python

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// manifests are the files that say what an app of Python needs, the most telling first.
var manifests = []string{
	"pyproject.toml", "requirements.txt", "uv.lock", "pylock.toml", "poetry.lock", "Pipfile", "Pipfile.lock", "pdm.lock",
	"setup.py", "setup.cfg", "environment.yml", "environment.yaml", "pixi.toml", "pixi.lock", "conda-lock.yml",
}

// others are the files by which an app with Python files alone may be meant for another language.
var others = []string{"package.json", "index.html", "go.mod", "go.work", "Cargo.toml", "composer.json", "Gemfile", "pom.xml"}

// Detect takes part in apps that say what they need in a file of Python's, and in Python files alone where no other language may be
// meant.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	entries, err := os.ReadDir(in.AppDir)
	if err != nil {
		return bp.DetectResult{}, fmt.Errorf("looking for files of Python: %w", err)
	}
	found := find(entries)
	if found == "" {
		return bp.Fail("no requirements.txt, pyproject.toml or other file of Python"), nil
	}
	plan := bp.Plan{Provides: []string{"python"}, Requires: []bp.Entry{bp.Tools("python", tools(in)...)}}
	if _, err := os.Stat(filepath.Join(in.AppDir, procfile.Name)); err != nil {
		return bp.Fail(found + " found, but no Procfile; apps without one cannot be started yet"), nil
	}
	return bp.Pass(found+" found", plan), nil
}

// tools returns the tools that a build of the app would use. The build says what is wrong with an app that has none.
func tools(in bp.DetectContext) []string {
	p, err := decide(in.Workspace)
	if err != nil {
		return nil
	}
	names := []string{p.python.Folder()}
	if p.project.File != "" {
		uv, err := lockedUV(in.Target.Arch)
		if err != nil {
			return nil
		}
		names = append(names, install.UV(uv, install.Indexes{}).Folder)
	}
	return names
}

// find returns the file by which a folder has an app of Python, "" if it has none.
func find(entries []os.DirEntry) string {
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name && !e.IsDir() })
	}
	if at := slices.IndexFunc(manifests, has); at >= 0 {
		return manifests[at]
	}
	if slices.ContainsFunc(others, has) {
		return ""
	}
	for _, e := range entries {
		if name := e.Name(); filepath.Ext(name) == ".py" && !strings.HasPrefix(name, ".") && !e.IsDir() {
			return name
		}
	}
	return ""
}
