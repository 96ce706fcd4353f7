package assemble

import (
	"errors"
	"fmt"
	"maps"
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

// TestUpdate polls an archive with a security update, a package that is new and one that goes.
func TestUpdate(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	next := debs()
	next[2].Version, next[2].Security = "1.0-1+deb13u1", true
	next[3].Depends = "lib, debconf, more"
	next = append(next, debtest.Deb{Name: "more", Version: "3"})
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
	edit("low/stack.toml", `["certs", "base-files"]`, `["certs", "base-files", "debconf"]`)(t, a, &o)
	kittest.Write(t, o.Dir, map[string]string{"slices/debconf.toml": "files = []"})
	want := Due{
		Changes: []Change{
			{Stack: "low", Arch: "amd64", Package: "debconf", New: "1"},
			{Stack: "high", Arch: "amd64", Package: "lib", Old: "1.0-1", New: "1.0-1+deb13u1", Security: true},
			{Stack: "whole", Arch: "amd64", Package: "lib", Old: "1.0-1", New: "1.0-1+deb13u1", Security: true},
			{Stack: "whole", Arch: "amd64", Package: "more", New: "3"},
		},
		Files: []string{
			"high/digests-amd64.txt", "high/lock-amd64.toml",
			"low/contents-amd64.txt", "low/digests-amd64.txt", "low/lock-amd64.toml",
			"whole/contents-amd64.txt", "whole/digests-amd64.txt", "whole/lock-amd64.toml",
		},
	}
	before := kittest.Tree(t, o.Dir)
	o.Check = true
	due, err := Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
		t.Errorf("--check wrote:\n%s", diff)
	}
	kittest.Golden(t, "error-stack-due.txt", fmt.Sprintln(due.Err()))
	o.Check = false
	if due, err = Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	if due, err = Update(t.Context(), o); err != nil || due.Files != nil || due.Changes != nil || due.Err() != nil {
		t.Errorf("after an update %v and %v are due, %v", due.Changes, due.Files, err)
	}
	// The archive takes both back.
	a.Publish(t, debtest.Born.Add(2*time.Minute), debs()...)
	due, err = Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Change{
		{Stack: "high", Arch: "amd64", Package: "lib", Old: "1.0-1+deb13u1", New: "1.0-1"},
		{Stack: "whole", Arch: "amd64", Package: "lib", Old: "1.0-1+deb13u1", New: "1.0-1"},
		{Stack: "whole", Arch: "amd64", Package: "more", Old: "3"},
	}, due.Changes); diff != "" {
		t.Error(diff)
	}
}

// TestUpdateOfNothing checks that an index that is signed again changes no lock, and a slice nothing but what it must.
func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	a.Publish(t, debtest.Born.Add(time.Minute), debs()...)
	before := kittest.Tree(t, o.Dir)
	due, err := Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" || due.Files != nil {
		t.Errorf("due %v:\n%s", due.Files, diff)
	}
	edit("slices/lib.toml", `, "!/usr/share/lib/big"`, "")(t, a, &o)
	if due, err = Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := Due{Files: []string{"high/contents-amd64.txt", "high/digests-amd64.txt", "high/lock-amd64.toml"}}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	lock, err := loadLock(&Stack{Name: "high", dir: o.Dir}, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if !lock.Date.Equal(debtest.Born) {
		t.Errorf("the lock of the same packages is now of %s", lock.Date)
	}
}

// both returns the packages for amd64 and for arm64; certs is one package for both.
func both() []debtest.Deb {
	out := debs()
	for _, d := range debs() {
		d.Arch = "arm64"
		for _, path := range slices.Collect(maps.Keys(d.Files)) {
			body := d.Files[path]
			delete(d.Files, path)
			d.Files[strings.NewReplacer("x86_64", "aarch64", "amd64", "arm64").Replace(path)] = body
		}
		out = append(out, d)
	}
	out[1].Arch = "all"
	return slices.Delete(out, 6, 7)
}

// TestUpdateIsAllOrNothing checks that a stack that cannot be made leaves the locks of all as they are, also if it
// can be made for the other architecture.
func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arch string
		lib  int
	}{{"amd64", 2}, {"arm64", 6}} {
		t.Run(test.arch, func(t *testing.T) {
			t.Parallel()
			a, o := setup(t)
			a.Publish(t, debtest.Born, both()...)
			o.Archs = []string{"amd64", "arm64"}
			if _, err := Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			next := both()
			next[2].Version, next[6].Version = "1.0-1+deb13u1", "1.0-1+deb13u1"
			delete(next[test.lib].Files, "/usr/lib/only-"+test.arch)
			a.Publish(t, debtest.Born.Add(time.Minute), next...)
			before := kittest.Tree(t, o.Dir)
			_, err := Update(t.Context(), o)
			kittest.Golden(t, "error-update-"+test.arch+".txt", fmt.Sprintln(err))
			if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUpdateCannotWrite lets writing fail at the last moment, before any file has its new content and after some have.
func TestUpdateCannotWrite(t *testing.T) {
	t.Parallel()
	a, o := setup(t)
	a.Publish(t, debtest.Born, both()...)
	o.Archs = []string{"amd64", "arm64"}
	// A folder where a lock is to be written aside.
	kittest.Write(t, o.Dir, map[string]string{"whole/lock-arm64.toml.new/in the way": ""})
	before := kittest.Tree(t, o.Dir)
	_, err := Update(t.Context(), o)
	if f, ok := errors.AsType[fault.Fault](err); !ok || f.ID != "lock-write" {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
		t.Error(diff)
	}

	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"a": "old", "c/in the way": ""})
	before = kittest.Tree(t, dir)
	var files []file
	for name, old := range map[string][]byte{"a": []byte("old"), "b": nil, "c": nil} {
		files = append(files, file{filepath.Join(dir, name), old, []byte("new")})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	err = replaceAll(files)
	kittest.Golden(t, "error-lock-write.txt", strings.ReplaceAll(fmt.Sprintln(err), dir, "DIR"))
	if diff := cmp.Diff(before, kittest.Tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}
