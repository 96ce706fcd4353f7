package start_test

import (
	"strings"
	"testing"
)

// TestForBun runs an app on Bun that does not say how it starts, if it is made for Bun.
func TestForBun(t *testing.T) {
	t.Parallel()
	const types = `{"module": "index.js", "devDependencies": {"@types/bun": "latest"}}`
	for _, tt := range []struct {
		manifest, lockfile string
		want               bool
	}{
		{types, "bun.lock", true}, {types, "bun.lockb", true}, {types, "package-lock.json", false}, {`{"module": "index.js"}`, "bun.lock", false},
		{`{"module": "source.ts"}`, "bun.lock", true}, {`{"main": "source.ts"}`, "package-lock.json", false},
		{`{"scripts": {"build": "tsc"}, "main": "source.ts"}`, "bun.lock", false},
		{`{}`, "bun.lock", false},
	} {
		a := app(t, files{"package.json": tt.manifest, tt.lockfile: "{}", "index.js": "", "source.ts": ""})
		a.TypeScript = tt.lockfile == "package-lock.json"
		if s, err := a.Choose(); err != nil || s.Bun != tt.want {
			t.Errorf("%s with %s: Bun is %v, %v, want %v", tt.manifest, tt.lockfile, s.Bun, err, tt.want)
		}
	}
}

// TestListen starts the module that TanStack Start makes by a program that listens for it, unless the app says how it starts.
func TestListen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scripts, file, want string
	}{
		{`"build": "x"`, "dist/server/server.js", "dist/server/strata-listen.mjs"},
		{"", "dist/server/server.js", "dist/server/strata-listen.mjs"},
		{`"start": "vite preview"`, "dist/server/server.js", "dist/server/strata-listen.mjs"},
		{`"start": "node own.js"`, "dist/server/server.js", "own.js"},
		{`"build": "x"`, "dist/server/index.js", ""},
	} {
		a := app(t, files{tt.file: "", "own.js": "", "package.json": `{"scripts": {` + tt.scripts + `},
			"dependencies": {"@tanstack/react-start": "1"}, "devDependencies": {"vite": "8"}}`})
		a.Locked = func(string, string) (string, bool, bool) { return "node_modules/vite/vite.js", true, true }
		s, err := a.Choose()
		if err != nil {
			t.Fatal(err)
		}
		listens, err := a.Listen(s)
		if err != nil || listens != strings.HasSuffix(tt.want, "listen.mjs") {
			t.Errorf("%+v: it listens: %v, %v", tt, listens, err)
		}
		list, _, err := a.Launch(s, "node")
		if tt.want == "" {
			if err == nil || !strings.Contains(err.Error(), "npm install srvx") {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		if err != nil || strings.Join(list.Args(), " ") != "node "+tt.want {
			t.Errorf("%+v: it starts %q, %v", tt, list.Args(), err)
		}
	}
}
