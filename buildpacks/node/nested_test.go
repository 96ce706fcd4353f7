package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestNested leaves out packages that a script installed for a front end inside the app, and no others.
func TestNested(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat),
		`"run build") for d in client ssr api .; do mkdir -p $d/node_modules/x; done; mkdir client/dist ;;`)
	got := kittest.Build(t, w.build(t, files{
		"package.json":        `{"packageManager": "npm@` + futureNPM + `", "scripts": {"build": "x"}, "dependencies": {"ms": "2"}}`,
		"package-lock.json":   `{"lockfileVersion": 3, "packages": {"": {}}}`,
		"server.js":           "",
		"client/package.json": `{"devDependencies": {"vite": "6"}}`,
		"ssr/package.json":    `{"devDependencies": {"vite": "6"}, "dependencies": {"express": "5"}}`,
		"api/package.json":    `{"dependencies": {"express": "5"}}`,
	}))
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	for folder, want := range map[string]bool{
		"client/node_modules": false, "client/dist": true, "ssr/node_modules": true, "api/node_modules": true, "node_modules": true,
	} {
		if _, err := os.Stat(filepath.Join(got.AppDir, folder)); (err == nil) != want {
			t.Errorf("%s is there: %v (%v), want %v", folder, err == nil, err, want)
		}
	}
}
