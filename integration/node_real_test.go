package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNodeReal builds servers that people run, of npm as they are, an app of NestJS, a Turborepo, and sites of Next.js and Nuxt. Each is
// asked, built again with nothing changed, with a change of code and with one package more. Nuxt's lockfile would be 11,000 lines long, so
// that one has none.
func TestNodeReal(t *testing.T) {
	suite(t)
	t.Parallel()
	tests := []struct {
		app, path, answer    string
		file, from, to, then string // a change of code, and what is answered after it
		flags                []string
		project              string // the workspace that is started
		script               bool   // has a build script
		bundle               bool   // which puts what it needs of packages into a bundle
	}{
		{
			app: "files", path: "/", answer: "Hello from a file.",
			file: "public/index.html", from: "Hello", to: "Goodbye", then: "Goodbye from a file.",
		},
		{
			app: "registry", path: "/-/ping", answer: "{}",
			file: "config.yaml", from: "level: warn", to: "level: info", then: "{}",
			flags: []string{"--", "--listen", "http://0.0.0.0:PORT"},
		},
		{
			app: "api", path: "/greetings", answer: "Hello from JSON.",
			file: "db.json", from: "Hello", to: "Goodbye", then: "Goodbye from JSON.",
			flags: []string{"--", "--port", "PORT"},
		},
		{
			app: "nest", path: "/", answer: "Hello from NestJS.", script: true,
			file: "src/main.ts", from: "Hello", to: "Goodbye", then: "Goodbye from NestJS.",
		},
		{
			app: "mono", path: "/", answer: "Hello from Turborepo.", script: true, project: "apps/api",
			file: "packages/greeting/src/index.ts", from: "Hello", to: "Goodbye", then: "Goodbye from Turborepo.",
		},
		{
			app: "nuxt", path: "/", answer: "Hello from Nuxt.", script: true, bundle: true,
			file: "app/app.vue", from: "Hello", to: "Goodbye", then: "Goodbye from Nuxt.",
		},
		{
			app: "site", path: "/", answer: "Hello from Next.js", script: true, bundle: true,
			file: "app/page.js", from: "Hello", to: "Goodbye", then: "Goodbye from Next.js",
		},
	}
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
			t.Parallel()
			app, name, project := nodeSample(t, tt.app), image(t), "BP_NODE_PROJECT_PATH="+tt.project
			digest := build(t, app, name, "-e", project)
			if body := ask(t, name, tt.path, tt.flags...); !strings.Contains(body, tt.answer) {
				t.Errorf("%s answers %q, want %q", tt.path, body, tt.answer)
			}
			first := inspect(t, digest).layersOf(t, "strata/node")
			again := strata(t, "build", app, "-t", name, "-e", project)
			if !strings.Contains(again.stdout+again.stderr, digest) {
				t.Errorf("nothing changed, and the digest is not %s:\n%s", digest, again.stdout)
			}
			if taken := strings.Contains(again.stdout+again.stderr, "what they made is taken"); taken != tt.script {
				t.Errorf("nothing changed; what the scripts made is taken: %v, want %v:\n%s", taken, tt.script, again.stderr)
			}
			edit(t, app, tt.file, tt.from, tt.to)
			changed := inspect(t, build(t, app, name, "-e", project)).layersOf(t, "strata/node")
			if body := ask(t, name, tt.path, tt.flags...); !strings.Contains(body, tt.then) {
				t.Errorf("after the change %s answers %q, want %q", tt.path, body, tt.then)
			}
			if diff := cmp.Diff(first, changed); diff != "" {
				t.Errorf("a change of code changes layers (-before +after):\n%s", diff)
			}
			if tt.bundle {
				return // of a bundle one package more is another bundle
			}
			addPackage(t, app, tt.project)
			more := inspect(t, build(t, app, name, "-e", project)).layersOf(t, "strata/node")
			if more["node"] != first["node"] || more["modules"] == first["modules"] {
				t.Errorf("with one package more the layers are %v, before %v: want another layer modules alone", more, first)
			}
		})
	}
}

// addPackage adds a package without dependencies to an app's workspace, "" for its root, and to the lockfile, as npm does.
func addPackage(t *testing.T, app, project string) {
	t.Helper()
	const name, version = "is-number", "7.0.0"
	depend := func(file string, change func(root map[string]any)) {
		path := filepath.Join(app, file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(data, &root); err != nil {
			t.Fatal(err)
		}
		change(root)
		if data, err = json.Marshal(root); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	depend(filepath.Join(project, "package.json"), func(root map[string]any) {
		root["dependencies"].(map[string]any)[name] = version
	})
	depend("package-lock.json", func(root map[string]any) {
		packages := root["packages"].(map[string]any)
		packages[project].(map[string]any)["dependencies"].(map[string]any)[name] = version
		packages["node_modules/"+name] = map[string]any{
			"version":   version,
			"integrity": "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==",
		}
	})
}
