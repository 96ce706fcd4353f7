package home_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestTrim has apps whose last builds are some days ago, each with a cache of 100 bytes. One is being built, and the build of
// another was killed before it said what it left.
func TestTrim(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		name   string
		limits home.Limits
		want   []string
	}{
		{"within", home.Limits{Bytes: 500, Age: 20 * day}, nil},
		{"size", home.Limits{Bytes: 350, Age: 20 * day}, []string{"old", "middle"}},
		{"age", home.Limits{Bytes: 500, Age: 3 * day}, []string{"old"}},
		{"all but one", home.Limits{Bytes: 0, Age: 20 * day}, []string{"old", "middle", "new", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, scratch := t.TempDir(), t.TempDir()
			h, err := home.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			folders := map[string]string{}
			for app, ago := range map[string]time.Duration{"busy": 9 * day, "old": 5 * day, "middle": 2 * day, "new": day, "": 0} {
				caches, unlock, err := h.App(t.Context(), platformtest.Parse(t, "app"+app), nil)
				if err != nil {
					t.Fatal(err)
				}
				folders[app] = caches
				kittest.Write(t, caches, map[string]string{"build/x": strings.Repeat("x", 60), "layers/y": strings.Repeat("y", 40)})
				if app != "" {
					if err := h.NoteUse(platformtest.Parse(t, "app"+app), v1.Hash{}); err != nil {
						t.Fatal(err)
					}
					at := time.Now().Add(-ago)
					if err := os.Chtimes(filepath.Join(caches, "use.json"), at, at); err != nil {
						t.Fatal(err)
					}
				}
				if app != "busy" {
					unlock()
				} else {
					t.Cleanup(unlock)
				}
			}
			dropped, err := h.Trim(test.limits, scratch)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, one := range dropped {
				image := strings.TrimPrefix(strings.TrimSuffix(one.Image, ":latest"), "index.docker.io/library/app")
				got = append(got, image)
				if left := kittest.Tree(t, folders[image]); len(left) != 1 || left["lock"] == "" {
					t.Errorf("of %q there are %v, want the lock alone", one.Image, left)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
			if moved, err := os.ReadDir(scratch); err != nil || len(moved) != len(dropped) {
				t.Errorf("moved away are %d (%v), want %d", len(moved), err, len(dropped))
			}
			if left := kittest.Tree(t, folders["busy"]); left["build/x"] == "" || left["layers/y"] == "" {
				t.Errorf("of the app that is being built there are %v", left)
			}
			if again, err := h.Trim(test.limits, scratch); err != nil || len(again) != 0 {
				t.Errorf("a second time dropped %v (%v)", again, err)
			}
		})
	}
}

// TestNoteUse measures the caches of an app again only after a build that made another image.
func TestNoteUse(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	app := platformtest.Parse(t, "app")
	caches, unlock, err := h.App(t.Context(), app, nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	file := filepath.Join(caches, "use.json")
	one, other := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("1", 64)}, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("2", 64)}
	for i, tt := range []struct {
		made  v1.Hash
		again bool
	}{{one, true}, {one, false}, {other, true}, {v1.Hash{}, true}, {v1.Hash{}, true}, {other, true}} {
		kittest.Write(t, caches, map[string]string{"build/" + strings.Repeat("x", i+1): "more"})
		old := time.Now().Add(-time.Hour)
		before, _ := os.ReadFile(file) // there is none at first
		if err := os.Chtimes(file, old, old); err != nil && i > 0 {
			t.Fatal(err)
		}
		if err := h.NoteUse(app, tt.made); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if again := string(before) != string(after); again != tt.again {
			t.Errorf("%d: measured again: %t, want %t: %s", i, again, tt.again, after)
		}
		if info, err := os.Stat(file); err != nil || time.Since(info.ModTime()) > time.Minute {
			t.Errorf("%d: the use is not noted: %v", i, err)
		}
	}
}
