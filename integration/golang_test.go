package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// question is a request to a started image, and what the answer must contain.
type question struct {
	process string // the default one when empty
	path    string
	answer  string
}

// TestGoBuild builds the samples one after the other under one name. Each build finds the caches and the image of another app and
// must not depend on them.
func TestGoBuild(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	name := image(t)
	tests := []struct {
		app       string
		flags     []string
		questions []question
		processes []string // the default one has a star
		purls     []string // prefixes of package URLs that the SBOM must have
		who       who
	}{
		{
			app:       "hello",
			flags:     []string{"--check"}, // a server that does not end passes
			questions: []question{{path: "/", answer: "Hello from Strata.\n"}, {path: "/healthz", answer: "ok\n"}},
			processes: []string{"hello", "web*"},
			purls:     []string{"pkg:golang/stdlib@1."},
		},
		{
			app: "several",
			questions: []question{
				{path: "/", answer: "I am root\n"}, {process: "a", path: "/", answer: "I am a\n"}, {process: "b", path: "/", answer: "I am b\n"},
			},
			flags:     []string{"-e", "BP_GO_TARGETS=.:./cmd/a:./cmd/b"},
			processes: []string{"a", "b", "several", "web*"},
		},
		{
			app:       "vendored",
			questions: []question{{path: "/", answer: "Greetings from vendor\n"}},
			processes: []string{"vendored", "web*"},
			purls:     []string{"pkg:golang/example.test/greeting@v1.2.3"},
		},
		{
			app:       "workspace",
			flags:     []string{"-e", "BP_GO_TARGETS=./app"},
			questions: []question{{path: "/", answer: "Greetings from the workspace\n"}},
			processes: []string{"app", "web*"},
		},
		{
			app:       "embed",
			questions: []question{{path: "/", answer: "<p>This page is inside the binary.</p>"}},
			processes: []string{"embed", "web*"},
		},
		{
			app:       "keep-files",
			flags:     []string{"-e", "BP_KEEP_FILES=assets/*"},
			questions: []question{{path: "/assets/greeting.txt", answer: "Kept on disk.\n"}},
			processes: []string{"keep-files", "web*"},
		},
		{
			app:   "write",
			flags: []string{"-e", "BP_WRITABLE_FOLDERS=data:cache/pages"},
			questions: []question{
				{path: "/data/new", answer: "written"}, {path: "/cache/pages/new", answer: "written"}, {path: "/new", answer: "permission denied"},
			},
			processes: []string{"web*", "write"},
		},
		{
			app: "pgo", who: nightly, // which compiles the standard library once more, with the profile
			questions: []question{{path: "/", answer: "profile: default.pgo collatz: 6171\n"}},
			processes: []string{"pgo", "web*"},
		},
		{
			app:       "procfile",
			questions: []question{{path: "/", answer: "--greeting|two words\n"}, {process: "worker", path: "/", answer: "--worker\n"}},
			processes: []string{"procfile", "web*", "worker"},
		},
		{
			app:       "tls",
			questions: []question{{path: "/", answer: "12:00 CEST\n"}, {path: "/", answer: "roots 1"}},
			processes: []string{"tls", "web*"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			digest := build(t, sample(t, tt.app), name, tt.flags...)
			for _, q := range tt.questions {
				var args []string
				if q.process != "" {
					args = []string{"--process", q.process}
				}
				if body := ask(t, name, q.path, args...); !strings.Contains(body, q.answer) {
					t.Errorf("%s of %s answers %q, want %q", q.path, q.process, body, q.answer)
				}
			}
			got := inspect(t, digest)
			if diff := cmp.Diff(tt.processes, got.processes(t)); diff != "" {
				t.Errorf("processes (-want +got):\n%s", diff)
			}
			for _, prefix := range tt.purls {
				if purls := got.purls(t); !slices.ContainsFunc(purls, func(p string) bool { return strings.HasPrefix(p, prefix) }) {
					t.Errorf("the SBOM has no %s: %v", prefix, purls)
				}
			}
			kittest.Golden(t, "go/"+tt.app+".files", got.files(t))
		})
	}
}

// TestGoImage looks at what all Go apps have in common: the run image, the user of the process, the labels and bills of materials.
func TestGoImage(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	// The run image of the build before does not decide.
	tests := []struct{ variant, distro string }{{"glibc", "strata-glibc"}, {"auto", "strata-static"}, {"static", "strata-static"}}
	for _, tt := range tests {
		t.Run(tt.variant, func(t *testing.T) {
			got := inspect(t, build(t, sample(t, "hello"), name, "--run-image", tt.variant))
			if body := ask(t, name, "/"); body != "Hello from Strata.\n\n" {
				t.Errorf("it answers %q", body)
			}
			config := got.config.Config
			want := map[string]string{
				"io.buildpacks.base.distro.name":    tt.distro,
				"io.buildpacks.base.distro.version": "13",
			}
			for label, value := range want {
				if config.Labels[label] != value {
					t.Errorf("label %s is %q, want %q", label, config.Labels[label], value)
				}
			}
			if config.User != "1002:1000" || config.WorkingDir != "/workspace" {
				t.Errorf("it runs as %q in %q, want 1002:1000 in /workspace", config.User, config.WorkingDir)
			}
			if year := got.config.Created.Year(); year != 1980 {
				t.Errorf("it was made in %d, want the lifecycle's fixed time of 1980", year)
			}
			spdx := func(e entry) bool { return strings.HasSuffix(e.header.Name, ".spdx.json") }
			if !slices.ContainsFunc(got.entries(t, func(string) bool { return false }), spdx) {
				t.Error("it has no SPDX document")
			}
		})
	}
}

// TestGoRebuild builds an app, changes it, and builds it again with the caches of the first build.
func TestGoRebuild(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := sample(t, "hello"), image(t)
	first := build(t, app, name)
	before := inspect(t, first).config.RootFS.DiffIDs

	if again := build(t, app, name); again != first {
		t.Errorf("an unchanged app gives %s, then %s", first, again)
	}
	if offline := build(t, app, name, "--network", "none"); offline != first {
		t.Errorf("an unchanged app gives %s, then without a network %s", first, offline)
	}

	edit(t, app, "main.go", "Hello from Strata.", "Hello again.")
	changed := build(t, app, name, "--network", "none")
	if body := ask(t, name, "/"); body != "Hello again.\n\n" {
		t.Errorf("the changed app answers %q", body)
	}
	after := inspect(t, changed).config.RootFS.DiffIDs
	if len(before) != len(after) {
		t.Fatalf("the image had %d layers and has %d", len(before), len(after))
	}
	different := 0
	for i := range before {
		if before[i] != after[i] {
			different++
		}
	}
	// The binary's, and the SBOM of it.
	if different == 0 || different > 2 {
		t.Errorf("one changed line changes %d of %d layers, want the binary's and at most its SBOM's", different, len(after))
	}

	edit(t, app, "main.go", "Hello again.", "Hello from Strata.")
	if back := build(t, app, name); back != first {
		t.Errorf("changed back it gives %s, before %s", back, first)
	}
	// Go and its standard library are there for all apps.
	if cleared := build(t, app, name, "--clear-cache", "--network", "none"); cleared != first {
		t.Errorf("with empty caches and no network it gives %s, before %s", cleared, first)
	}
}
