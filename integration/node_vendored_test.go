package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNodeOffline builds apps that have archives of their packages, with empty caches and without a network. The images are the same
// as without the archives.
func TestNodeOffline(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	for _, tt := range []struct {
		app, program string
		install      []string
		settings     map[string]string
		archives     string
	}{
		{app: "local", program: "npm-*/.programs/npm", install: []string{"ci", "--ignore-scripts", "--cache", "npm-cache"},
			archives: "npm-cache"},
		{
			app: "yarn", program: "yarn-1*/.programs/yarn", install: []string{"install", "--frozen-lockfile", "--ignore-scripts"},
			settings: map[string]string{".yarnrc": "yarn-offline-mirror \"./archives\"\n"}, archives: "archives",
		},
	} {
		t.Run(tt.app, func(t *testing.T) {
			app := nodeSample(t, tt.app)
			for name, content := range tt.settings {
				if err := os.WriteFile(filepath.Join(app, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := build(t, app, image(t))
			cmd := exec.CommandContext(t.Context(), installed(t, tt.program), tt.install...)
			cmd.Dir = app
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(installed(t, "node-linux-*/bin/node"))+":"+os.Getenv("PATH"),
				"NPM_CONFIG_REGISTRY="+npmRegistry(t), "YARN_REGISTRY="+npmRegistry(t), "YARN_CACHE_FOLDER="+t.TempDir())
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", cmd, err, output)
			}
			if entries, err := os.ReadDir(filepath.Join(app, tt.archives)); err != nil || len(entries) == 0 {
				t.Fatalf("no archives in %s: %v", tt.archives, err)
			}
			if got := build(t, app, image(t)+"-offline", "--network", "none"); got != want {
				t.Errorf("the image is %s, with a network and without archives %s", got, want)
			}
		})
	}
}

// TestNodeVendored builds an app that has its packages. There is no lockfile, and no registry has the packages.
func TestNodeVendored(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app := writeApp(t, map[string]string{
		"package.json": `{"dependencies": {"vendored-word": "1"}, "devDependencies": {"vendored-tool": "1"},
			"scripts": {"build": "node -e \"require('vendored-tool')\""}}`,
		"server.js": `require('http').createServer((request, response) => response.end(require('vendored-word'))).listen(process.env.PORT)
process.on('SIGTERM', () => process.exit())`,
		"node_modules/vendored-word/package.json": `{"name": "vendored-word", "version": "1.0.0"}`,
		"node_modules/vendored-word/index.js":     `module.exports = 'one word'`,
		"node_modules/vendored-tool/package.json": `{"name": "vendored-tool", "version": "1.0.0"}`,
		"node_modules/vendored-tool/index.js":     ``,
	})
	name := image(t)
	first := inspect(t, build(t, app, name, "-e", "BP_NODE_VENDORED_ENABLED=true"))
	if word := ask(t, name, "/"); strings.TrimSpace(word) != "one word" {
		t.Errorf("it answers %q", word)
	}
	if files := first.files(t); strings.Contains(files, "vendored-tool/") || !strings.Contains(files, "vendored-word/") {
		t.Errorf("the image has not the packages that the app needs when it runs, and only those:\n%s", files)
	}
	edit(t, app, "node_modules/vendored-word/index.js", "one", "another")
	second := build(t, app, name, "-e", "BP_NODE_VENDORED_ENABLED=true", "--network", "none") // Node.js and npm are there by now
	inspect(t, second).differsInPackages(t, first, true)
	if word := ask(t, name, "/"); strings.TrimSpace(word) != "another word" {
		t.Errorf("after a change of a package it answers %q", word)
	}
}

// installed returns a file of the newest release that is installed for all apps.
func installed(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(home(), "tools", "*", filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s is installed: %v", pattern, err)
	}
	return found[len(found)-1]
}
