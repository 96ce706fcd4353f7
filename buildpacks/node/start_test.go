package node

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestStart reads scripts that set variables and run others.
func TestStart(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]start{
		"NODE_ENV=staging node a.js":                       {arguments: []string{"a.js"}, variables: map[string]string{"NODE_ENV": "staging"}},
		"A= B='x y' node a.js C=1":                         {arguments: []string{"a.js", "C=1"}, variables: map[string]string{"A": "", "B": "x y"}},
		"npx cross-env A=1 B=2 npm run other":              {arguments: []string{"b.js"}, script: "other", variables: map[string]string{"A": "1", "B": "2", "C": "3"}},
		"next start -p $PORT":                              {program: []string{"next", "start"}, command: []string{"next", "start"}},
		"NODE_ENV=production next start --port ${PORT:-3}": {program: []string{"next", "start"}, command: []string{"next", "start"}, variables: map[string]string{"NODE_ENV": "production"}},
		"next start -H 0.0.0.0 -p=${PORT}":                 {program: []string{"next", "start", "-H", "0.0.0.0"}, command: []string{"next", "start", "-H", "0.0.0.0"}},
		"npx next start":                                   {program: []string{"next", "start"}, command: []string{"next", "start"}},
		"npm run build && node a.js":                       {arguments: []string{"a.js"}},
		"yarn other":                                       {arguments: []string{"b.js"}, script: "other", variables: map[string]string{"C": "3"}},
	} {
		m := project.Manifest{
			Scripts: map[string]string{"start": line, "other": "C=3 node b.js", "preother": "npm run build"}, Dependencies: map[string]string{"next": "1"},
		}
		d := decision{manager: pnpm, Project: project.Project{Base: m, Manifest: m}, scripts: project.Scripts{Run: []project.Script{{Dir: ".", Name: "build"}}}}
		got, err := d.startScript("start", nil)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if want.script == "" {
			want.script = "start"
		}
		if want.variables == nil {
			want.variables = map[string]string{}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(start{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestMainFile finds what is started without a script: the server that a package made, or else a file of a usual name.
func TestMainFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dev   string
		files map[string]string
		want  string
	}{
		{"@sveltejs/adapter-node", map[string]string{"build/index.js": "", "index.js": ""}, "build/index.js"},
		{"@angular/ssr", map[string]string{"dist/shop/server/server.mjs": ""}, "dist/shop/server/server.mjs"},
		{"@astrojs/node", map[string]string{"server.js": ""}, "server.js"}, // as middleware
		{"vite", map[string]string{"build/index.js": "", "index.js": ""}, "index.js"},
	} {
		b := builder{decision: decision{Project: project.Project{Dir: t.TempDir(), Manifest: project.Manifest{Dev: map[string]string{tt.dev: "1"}}}}}
		kittest.Write(t, b.Dir, tt.files)
		if got, err := b.mainFile(); got != tt.want {
			t.Errorf("with %s the main file is %q, %v, want %q", tt.dev, got, err, tt.want)
		}
	}
}

// TestNextStandsAlone reads how Next.js is started, of which the port is what matters to its own server.
func TestNextStandsAlone(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"next start": "", "next start -p 3000": "3000", "next start -H 0.0.0.0 --port=3000": "3000", "next start web": "none", "next dev": "none", "next start --experimental-x": "none",
	} {
		s := start{command: strings.Fields(command)}
		got := "none"
		if s.startsNext() {
			got = s.port
		}
		if got != want {
			t.Errorf("%s: the port is %q, want %q", command, got, want)
		}
	}
}

// TestForeignAddon tells addons for this machine from others that their packages bring along.
func TestForeignAddon(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"node_modules/a/prebuilds/linux-x64/node.napi.node": false, "node_modules/a/node.abi115.musl.node": true, "node_modules/a/node.abi115.glibc.node": false,
		"node_modules/a/lib/profiler-linux-arm64-glibc-108.node": true, "node_modules/a/lib/profiler-linux-x64-glibc-108.node": false, "node_modules/a/lib/profiler-linux-x64-musl-108.node": true,
		"node_modules/a/build/Release/bcrypt_lib.node": false, "node_modules/a/addon.x86_64.node": false, "node_modules/a/index.darwin-x64.node": true, "node_modules/a/musl.js": false,
	} {
		if got := foreignAddon(name, "x64"); got != want {
			t.Errorf("%s is foreign: %v, want %v", name, got, want)
		}
	}
}
