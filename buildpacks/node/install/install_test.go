package install_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

type files = map[string]string

// bench is an app, and a package manager that does what a test tells it.
type bench struct {
	app, installs string
	log           bytes.Buffer
	tool          kittest.Tool
	*install.Installer
}

// source is what is installed of an app. Its package manager is npm 11, unless packageManager of package.json names another one.
func source(t *testing.T, app string) install.Source {
	t.Helper()
	p, err := project.Find(app, "")
	if err != nil {
		t.Fatal(err)
	}
	locks := manager.Locks{Arch: "x64", Node: "24.0.0", Lock: lock.Lock{
		Releases: []lock.Release{{ID: "npm", Version: "11.0.0"}}, Requires: lock.Lines{"npm": {"11": "*"}},
	}}
	m, err := manager.Choose(p, locks)
	if err != nil {
		t.Fatal(err)
	}
	s := install.Source{Manager: m, Gyp: "11.0.0", In: bp.Workspace{
		Env: config.FromProcess().Only("PATH"), Target: bp.Target{OS: "linux", Arch: "amd64", Distro: "strata-glibc"},
	}}
	if s.Lock, err = m.Lock(); err != nil {
		t.Fatal(err)
	}
	if s.Offline.Folder, s.Offline.Env, err = m.Offline(); err != nil {
		t.Fatal(err)
	}
	return s
}

// newBench returns the installer of an app, whose package manager runs a script.
func newBench(t *testing.T, content files, script string, changes ...func(*install.Source)) *bench {
	t.Helper()
	b := &bench{app: t.TempDir(), installs: t.TempDir(), tool: kittest.NewTool(t, script)}
	kittest.Write(t, b.app, content)
	s := source(t, b.app)
	s.In.Log = report.New(&b.log, report.Options{})
	for _, change := range changes {
		change(&s)
	}
	node, programs := t.TempDir(), t.TempDir()
	kittest.Write(t, programs, files{"bin/" + s.Manager.Tool().Name: b.tool.Text()})
	i, err := install.New(s, install.Programs{
		Node: func(context.Context) (string, error) { return node, nil },
		Manager: func(context.Context, manager.Tool, manager.Release) (string, error) {
			return filepath.Join(programs, "bin"), nil
		},
	}, install.Caches{
		Downloads: "/downloads", Installs: b.installs, Compiler: func(context.Context) (string, error) { return t.TempDir(), nil },
	}, "name")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	b.Installer = i
	return b
}

// commands returns the arguments of the package manager's calls.
func (b *bench) commands(t *testing.T) []string {
	t.Helper()
	var commands []string
	for _, call := range b.tool.Calls(t) {
		commands = append(commands, strings.Join(call.Args, " "))
	}
	return commands
}

const makesA = "mkdir -p node_modules/a && echo '{}' >node_modules/a/package.json"

// TestAll installs once, of what an install reads alone, in an environment of its own.
func TestAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{
		"package.json": `{"dependencies": {"a": "1"}, "scripts": {"build": "x"}}`, "server.js": "", "package-lock.json": `{"lockfileVersion": 3}`,
		".npmrc": "//npm.example.test/:_authToken=${GITHUB_TOKEN}\n",
	}, makesA, func(s *install.Source) {
		s.In.Env = s.In.Env.With(config.Environment{"GITHUB_TOKEN": "secret", "OTHER": "1", "NPM_CONFIG_OMIT": "dev", "BP_X": "1", "CNB_X": "1",
			"HTTPS_PROXY": "p"})
	})
	for range 2 {
		dir, err := b.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := files{
			".npmrc": "//npm.example.test/:_authToken=${GITHUB_TOKEN}\n", "package-lock.json": `{"lockfileVersion": 3}`,
			"package.json": "{\n  \"dependencies\": {\n    \"a\": \"1\"\n  }\n}", "node_modules/a/package.json": "{}\n",
		}
		if diff := cmp.Diff(want, kittest.Files(t, dir)); diff != "" {
			t.Errorf("the install (-want +got):\n%s", diff)
		}
	}
	calls := b.tool.Calls(t)
	if len(calls) != 1 || !slices.Equal(calls[0].Args, []string{"ci"}) {
		t.Fatalf("npm was called with %q, want ci once", b.commands(t))
	}
	env := calls[0].Env
	for name, want := range map[string]string{
		"GITHUB_TOKEN": "secret", "OTHER": "", "NPM_CONFIG_OMIT": "dev", "BP_X": "", "CNB_X": "", "HTTPS_PROXY": "p",
		"npm_config_cache": "/downloads", "npm_config_include": "dev", "npm_config_build_from_source": "",
	} {
		if env[name] != want {
			t.Errorf("an install sees %s=%q, want %q", name, env[name], want)
		}
	}
	if _, err := os.Stat(filepath.Join(env["HOME"], ".prebuild-installrc")); err != nil {
		t.Errorf("prebuild-install is not told to compile: %v", err)
	}
	scripts, err := b.Environment(t.Context())
	if err != nil || scripts["OTHER"] != "1" || scripts["BP_X"] != "" || scripts["CNB_X"] != "" {
		t.Errorf("build scripts see %v, %v", scripts, err)
	}
}

