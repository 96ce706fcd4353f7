package assemble

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// point publishes a point release: lib has a new version, and the old file is no longer there.
func point(t *testing.T, a *debtest.Archive) {
	t.Helper()
	next := debs()
	next[2].Version = "1.0-1+deb13u1"
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
}

func TestBuildDrift(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	o.Cache = t.TempDir()
	var log []string
	o.Names, o.Log = []string{"low", "high"}, func(s string) { log = append(log, s) }
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []Drift{{Package: "lib", Locked: "1.0-1", Used: "1.0-1+deb13u1"}}
	if diff := cmp.Diff(want, images[1].Drift); diff != "" || len(images[0].Drift) > 0 {
		t.Errorf("low drifted by %v, high:\n%s", images[0].Drift, diff)
	}
	const warning = "warning: the mirror no longer has lib 1.0-1: using 1.0-1+deb13u1, so the digest is not the locked one"
	if diff := cmp.Diff([]string{warning}, log); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"", "lib 1.0-1 -> 1.0-1+deb13u1"} {
		m, err := images[i].Image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Annotations["io.strata.drift"]; got != want {
			t.Errorf("the manifest of %s records the drift %q, want %q", images[i].Name, got, want)
		}
	}
	o.Locked = true
	_, err = Build(t.Context(), o)
	kittest.Golden(t, "error-lock-gone.txt", fmt.Sprintln(err))
}

// Differences compares an image with the committed digests of its stack. Of an image whose packages have drifted it
// compares the layers that have not: what a mirror drops is no fault of what is committed.
func Differences(t *testing.T, i Image, committed string) []string {
	t.Helper()
	digest, err := i.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	if len(i.Drift) == 0 {
		want = append(want, "image "+digest.String()+" "+i.Ref+"\n")
	}
	layers, err := i.Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for n, l := range i.Layers {
		diff, err := layers[n].DiffID()
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Drift) == 0 {
			want = append(want, "layer "+l.Digest.String()+" "+diff.String()+" "+l.Name+"\n")
		}
	}
	return slices.DeleteFunc(want, func(line string) bool { return strings.Contains(committed, line) })
}

// Given builds the stacks that the mirror can still give. Of each other it returns why its newest packages do not fit:
// what somebody else has released is no fault of what is committed.
func Given(ctx context.Context, o Options) (images []Image, unfit map[string]error, err error) {
	images, err = Build(ctx, o)
	if f, ok := errors.AsType[fault.Fault](err); !ok || f.ID != "lock-drift" {
		return images, nil, err
	}
	if len(o.Names) == 1 {
		return nil, map[string]error{o.Names[0]: err}, nil
	}
	if o.Names, err = o.Stacks(); err != nil {
		return nil, nil, err
	}
	unfit = map[string]error{}
	for _, name := range o.Names {
		o.Names = []string{name}
		one, not, err := Given(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		images = append(images, one...)
		maps.Copy(unfit, not)
	}
	return images, unfit, nil
}

// shrink publishes a point release in which lib lacks a file that its slice takes.
func shrink(t *testing.T, a *debtest.Archive) {
	t.Helper()
	next := debs()
	next[2].Version = "1.0-1+deb13u1"
	delete(next[2].Files, "/usr/lib/only-amd64")
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
}

// TestBuildUnfit builds from locks whose package is gone from the mirror and where nothing can replace it: the stacks
// that do without can be had, and the error of the others says what to do.
func TestBuildUnfit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		publish func(*testing.T, *debtest.Archive)
		want    []string
	}{
		{"drift", shrink, []string{"low", "whole"}},
		{"vanished", func(t *testing.T, a *debtest.Archive) {
			a.Publish(t, debtest.Born.Add(time.Minute), slices.Delete(debs(), 2, 3)...)
		}, []string{"low"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, o := locked(t)
			test.publish(t, a)
			o.Cache = t.TempDir()
			images, unfit, err := Given(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, i := range images {
				names = append(names, i.Name)
			}
			if diff := cmp.Diff(test.want, names); diff != "" || len(unfit) != len(o.Names)-len(names) {
				t.Fatalf("of the others %v; given:\n%s", unfit, diff)
			}
			kittest.Golden(t, "error-lock-"+test.name+".txt", fmt.Sprintln(unfit["high"]))
		})
	}
}

// TestDifferences checks what continuous integration says after a point release: that nothing is wrong, and still
// that something is if a layer of packages which have not moved is another one than committed.
func TestDifferences(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	o.Cache, o.Names = t.TempDir(), []string{"low", "high"}
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if images[1].Drift == nil {
		t.Fatal("high has not drifted")
	}
	for _, i := range images {
		b, err := os.ReadFile(filepath.Join(o.Dir, i.Name, "digests-amd64.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := Differences(t, i, string(b)); len(diff) > 0 {
			t.Errorf("of %s the committed digests lack %q", i.Name, diff)
		}
		low := i.Layers[0].Digest.Hex
		if diff := Differences(t, i, strings.ReplaceAll(string(b), low, strings.Repeat("0", len(low)))); len(diff) != 1 {
			t.Errorf("another layer low/one of %s is not noticed: %q", i.Name, diff)
		}
	}
}

// snapshot configures an archive of old files at /old.
func snapshot(a *debtest.Archive, env func(string) string) func(string) string {
	return func(k string) string {
		if k == "STRATA_DEBIAN_SNAPSHOT_MIRROR" {
			return strings.TrimSuffix(a.URL, "/debian") + "/old"
		}
		return env(k)
	}
}

// TestBuildSnapshot checks that a file which the mirror has dropped is taken from an archive of old files, so that
// nothing drifts.
func TestBuildSnapshot(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	before, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const path = "pool/main/l/lib/lib_1.0-1_amd64.deb"
	old := a.Get("/debian/" + path)
	point(t, a)
	a.Set("/old/"+path, old)
	o.Getenv = snapshot(a, o.Getenv)
	o.Cache, o.Names, o.Locked = t.TempDir(), []string{"high"}, true
	after, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, before[1:2]), digests(t, after)); diff != "" || after[0].Drift != nil {
		t.Errorf("drifted by %v, digests:\n%s", after[0].Drift, diff)
	}
}

func TestBuildDriftWhenStale(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	var log []string
	o.Names, o.Cache, o.Now, o.Log = []string{"high"}, t.TempDir(), debtest.Born.Add(30*24*time.Hour), func(s string) { log = append(log, s) }
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(log, "warning: the mirror's index of trixie-security was valid until 9 January 2030: it may lack security updates") {
		t.Errorf("log: %q", log)
	}
}
