package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the direction of imports: suite -> buildpacks -> kit, and libcnb and libpak behind kit/bp.
func TestImports(t *testing.T) {
	t.Parallel()
	seen := 0
	err := fs.WalkDir(os.DirFS(root), "buildpacks", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(p) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, p), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			seen++
			if why := banned(path.Dir(p), imported); why != "" {
				t.Errorf("%s imports %s: %s", p, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no imports found")
	}
}

// banned returns why the package in the folder from may not import a path, "" if it may.
func banned(from, imported string) string {
	if strings.HasPrefix(imported, "github.com/buildpacks/libcnb") || strings.Contains(imported, "/libpak") {
		if from != "buildpacks/kit/bp" {
			return "only kit/bp does"
		}
		return ""
	}
	own, ok := strings.CutPrefix(imported, ours)
	if !ok || strings.HasPrefix(own, "buildpacks/kit/") || from == "buildpacks/suite" || room(own) == room(from) {
		return ""
	}
	if strings.HasPrefix(from, "buildpacks/kit/") {
		return "kit imports nothing of ours outside kit"
	}
	return "buildpacks import nothing of ours but kit"
}

// room returns the folder of the buildpack that a package is part of. A package of kit is a room of its own.
func room(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	if len(parts) < 3 || parts[1] == "kit" {
		return folder
	}
	return path.Join(parts[:2]...)
}

func TestBanned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, imported string
		banned         bool
	}{
		{"buildpacks/kit/bp", "github.com/buildpacks/libcnb/v2", false},
		{"buildpacks/kit/layer", "github.com/buildpacks/libcnb/v2", true},
		{"buildpacks/golang", "github.com/paketo-buildpacks/libpak/v2/bindings", true},
		{"buildpacks/golang", ours + "buildpacks/kit/bp", false},
		{"buildpacks/golang", ours + "buildpacks/procfile", true},
		{"buildpacks/procfile", ours + "buildpacks/procfile", false},
		{"buildpacks/web/serve", ours + "buildpacks/web", false},
		{"buildpacks/web/serve", ours + "buildpacks/node", true},
		{"buildpacks/node", ours + "buildpacks/node/project", false},
		{"buildpacks/golang", ours + "buildpacks/node/project", true},
		{"buildpacks/kit/bp", ours + "builder/compose", true},
		{"buildpacks/suite", ours + "buildpacks/golang", false},
	}
	for _, test := range tests {
		if got := banned(test.from, test.imported); (got != "") != test.banned {
			t.Errorf("%s imports %s: got %q, want banned=%t", test.from, test.imported, got, test.banned)
		}
	}
}