// TestCertificates lets Node.js trust what the build image trusts.
func TestCertificates(t *testing.T) {
	t.Parallel()
	bundle := filepath.Join(t.TempDir(), "own.crt")
	kittest.Write(t, filepath.Dir(bundle), files{"own.crt": ""})
	for name, tt := range map[string]struct {
		env  config.Environment
		want string
	}{
		"own":     {config.Environment{"SSL_CERT_FILE": bundle}, bundle},
		"decided": {config.Environment{"SSL_CERT_FILE": bundle, "NODE_EXTRA_CA_CERTS": "/x"}, "/x"},
		"none":    {config.Environment{"SSL_CERT_FILE": "/absent"}, ""},
	} {
		b := newBench(t, files{"package.json": "{}"}, "", func(s *install.Source) { s.In.Env = s.In.Env.With(tt.env) })
		if env, err := b.Environment(t.Context()); env["NODE_EXTRA_CA_CERTS"] != tt.want || err != nil {
			t.Errorf("%s: NODE_EXTRA_CA_CERTS is %q, %v; want %q", name, env["NODE_EXTRA_CA_CERTS"], err, tt.want)
		}
	}
}

// TestOwnManager runs the Yarn that the app brings along, with the compression that its checksums say.
func TestOwnManager(t *testing.T) {
	t.Parallel()
	own := kittest.NewTool(t, makesA)
	b := newBench(t, files{
		"package.json": `{"dependencies": {"a": "1"}}`, ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.9.2.cjs\n",
		".yarn/releases/yarn-4.9.2.cjs": own.Text(),
		"yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"a@npm:1\":\n  resolution: \"a@npm:1.0.0\"\n" +
			"  checksum: 10c0/00\n",
	}, "exit 9")
	if _, err := b.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls := own.Calls(t)
	if len(calls) != 1 || calls[0].Env["YARN_COMPRESSION_LEVEL"] != "0" || calls[0].Env["YARN_NODE_LINKER"] != "pnp" ||
		calls[0].Env["YARN_NM_MODE"] != "classic" {
		t.Errorf("the app's Yarn was called so: %+v", calls)
	}
}

// TestResolve has npm make the lockfile that an app lacks, and compile what may be downloaded if it tells so.
func TestResolve(t *testing.T) {
	t.Parallel()
	for lock, want := range map[string]string{"{}": "", `{"packages": {"node_modules/@mapbox/node-pre-gyp": {}}}`: "true"} {
		b := newBench(t, files{"package.json": `{"dependencies": {"a": "1"}}`},
			`case "$*" in *lock-only*) echo '`+lock+`' >package-lock.json;; *) cat package-lock.json;; esac`)
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.commands(t); !slices.Equal(got, []string{"install --package-lock-only --save", "install"}) {
			t.Errorf("npm was called with %q", got)
		}
		if got := b.tool.Calls(t)[1].Env["npm_config_build_from_source"]; got != want {
			t.Errorf("with the lockfile %s, npm_config_build_from_source is %q, want %q", lock, got, want)
		}
	}
}

// TestPreGyp compiles everything where a tool is that cannot be told otherwise, or may be.
func TestPreGyp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ lockfile, want string }{
		{"node-gyp-build@^4.0.0:\n", ""}, {"\"@mapbox/node-pre-gyp@^1.0.11\":\n", "true"}, {"", "true"},
	} {
		content := files{"package.json": `{"packageManager": "yarn@1.22.22", "dependencies": {"a": "1"}}`}
		if tt.lockfile != "" {
			content["yarn.lock"] = tt.lockfile
		}
		b := newBench(t, content, makesA)
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.tool.Calls(t)[0].Env["npm_config_build_from_source"]; got != tt.want {
			t.Errorf("%q: npm_config_build_from_source is %q, want %q", tt.lockfile, got, tt.want)
		}
	}
}

// TestNoCompiler has install scripts that look for a compiler. Each ends the package manager, and a compiler is fetched.
func TestNoCompiler(t *testing.T) {
	t.Parallel()
	scripts := map[string]string{"make": "make", "python": "(python3 -c 'import sys' || true); echo went on"}
	if _, err := exec.LookPath("node"); err == nil {
		scripts["gyp"] = `node "$npm_config_node_gyp" rebuild || echo went on`
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, files{"package.json": `{"dependencies": {"a": "1"}}`, "package-lock.json": `{"lockfileVersion": 3}`},
				script+"; echo went on")
			_, err := b.All(t.Context())
			if got := (fault.Fault{}); !errors.As(err, &got) || got.ID != "deb-mirror-unset" {
				t.Errorf("%v, want that there is no mirror for a compiler", err)
			}
			if log := b.log.String(); strings.Contains(log, "went on") || !strings.Contains(log, "There is an addon to compile") {
				t.Errorf("the package manager went on, or it was not said that an addon is compiled:\n%s", log)
			}
		})
	}
}

