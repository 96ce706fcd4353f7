package main

import (
	"context"
	"errors"
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

// source returns what makes a lock of releases that are given as versions and hashes.
func source(releases ...[2]string) lock.Source {
	var l lock.Lock
	for _, r := range releases {
		l.Releases = append(l.Releases, lock.Release{ID: "tool", Version: r[0], PURL: "pkg:generic/tool@" + r[0], Hash: r[1]})
	}
	return func(context.Context, *fetch.Client, config.Environment) (lock.Lock, error) { return l, nil }
}

func TestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"one", "two"} {
		kittest.Write(t, filepath.Join("buildpacks", name), map[string]string{"buildpack.toml": ""})
	}
	old, next, other := [2]string{"1.0.0", "sha512-old"}, [2]string{"1.1.0", "sha512-next"}, [2]string{"1.0.0", "sha512-other"}
	steps := []struct {
		name    string
		sources [2]lock.Source
		only    []string
		check   bool
		changed bool
		out     string
		text    string // what buildpacks/one/lock.toml has then
	}{
		{"the first lock", [2]lock.Source{source(old), source(old)}, []string{"one"}, false, true,
			"one: 1 changes\n  + release pkg:generic/tool@1.0.0\n", "1.0.0"},
		{"checked only", [2]lock.Source{source(next), source(old)}, []string{"one"}, true, true,
			"one: 2 changes\n  - release pkg:generic/tool@1.0.0\n  + release pkg:generic/tool@1.1.0\n", "1.0.0"},
		{"all of them", [2]lock.Source{source(next), source(old)}, nil, false, true,
			"one: 2 changes\n  - release pkg:generic/tool@1.0.0\n  + release pkg:generic/tool@1.1.0\n" +
				"two: 1 changes\n  + release pkg:generic/tool@1.0.0\n", "1.1.0"},
		{"nothing is new", [2]lock.Source{source(next), source(old)}, nil, false, false, "one: 0 changes\ntwo: 0 changes\n", "1.1.0"},
	}
	languages := func(sources [2]lock.Source) []language { return []language{{"one", sources[0]}, {"two", sources[1]}} }
	for _, step := range steps {
		var out strings.Builder
		changed, err := run(t.Context(), &out, languages(step.sources), step.only, step.check)
		if err != nil || changed != step.changed || out.String() != step.out {
			t.Errorf("%s: %t, %v and\n%swant %t and\n%s", step.name, changed, err, out.String(), step.changed, step.out)
		}
		text, err := os.ReadFile("buildpacks/one/lock.toml")
		if err != nil || !strings.Contains(string(text), step.text) || strings.Count(string(text), "sha512-") != 1 {
			t.Errorf("%s: %v and\n%s", step.name, err, text)
		}
	}
	before, err := os.ReadFile("buildpacks/two/lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = run(t.Context(), t.Output(), languages([2]lock.Source{source(next), source(other)}), nil, false)
	if !errors.As(err, new(fault.Fault)) {
		t.Errorf("got %v for a release with another hash", err)
	}
	if after, err := os.ReadFile("buildpacks/two/lock.toml"); err != nil || string(after) != string(before) {
		t.Errorf("the lock was written (%v)", err)
	}
	if _, err := run(t.Context(), t.Output(), languages([2]lock.Source{}), []string{"three"}, true); !errors.As(err, new(fault.Fault)) {
		t.Errorf("got %v for a language that there is not", err)
	}
}

// TestEnvironment has a source asked for releases of the registry that the machine's own package manager names.
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
	var got config.Environment
	one := language{"one", func(_ context.Context, _ *fetch.Client, env config.Environment) (lock.Lock, error) {
		got = env
		return lock.Lock{}, nil
	}}
	if _, err := run(t.Context(), t.Output(), []language{one}, nil, true); err != nil {
		t.Fatal(err)
	}
	if got["INDEX"] != "https://packages.example.test" || got["OTHER"] != "of the environment" {
		t.Errorf("INDEX is %q and OTHER is %q", got["INDEX"], got["OTHER"])
	}
}
