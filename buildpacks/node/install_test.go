package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestInjectedWorkspace has pnpm copy a workspace into the packages, where its code is not yet.
func TestInjectedWorkspace(t *testing.T) {
	t.Parallel()
	copied := packages(t, files{"node_modules/.pnpm/lib@file+packages+lib_ms@2.1.3/node_modules/lib/package.json": "{}"})
	w := newWorld(t, "pnpm", "pnpm", "10.999.0", copied)
	got := kittest.Build(t, w.build(t, files{
		"package.json":        fmt.Sprintf(manifest, "pnpm@10.999.0"),
		"pnpm-workspace.yaml": "packages: [packages/*]\ninjectWorkspacePackages: true\n", "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
		"packages/lib/package.json": `{"name": "lib"}`, "server.js": "",
	}))
	_, words, _ := strings.Cut(got.Stderr, "error: ")
	if want := "pnpm is told to copy the workspace packages/lib and not to link to it; "; got.Code != 1 || !strings.HasPrefix(words, want) {
		t.Errorf("code %d and %q, want 1 and %q", got.Code, words, want)
	}
}

// TestCertificates tells Node.js of the authorities that the platform trusts, and whoever names others decides.
func TestCertificates(t *testing.T) {
	t.Parallel()
	bundle := filepath.Join(t.TempDir(), "authorities.pem")
	kittest.Write(t, filepath.Dir(bundle), files{"authorities.pem": "-----BEGIN CERTIFICATE-----"})
	debian := "/etc/ssl/certs/ca-certificates.crt"
	if _, err := os.Stat(debian); err != nil {
		debian = "" // nothing to tell
	}
	for _, tt := range []struct {
		name string
		env  config.Environment
		want string
	}{
		{"the machine's", nil, debian},
		{"those of a variable", config.Environment{"SSL_CERT_FILE": bundle}, bundle},
		{"a file that is not there", config.Environment{"SSL_CERT_FILE": bundle + ".old"}, ""},
		{"the user's", config.Environment{"SSL_CERT_FILE": bundle, "NODE_EXTRA_CA_CERTS": "/user.pem"}, "/user.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
			c := w.build(t, keyed())
			c.Env = c.Env.With(tt.env)
			got := kittest.Build(t, c)
			calls := w.manager.Calls(t)
			if got.Code != 0 || len(calls) != 2 {
				t.Fatalf("code %d after %q\n%s", got.Code, calls, got.Log())
			}
			for _, call := range calls {
				if got := call.Env["NODE_EXTRA_CA_CERTS"]; got != tt.want {
					t.Errorf("npm %v sees NODE_EXTRA_CA_CERTS=%s, want %s", call.Args, got, tt.want)
				}
			}
		})
	}
}

// TestSettingsOfManagers leaves no settings of package managers in the image, and warns of the one file that has to stay.
func TestSettingsOfManagers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, bunfig string
		warns        bool
	}{
		{"secret", "[install.scopes]\ncompany = { token = \"secret\" }\n", true},
		{"password", "[install.registry]\nurl = \"https://r.example.test\"\npassword = 'secret'\n", true},
		{"name of a variable", "[install.registry]\ntoken = \"$TOKEN\"\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "@oven/bun-linux-x64-baseline", "bun", "1.999.0", packages(t, flat))
			got := kittest.Build(t, w.build(t, files{
				"package.json": fmt.Sprintf(manifest, "bun@1.999.0"), "bun.lock": "{}", "server.js": "", "bunfig.toml": tt.bunfig,
				".npmrc": "a=b", ".yarnrc": "a b", "admin/.yarnrc.yml": "a: b",
			}))
			warns := strings.Contains(got.Log(), "warning: bunfig.toml has a token or password, and is in the image")
			if got.Code != 0 || warns != tt.warns {
				t.Errorf("code %d, and it warns: %t, want %t\n%s", got.Code, warns, tt.warns, got.Log())
			}
			app := kittest.Files(t, got.AppDir)
			for _, name := range []string{".npmrc", ".yarnrc", "admin/.yarnrc.yml"} {
				if _, found := app[name]; found {
					t.Errorf("the image has %s", name)
				}
			}
			if app["bunfig.toml"] != tt.bunfig {
				t.Errorf("bunfig.toml is %q in the image", app["bunfig.toml"])
			}
		})
	}
}

// TestVariables sets for the app what its script start sets, and has Astro's server listen outside of the container.
func TestVariables(t *testing.T) {
	t.Parallel()
	const astro = `, "@astrojs/node": "^9"`
	for _, tt := range []struct {
		name, start, more string
		want              files // of the layer start
	}{
		{"none", "node server.js", "", nil},
		{"of the script", "PORT=80 NODE_ENV=staging node server.js", "", files{"PORT.default": "80", "NODE_ENV.override": "staging"}},
		{"of Astro", "node server.js", astro, files{"HOST.default": "0.0.0.0"}},
		{"of Astro, decided", "HOST=127.0.0.1 node server.js", astro, files{"HOST.default": "127.0.0.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
			c := w.build(t, keyed())
			c.App["package.json"] = fmt.Sprintf(`{"packageManager": "npm@%s", "scripts": {"start": %q}, "dependencies": {"ms": "^2"%s}}`,
				futureNPM, tt.start, tt.more)
			got := kittest.Build(t, c)
			variables := files{}
			for path, content := range kittest.Files(t, got.Layers) {
				if name, found := strings.CutPrefix(path, "start/env.launch/"); found && !strings.HasPrefix(name, "PATH.") {
					variables[name] = content
				}
			}
			if tt.want == nil {
				tt.want = files{}
			}
			tt.want["npm_lifecycle_event.override"] = "start"
			if diff := cmp.Diff(tt.want, variables); got.Code != 0 || diff != "" {
				t.Errorf("code %d; variables (-want +got):\n%s\n%s", got.Code, diff, got.Log())
			}
		})
	}
}

// TestHeap asks Node.js whether it knows the option that gives the heap its share of a container's memory.
func TestHeap(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{"true": "--max-old-space-size-percentage=50", "false": ""} {
		w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
		publishNode(t, w.registry, futureNode, program)
		got := kittest.Build(t, w.build(t, keyed()))
		made := kittest.Files(t, got.Layers)
		if options := made["node/env.launch/NODE_OPTIONS.default"]; got.Code != 0 || options != want {
			t.Errorf("%s: code %d and NODE_OPTIONS=%s, want %s\n%s", program, got.Code, options, want, got.Log())
		}
		if mode := made["node/env.launch/NODE_ENV.default"]; mode != "production" {
			t.Errorf("NODE_ENV is %s", mode)
		}
	}
}