// TestProduction has Yarn 4 take away what is for development, in a copy.
func TestProduction(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{
		"package.json": `{"packageManager": "yarn@4.9.2", "dependencies": {"a": "1"}}`, ".yarnrc.yml": "nodeLinker: node-modules\n",
	}, `case "$*" in *focus*) rm -r node_modules/dev;; *) `+makesA+` && mkdir node_modules/dev && touch node_modules/dev/x;; esac`)
	packages := b.Packages()
	for _, keep := range []bool{false, true, true} {
		dir, err := packages.Production(t.Context(), keep)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "node_modules/dev")); !os.IsNotExist(err) || filepath.Dir(dir) == b.installs != keep {
			t.Errorf("keep %t: %s has what is for development: %v", keep, dir, err)
		}
	}
	want := []string{"install --no-immutable", "workspaces focus --production", "workspaces focus --production"}
	if got := b.commands(t); !slices.Equal(got, want) {
		t.Errorf("Yarn was called with %q, want %q", got, want)
	}
	all, err := b.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(all, "node_modules/dev/x")); err != nil {
		t.Error(err)
	}
	if npm := newBench(t, files{"package.json": "{}"}, ""); npm.Packages().Production != nil {
		t.Error("npm takes away what is for development")
	}
}

// TestTakeVendored installs from what the app brings along, which the app then has no more.
func TestTakeVendored(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		app     files
		change  func(*install.Source)
		command string
		env     files
	}{
		"cache": {
			files{"npm-cache/_cacache/x": "", "package-lock.json": `{"lockfileVersion": 3}`}, func(*install.Source) {}, "ci",
			files{"npm_config_prefer_offline": "true"},
		},
		"packages": {files{"node_modules/a/package.json": "{}"}, func(s *install.Source) { s.Vendored = true }, "rebuild", nil},
		"neither":  {files{"package-lock.json": `{"lockfileVersion": 3}`}, func(*install.Source) {}, "", nil},
	} {
		tt.app["package.json"] = `{"dependencies": {"a": "1"}}`
		b := newBench(t, tt.app, makesA, tt.change)
		if err := b.TakeVendored(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(b.commands(t), ", "); got != tt.command {
			t.Errorf("%s: npm was called with %q, want %q", name, got, tt.command)
		}
		for variable, want := range tt.env {
			if got := b.tool.Calls(t)[0].Env[variable]; got != want {
				t.Errorf("%s: %s is %q, want %q", name, variable, got, want)
			}
		}
		for _, gone := range []string{"npm-cache", "node_modules"} {
			if _, err := os.Stat(filepath.Join(b.app, gone)); !os.IsNotExist(err) {
				t.Errorf("%s: the app has %s: %v", name, gone, err)
			}
		}
	}
}

// TestInjected refuses workspaces that pnpm copied.
func TestInjected(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{
		"package.json": `{"packageManager": "pnpm@10.12.1", "workspaces": ["packages/*"]}`, "packages/a/package.json": "{}",
	}, "mkdir -p 'node_modules/.pnpm/a@file+packages+a_react@19'")
	_, err := b.All(t.Context())
	if got := (fault.Fault{}); !errors.As(err, &got) || got.ID != "node-injected" {
		t.Errorf("%v, want node-injected", err)
	}
}

// TestRemoveSettings removes settings wherever they are, and tells of a secret that stays.
func TestRemoveSettings(t *testing.T) {
	t.Parallel()
	for bunfig, want := range map[string]bool{"token = \"$TOKEN\"": false, "token = \"npm_x\"": true, "": false} {
		app := t.TempDir()
		kittest.Write(t, app, files{
			"package.json": `{"packageManager": "yarn@4.9.2"}`, ".npmrc": "", "packages/b/.npmrc": "", "packages/b/index.js": "",
			".yarn/cache/a.zip":     "",
			".yarn/patches/a.patch": "", ".yarn/install-state.gz": "", "packages/b/.yarn/cache/b.zip": "", ".yarnrc.yml": "", "bunfig.toml": bunfig,
		})
		secret, err := install.RemoveSettings(source(t, app).Manager)
		if err != nil || secret != want {
			t.Errorf("with %s a secret stays: %t, %v; want %t", bunfig, secret, err, want)
		}
		left := []string{".yarn/patches/a.patch", "bunfig.toml", "package.json", "packages/b/.yarn/cache/b.zip", "packages/b/index.js"}
		if diff := cmp.Diff(left, slices.Sorted(maps.Keys(kittest.Files(t, app)))); diff != "" {
			t.Errorf("what stays (-want +got):\n%s", diff)
		}
	}
}
