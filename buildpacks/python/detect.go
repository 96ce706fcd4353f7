package python

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
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
	return bp.Fail(found + " found, but apps of Python cannot be built yet"), nil
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
