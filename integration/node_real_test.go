package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	download "github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// TestNodeReal builds a server of npm as it is, an app of NestJS, a Turborepo, and sites of Nuxt and of Next.js, that one just
// as its generator makes it. Those that take minutes wait for scripts/test -long. Each is asked, and built again: with nothing
// changed, with a change of code, with a package more. Nuxt's lockfile would have 11,000 lines, so that site has none, and the
// generated one has none either.
func TestNodeReal(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	tests := []struct {
		app, path, answer    string
		file, from, to, then string // a change of code, and what is answered after it
		flags                []string
		project              string // the workspace that is started
		script               bool   // has a build script
		bundle               bool   // which puts what it needs of packages into a bundle
		generate             func(t *testing.T) string
		who                  who
	}{
		{
			app: "registry", who: nightly, path: "/-/ping", answer: "{}",
			file: "config.yaml", from: "level: warn", to: "level: info", then: "{}",
			flags: []string{"--", "--listen", "http://0.0.0.0:PORT"},
		},
		{
			app: "nest", who: nightly, path: "/", answer: "Hello from NestJS.", script: true,
			file: "src/main.ts", from: "Hello", to: "Goodbye", then: "Goodbye from NestJS.",
		},
		{
			app: "mono", who: nightly, path: "/", answer: "Hello from Turborepo.", script: true, project: "apps/api",
			file: "packages/greeting/src/index.ts", from: "Hello", to: "Goodbye", then: "Goodbye from Turborepo.",
		},
		{
			app: "nuxt", who: nightly, path: "/", answer: "Hello from Nuxt.", script: true, bundle: true,
			file: "app/app.vue", from: "Hello", to: "Goodbye", then: "Goodbye from Nuxt.",
		},
		{
			app: "generated", path: "/", answer: "Hello World!", script: true, bundle: true, generate: createNext,
			file: "app/page.js", from: "Hello", to: "Goodbye", then: "Goodbye World!",
		},
	}
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			t.Parallel()
			generate := tt.generate
			if generate == nil {
				generate = func(t *testing.T) string { return nodeSample(t, tt.app) }
			}
			app, name, project := generate(t), image(t), "BP_NODE_PROJECT_PATH="+tt.project
			digest := build(t, app, name, "-e", project)
			if body := ask(t, name, tt.path, tt.flags...); !strings.Contains(body, tt.answer) {
				t.Errorf("%s answers %q, want %q", tt.path, body, tt.answer)
			}
			first := inspect(t, digest)
			again := strata(t, "build", app, "-t", name, "-e", project)
			if !strings.Contains(again.stdout+again.stderr, digest) {
				t.Errorf("nothing changed, and the digest is not %s:\n%s", digest, again.stdout)
			}
			if taken := strings.Contains(again.stdout+again.stderr, "what they made is taken"); taken != tt.script {
				t.Errorf("nothing changed; what the scripts made is taken: %v, want %v:\n%s", taken, tt.script, again.stderr)
			}
			edit(t, app, tt.file, tt.from, tt.to)
			changed := inspect(t, build(t, app, name, "-e", project))
			if body := ask(t, name, tt.path, tt.flags...); !strings.Contains(body, tt.then) {
				t.Errorf("after the change %s answers %q, want %q", tt.path, body, tt.then)
			}
			changed.differsInApp(t, first)
			if tt.bundle { // which does not load the package
				return
			}
			addPackage(t, app, tt.project)
			more := inspect(t, build(t, app, name, "-e", project))
			if body := ask(t, name, tt.path, tt.flags...); !strings.Contains(body, tt.then) {
				t.Errorf("with one package more %s answers %q, want %q", tt.path, body, tt.then)
			}
			more.differsInPackages(t, changed, true)
		})
	}
}

// differsInApp checks that an image has all layers of another except the app's own.
func (b built) differsInApp(t *testing.T, before built) {
	t.Helper()
	mine, rest := b.appLayers(t)
	old, same := before.appLayers(t)
	if diff := cmp.Diff(same, rest); diff != "" || cmp.Equal(old, mine) {
		t.Errorf("a change of code changes the app's layer from %v to %v, and others (-before +after):\n%s", old, mine, diff)
	}
}

// differsInPackages checks that an image has the same layer of Node.js as another, and whether its layer of packages differs.
func (b built) differsInPackages(t *testing.T, before built, want bool) {
	t.Helper()
	was, is := before.layersOf(t, "strata/node"), b.layersOf(t, "strata/node")
	if is["node"] != was["node"] || (is["modules"] != was["modules"]) != want {
		t.Errorf("with one package more the layers are %v, before %v: want another layer modules: %v", is, was, want)
	}
}

// appLayers returns the digests of the layers with the app's own files, and those of all others.
func (b built) appLayers(t *testing.T) (app, others []string) {
	t.Helper()
	var metadata struct{ App []struct{ SHA string } }
	b.label(t, "io.buildpacks.lifecycle.metadata", &metadata)
	for _, one := range metadata.App {
		app = append(app, one.SHA)
	}
	for _, diffID := range b.config.RootFS.DiffIDs {
		if !slices.Contains(app, diffID.String()) {
			others = append(others, diffID.String())
		}
	}
	return app, others
}

// createNext makes an app with the generator of Next.js, a package that needs no other. It runs on the Node.js that is
// installed for all apps.
func createNext(t *testing.T) string {
	t.Helper()
	const name, version = "create-next-app", "16.4.3"
	const sum = "e3f3628a0c926efa7b7ca4ff966873a00d4d19f712929b97aa2c37afb4cdb103" +
		"7757c79e01fa5aa1f2edff50a99f6d10e0be1c7520e9bda39632d03e9e7a1c26"
	build(t, nodeSample(t, "hello"), image(t))
	dir := t.TempDir()
	address := strings.TrimSuffix(npmRegistry(t), "/") + "/" + name + "/-/" + name + "-" + version + ".tgz"
	archive, err := download.New(dir).Get(t.Context(), download.Artifact{Name: name, Sum: "sha512:" + sum, URLs: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"tar", "-xzf", archive},
		{
			installed(t, "node-linux-*/bin/node"), "package/dist/index.js", "generated", "--yes", "--empty", "--js", "--app", "--no-src-dir",
			"--no-tailwind", "--no-eslint", "--skip-install", "--disable-git",
		},
	} {
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, output)
		}
	}
	return filepath.Join(dir, "generated")
}

// npmRegistry is the address of the registry that the builder's packages come from.
func npmRegistry(t *testing.T) string {
	t.Helper()
	if registry := os.Getenv("NPM_CONFIG_REGISTRY"); registry != "" {
		return registry
	}
	output, err := exec.CommandContext(t.Context(), "npm", "config", "get", "registry").Output()
	if err != nil {
		unavailable(t, fmt.Sprintf("needs the address of an npm registry: set NPM_CONFIG_REGISTRY, or install npm (%v)", err))
	}
	return strings.TrimSpace(string(output))
}

// addPackage adds a package without dependencies to a workspace of an app ("" is the root) and, as npm does, to the lockfile if
// there is one.
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
	if _, err := os.Stat(filepath.Join(app, "package-lock.json")); errors.Is(err, fs.ErrNotExist) {
		return
	}
	depend("package-lock.json", func(root map[string]any) {
		packages := root["packages"].(map[string]any)
		packages[project].(map[string]any)["dependencies"].(map[string]any)[name] = version
		packages["node_modules/"+name] = map[string]any{
			"version":   version,
			"integrity": "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==",
		}
	})
}
