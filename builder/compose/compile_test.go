package compose

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const checkout = "../.."

// compiledFrom returns the files of this module that programs are compiled from, relative to the checkout: those of the packages
// and of all that they import.
func compiledFrom(t *testing.T, packages ...string) []string {
	t.Helper()
	args := append([]string{"list", "-deps", "-json=Dir,Module,GoFiles,SFiles,EmbedFiles"}, packages...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(checkout)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir                         string
			Module                      *struct{ Main bool }
			GoFiles, SFiles, EmbedFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || !p.Module.Main {
			continue // the standard library, of which the key has the version, or a module, of which go.sum has the hash
		}
		dir, err := filepath.Rel(root, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.EmbedFiles) {
			files = append(files, filepath.Join(dir, name))
		}
	}
	return files
}

// TestSourceKey holds that everything that the suite's layer is made from is in its key: else a change of it would give the layer
// of before.
func TestSourceKey(t *testing.T) {
	t.Parallel()
	keyed, err := sources(checkout, slices.Concat(layingOut, []string{"buildpacks"})...)
	if err != nil {
		t.Fatal(err)
	}
	packages := []string{"./buildpacks/suite", "./builder/compose"}
	for name := range programs {
		packages = append(packages, "./buildpacks/"+name)
	}
	compiled := compiledFrom(t, packages...)
	for _, name := range append(compiled, "go.mod", "go.sum") {
		if !slices.Contains(keyed, name) {
			t.Errorf("%s is not in the key", name)
		}
	}
	// One that is embedded, one of kit, and the program's own.
	for _, name := range []string{"buildpacks/node/lock.toml", "buildpacks/kit/tree/hash.go", "buildpacks/suite/main.go"} {
		if !slices.Contains(compiled, name) {
			t.Errorf("the suite is not compiled from %s", name)
		}
	}
	for _, name := range keyed {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") {
			t.Errorf("%s is in the key, and in no program", name)
		}
	}
	// The lifecycle is another module. Of ours, its layer has what lays it out.
	keyed, err = sources(checkout, slices.Concat(layingOut, []string{"builder/lifecycle"})...)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range compiledFrom(t, "./builder/compose") {
		if !slices.Contains(keyed, name) {
			t.Errorf("%s is not in the key of the lifecycle's layer", name)
		}
	}
}

// TestSourceKeyChanges changes a file.
func TestSourceKeyChanges(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range append(slices.Clone(layingOut), "app") {
		write(name+"/a.go", "package a")
	}
	write("go.mod", "module m")
	write("go.sum", "")
	key := func(flags ...string) string {
		t.Helper()
		key, err := sourceKey(root, flags, "app")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	before := key("x")
	for _, test := range []struct {
		name, content string
		same          bool
	}{
		{"app/a_test.go", "package a", true},
		{"app/testdata/a.go", "package a", true},
		{"app/README.md", "# a", true},
		{"app/.a.go.swp", "", true},
		{"app/.idea/a.xml", "", true},
		{"other/a.go", "package a", true},
		{"app/a.go", "package b", false},
		{"app/new.txt", "", false},
		{"go.sum", "x", false},
		{"builder/compose/a.go", "package b", false},
	} {
		write(test.name, test.content)
		after := key("x")
		if (after == before) != test.same {
			t.Errorf("%s: the key is the same: %t, want %t", test.name, after == before, test.same)
		}
		before = after
	}
	if key("y") == before {
		t.Error("flags are not in the key")
	}
}
