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

// TestTypes has Node.js look at the files in TypeScript that it runs as they are.
func TestTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scripts, want string }{
		{`"start": "node src/a.ts"`, "src/a.ts"},
		{`"start": "cd src && node --watch a.ts"`, "src/a.ts"},
		{`"start": "node src/b.js && node src/a.ts"`, "src/a.ts"},
		{``, "src/index.ts"},
		{`"start": "node --import tsx src/a.ts"`, ""},
		{`"start": "node --import=./register.js src/a.ts"`, ""},
		{`"start": "node --experimental-transform-types src/a.ts"`, ""},
		{`"start": "tsx src/a.ts"`, ""},
		{`"start": "bun src/a.ts"`, ""},
		{`"start": "node src/b.js"`, ""},
	} {
		a := app(t, files{"package.json": `{"scripts": {` + tt.scripts + `}, "dependencies": {"tsx": "4"}}`,
			"src/a.ts": "", "src/b.js": "", "src/index.ts": ""})
		a.TypeScript = true
		s, err := a.Choose()
		if err != nil {
			t.Fatal(err)
		}
		args := a.Types(s)
		got := ""
		if len(args) > 0 {
			got = strings.TrimPrefix(strings.Join(args[len(args)-2:], " "), a.Dir+" "+a.Dir+"/")
		}
		if got != tt.want {
			t.Errorf("%s: %q is looked at, want %q", tt.scripts, got, tt.want)
		}
		if a.TypeScript = false; tt.scripts != "" && a.Types(s) != nil {
			t.Errorf("%s: a Node.js that runs no TypeScript looks at it", tt.scripts)
		}
	}
	a := app(t, files{"api/package.json": "{}", "package.json": `{"workspaces": ["api"]}`}, "api")
	if err := a.Unrunnable([]byte("null\n")); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	const want = "api/src/x.ts line 3: TypeScript enum; Node.js runs the file as it is"
	if err := a.Unrunnable([]byte(`{"file": "src/x.ts", "line": 3, "reason": "TypeScript enum"}`)); !strings.HasPrefix(err.Error(), want) {
		t.Errorf("it is %v, want %s", err, want)
	}
	if err := a.Unrunnable([]byte("x")); err == nil {
		t.Error("an answer that is none is taken")
	}
}
