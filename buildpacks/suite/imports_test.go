package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// shared are the packages of kit that stacks and builder use too. They import nothing of kit's others.
var shared = []string{"deb", "elf", "fault", "fetch", "runtimes", "sbom", "seccomp", "tree", "truststore", "unpack", "verdict"}

// TestImports holds the direction of imports: scripts -> builder -> stacks -> kit's shared packages, suite -> buildpacks -> kit, and
// libcnb and libpak behind kit/bp.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, tree := range []string{"buildpacks", "stacks", "builder"} {
		seen := 0
		err := fs.WalkDir(os.DirFS(root), tree, func(p string, entry fs.DirEntry, err error) error {
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
				if why := banned(path.Dir(p), imported, strings.HasSuffix(p, "_test.go")); why != "" {
					t.Errorf("%s imports %s: %s", p, imported, why)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen == 0 {
			t.Errorf("no imports found in %s", tree)
		}
	}
}

// banned returns why a file in the folder from may not import a path, "" if it may.
func banned(from, imported string, test bool) string {
	if strings.HasPrefix(imported, "github.com/buildpacks/libcnb") || strings.Contains(imported, "/libpak") {
		if from != "buildpacks/kit/bp" {
			return "only kit/bp does"
		}
		return ""
	}
	own, ok := strings.CutPrefix(imported, ours)
	if !ok || test && own == "buildpacks/kit/kittest" {
		return ""
	}
	allowed := append(mayImport(from), room(from))
	if slices.ContainsFunc(allowed, func(folder string) bool { return own == folder || strings.HasPrefix(own, folder+"/") }) {
		return ""
	}
	return "of ours it may import " + strings.Join(allowed, ", ")
}

// mayImport returns the folders that a package may import from, besides its own room.
func mayImport(from string) []string {
	var base []string
	for _, name := range shared {
		base = append(base, "buildpacks/kit/"+name)
	}
	top, _, _ := strings.Cut(from, "/")
	switch {
	case top == "builder":
		return append(base, "builder", "stacks")
	case top == "stacks":
		return append(base, "stacks")
	case slices.Contains(base, room(from)):
		return base
	case from == "buildpacks/suite":
		return []string{"buildpacks"}
	case from == "buildpacks/front-end", room(from) == "buildpacks/java": // which Node.js and its package managers make, in part
		return []string{"buildpacks/kit", "buildpacks/node"}
	}
	return []string{"buildpacks/kit"}
}

// room returns the folder of the buildpack or the package of kit that a package is part of.
func room(folder string) string {
	parts := strings.SplitN(folder, "/", 4)
	depth := 2
	if len(parts) > 2 && parts[1] == "kit" {
		depth = 3
	}
	return path.Join(parts[:min(depth, len(parts))]...)
}

func TestBanned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, imported string
		test, banned   bool
	}{
		{"buildpacks/kit/bp", "github.com/buildpacks/libcnb/v2", false, false},
		{"buildpacks/kit/layer", "github.com/buildpacks/libcnb/v2", false, true},
		{"buildpacks/golang", "github.com/paketo-buildpacks/libpak/v2/bindings", false, true},
		{"buildpacks/golang", ours + "buildpacks/kit/bp", false, false},
		{"buildpacks/golang", ours + "buildpacks/procfile", false, true},
		{"buildpacks/procfile", ours + "buildpacks/procfile", false, false},
		{"buildpacks/web/serve", ours + "buildpacks/web", false, false},
		{"buildpacks/web/serve", ours + "buildpacks/node", false, true},
		{"buildpacks/node", ours + "buildpacks/node/project", false, false},
		{"buildpacks/golang", ours + "buildpacks/node/project", false, true},
		{"buildpacks/front-end", ours + "buildpacks/node/project", false, false},
		{"buildpacks/node", ours + "buildpacks/front-end", false, true},
		{"buildpacks/java/tools", ours + "buildpacks/node", false, false},
		{"buildpacks/kit/bp", ours + "builder/compose", false, true},
		{"buildpacks/kit/bp", ours + "buildpacks/golang", false, true},
		{"buildpacks/kit/bp", ours + "buildpacks/kit/fetch", false, false},
		{"buildpacks/kit/deb", ours + "buildpacks/kit/fetch", false, false},
		{"buildpacks/kit/deb", ours + "buildpacks/kit/report", false, true},
		{"buildpacks/kit/deb/debtest", ours + "buildpacks/kit/deb", false, false},
		{"buildpacks/kit/deb", ours + "buildpacks/kit/kittest", true, false},
		{"buildpacks/kit/deb", ours + "buildpacks/kit/kittest", false, true},
		{"buildpacks/kit/sbom/licence", ours + "buildpacks/kit/config", false, true},
		{"buildpacks/suite", ours + "buildpacks/golang", false, false},
		{"stacks/assemble", ours + "stacks/internal/layer", false, false},
		{"stacks/assemble", ours + "buildpacks/kit/sbom/licence", false, false},
		{"stacks/assemble", ours + "buildpacks/kit/bp", false, true},
		{"stacks/assemble", ours + "builder/compose", false, true},
		{"builder/compose", ours + "stacks/assemble", false, false},
		{"builder/compose", ours + "buildpacks/kit/fault", false, false},
		{"builder/compose", ours + "buildpacks/kit/report", false, true},
		{"builder/compose", ours + "buildpacks/golang", false, true},
	}
	for _, test := range tests {
		if got := banned(test.from, test.imported, test.test); (got != "") != test.banned {
			t.Errorf("%s imports %s: got %q, want banned=%t", test.from, test.imported, got, test.banned)
		}
	}
}
