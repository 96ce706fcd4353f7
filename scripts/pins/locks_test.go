package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// locked returns what makes a lock of releases that are given as versions and hashes.
func locked(all ...[2]string) lock.Source {
	var l lock.Lock
	for _, r := range all {
		l.Releases = append(l.Releases, lock.Release{ID: "tool", Version: r[0], PURL: "pkg:generic/tool@" + r[0], Hash: r[1]})
	}
	return func(context.Context, *fetch.Client, config.Environment) (lock.Lock, error) { return l, nil }
}

func TestReleases(t *testing.T) {
	t.Chdir(t.TempDir())
	const file = "buildpacks/one/lock.toml"
	kittest.Write(t, ".", map[string]string{"buildpacks/one/buildpack.toml": "", file: ""})
	old, next, other := [2]string{"1.0.0", "sha512-old"}, [2]string{"1.1.0", "sha512-next"}, [2]string{"1.0.0", "sha512-other"}
	ended := func(context.Context, *fetch.Client, config.Environment) (lock.Lock, error) {
		l, err := locked(old)(t.Context(), nil, nil)
		l.Ended = lock.Lines{"tool": {"1": "2025-04-30"}}
		return l, err
	}
	steps := []struct {
		name   string
		source lock.Source
		table  string
		out    string
		text   string // what the lock has after it was moved
	}{
		{"the first lock", locked(old), "tool none|1.0.0|true", file + ": 1 changes\n  + release pkg:generic/tool@1.0.0\n", "sha512-old"},
		{"nothing is new", locked(old), "tool 1.0.0||false", file + ": 0 changes\n", "sha512-old"},
		{"the end of a line", ended, "tool 1.0.0||false -|1 changes|true", file + ": 1 changes\n  + end of tool 1\n", "2025-04-30"},
		{"a release is new", locked(next), "tool 1.0.0|1.1.0|true",
			file + ": 3 changes\n  - end of tool 1\n  - release pkg:generic/tool@1.0.0\n  + release pkg:generic/tool@1.1.0\n", "sha512-next"},
		{"back", locked(old), "tool 1.1.0|1.0.0|true",
			file + ": 2 changes\n  - release pkg:generic/tool@1.1.0\n  + release pkg:generic/tool@1.0.0\n", "sha512-old"},
	}
	for _, step := range steps {
		r := releases{file, step.source}
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pins, err := r.ask(t.Context())
		var lines []string
		for _, p := range pins {
			lines = append(lines, fmt.Sprintf("%s|%s|%t", p.pinned, p.newest, p.behind))
		}
		if table := strings.Join(lines, " "); err != nil || table != step.table {
			t.Errorf("%s: %v, %s, want %s", step.name, err, table, step.table)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
			t.Errorf("%s: asking changed the lock (%v)", step.name, err)
		}
		var out strings.Builder
		if err := r.move(t.Context(), &out); err != nil || out.String() != step.out {
			t.Errorf("%s: %v and\n%swant\n%s", step.name, err, out.String(), step.out)
		}
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), step.text) {
			t.Errorf("%s: %v and\n%s", step.name, err, text)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := (releases{file, locked(other)}).move(t.Context(), t.Output()); !errors.As(err, new(fault.Fault)) {
		t.Errorf("got %v for a release with another hash", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the lock was written (%v)", err)
	}
}

// TestEnvironment has the registry of the environment that the machine's own package manager names.
func TestEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	kittest.Write(t, ".", map[string]string{
		"bin/packager":                  "#!/bin/sh\necho https://packages.example.test\n",
		"buildpacks/one/buildpack.toml": "[[metadata.registries]]\nvariables = [\"INDEX\"]\nask = [\"packager\"]\nbinding = \"packagerrc\"\n",
	})
	bin, err := filepath.Abs("bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("OTHER", "of the environment")
	env, err := environment(t.Context(), "buildpacks/one/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	if env["INDEX"] != "https://packages.example.test" || env["OTHER"] != "of the environment" {
		t.Errorf("INDEX is %q and OTHER is %q", env["INDEX"], env["OTHER"])
	}
}
