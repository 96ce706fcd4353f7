package node_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHashOfManager installs a release that is not locked. An app that vouches for it by another hash does not get what was installed
// for this one.
func TestHashOfManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	integrity := w.registry.NPM(t, "pnpm", "10.998.0", files{"package.json": `{"bin": {"pnpm": "pnpm"}}`, "pnpm": w.manager.Text()})
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(integrity, "sha512-"))
	if err != nil {
		t.Fatal(err)
	}
	c := w.build(t, files{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n", "server.js": ""})
	told := hex.EncodeToString(sum)
	for _, hash := range []string{told, strings.Repeat("0", len(told))} {
		c.App["package.json"] = fmt.Sprintf(manifest, "pnpm@10.998.0+sha512."+hash)
		if got := kittest.Build(t, c); (got.Code == 0) != (hash == told) {
			t.Errorf("with the hash %s, code %d\n%s", hash, got.Code, got.Log())
		}
	}
}

// TestMirror installs Node.js and npm from a dependency mirror, a folder with what the registry was asked for before.
func TestMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	app := files{
		"package.json":      fmt.Sprintf(manifest, "npm@"+futureNPM),
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "server.js": "",
	}
	if got := kittest.Build(t, w.build(t, app)); got.Code != 0 {
		t.Fatalf("from the registry: code %d\n%s", got.Code, got.Log())
	}
	mirror := t.TempDir()
	for _, path := range w.registry.Asked() {
		response, err := http.Get(w.registry.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		kittest.Write(t, mirror, files{"registry.example.test" + path: string(body)})
	}
	c := w.build(t, app)
	c.Env["NPM_CONFIG_REGISTRY"] = "https://user:secret@registry.example.test/npm"
	c.Env["BP_DEPENDENCY_MIRROR"] = "file://" + mirror + "/{originalHost}"
	if got := kittest.Build(t, c); got.Code != 0 || strings.Contains(got.Log(), "secret") {
		t.Errorf("from the mirror: code %d\n%s", got.Code, got.Log())
	}
}
