package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// TestVersions has the versions that platforms compare, before and after a change of the suite.
func TestVersions(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	before := versions(t, root)
	for id, pattern := range map[string]string{
		"tiny/one": `^1\.2\.\d+$`, "tiny/two": `^0\.1\.\d+$`, "tiny/three": `^3\.0\.\d+$`, "tiny/choice": `^0\.2\.\d+$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(before[id]) {
			t.Errorf("%s has version %q, want %s", id, before[id], pattern)
		}
	}
	for _, test := range []struct {
		file, content string
		moves         bool
	}{
		{"buildpacks/suite/main_test.go", "package main\n", false},
		{"buildpacks/one/README.md", "# One\n", false},
		{"builder/compose/new.go", "package compose\n", false},
		{"buildpacks/one/lock.toml", "x = 1\n", true},
		{"buildpacks/kit/kit.go", "package kit\n", true},
		{"go.sum", "x\n", true},
	} {
		if err := os.WriteFile(filepath.Join(root, test.file), []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		after := versions(t, root)
		for id, version := range after {
			if moved := version != before[id]; moved != test.moves {
				t.Errorf("%s changed: %s went from %s to %s", test.file, id, before[id], version)
			}
		}
		before = after
	}
}

// versions reads those of each buildpack. The buildpack's file and every order have the same.
func versions(t *testing.T, root string) map[string]string {
	t.Helper()
	config, err := ReadConfig(filepath.Join(root, "builder.toml"))
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", Config: v1.Config{Env: []string{"CNB_USER_ID=1", "CNB_GROUP_ID=1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	builder, err := Read(Options{Root: root, Config: config, BuildImage: image, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	order := builder.order
	for _, bp := range builder.buildpacks {
		found[bp.Info.ID] = bp.Info.Version
		order = append(order, bp.Order...)
		if line := regexp.MustCompile(`(?m)^ *version = "` + bp.Info.Version + `"$`); !line.Match(bp.source) {
			t.Errorf("%s has not version %s in its file:\n%s", bp.Info.ID, bp.Info.Version, bp.source)
		}
	}
	for _, group := range order {
		for _, member := range group.Group {
			if member.Version != found[member.ID] {
				t.Errorf("an order has %s@%s, want %s", member.ID, member.Version, found[member.ID])
			}
		}
	}
	return found
}
