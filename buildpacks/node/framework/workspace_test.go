package framework_test

import (
	"maps"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// TestFindOnly takes the only workspace that is an app, where the root is none.
func TestFindOnly(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	const next, site = `{"scripts": {"build": "next build"}, "dependencies": {"next": "1"}}`, `{"scripts": {"build": "vite build"},
		"devDependencies": {"vite": "1"}}`
	for _, tt := range []struct {
		root string // what its package.json has besides the workspaces
		more files
		want string
	}{
		{``, files{"a/package.json": `{"scripts": {"start": "node x"}}`}, "a"},
		{``, files{"a/package.json": `{"scripts": {"start": "node x"}}`, "b/package.json": `{"scripts": {"start": "node y"}}`}, "."},
		{``, files{"a/package.json": next}, "a"},
		{``, files{"a/package.json": `{"dependencies": {"next": "1"}}`}, "."}, // nothing builds it
		{``, files{"a/package.json": next, "b/package.json": `{"main": "x.js", "scripts": {"build": "tsc"}}`}, "a"},
		{``, files{"a/package.json": next, "b/package.json": site}, "."},
		{``, files{"a/package.json": site}, "a"},
		{``, files{"a/package.json": `{"exports": "./x.js", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "1"}}`}, "."},
		{`"scripts": {"build": "turbo run build"}, "devDependencies": {"vite": "1", "turbo": "2"}`, files{"a/package.json": next}, "a"},
		{`"scripts": {"build": "pnpm -r build"}, "devDependencies": {"vite": "1"}`, files{"a/package.json": next}, "a"},
		{`"scripts": {"build": "tsc -b"}, "devDependencies": {"typescript": "5"}`, files{"a/package.json": next}, "a"},
		{`"scripts": {"build": "vite build"}, "devDependencies": {"vite": "1"}`, files{"a/package.json": next}, "."},
		{`"main": "x.js"`, files{"a/package.json": next}, "a"}, // which npm init wrote
		{`"main": "x.js"`, files{"a/package.json": next, "x.js": ""}, "."},
		{``, files{"a/package.json": next, "server.js": ""}, "."},
		{``, files{"a/package.json": next, "index.html": ""}, "."},
		{``, files{"a/package.json": next, "Procfile": "web: node x\n"}, "."},
		{`"scripts": {"start": "node x"}`, files{"a/package.json": next}, "."},

		{``, files{"nx.json": "{}", "apps/x/project.json": `{"projectType": "application", "targets": {"start": {"command": "node x"}}}`},
			"nx x"},
		{``, files{"nx.json": "{}", "apps/x/project.json": `{"projectType": "application", "targets": {"build": {}}}`}, "."},
		{``, files{"nx.json": "{}", "apps/x/project.json": `{"projectType": "library", "targets": {"start": {"command": "node x"}}}`}, "."},
		{``, files{"nx.json": `{"plugins": [{"plugin": "@nx/next/plugin"}]}`, "a/next.config.js": "",
			"a/package.json": `{"dependencies": {"next": "1"}}`}, "a"},
	} {
		dir := t.TempDir()
		all := files{"package.json": `{"workspaces": ["*"]` + map[bool]string{true: ", "}[tt.root != ""] + tt.root + `}`}
		maps.Copy(all, tt.more)
		kittest.Write(t, dir, all)
		p, err := framework.Find(dir, "")
		got := p.From()
		if p.Nx != "" {
			got = "nx " + p.Nx
		}
		if err != nil || got != tt.want || (p.Chosen != "") != (tt.want != ".") {
			t.Errorf("%s with %v: %s by %q, %v; want %s", tt.root, tt.more, got, p.Chosen, err, tt.want)
		}
	}
}
