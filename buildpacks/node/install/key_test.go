package install_test

import (
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
)

// TestKey has what an install depends on, and what it does not: code, secrets and addresses.
func TestKey(t *testing.T) {
	t.Parallel()
	app, bound := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "1"}}`, "server.js": "",
		"package-lock.json": `{"lockfileVersion": 3}`})
	digest := func(recipe int, node string, change func(*install.Source)) string {
		t.Helper()
		s := source(t, app)
		change(&s)
		key, err := s.Key(recipe, node)
		if err != nil {
			t.Fatal(err)
		}
		name, err := install.Digest(key)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	settings := func(line string) func(*install.Source) {
		return func(s *install.Source) {
			kittest.Write(t, bound, files{".npmrc": line})
			s.Settings = install.Settings{".npmrc": filepath.Join(bound, ".npmrc")}
		}
	}
	env := func(name, value string) func(*install.Source) {
		return func(s *install.Source) { s.In.Env = config.Environment{name: value} }
	}
	none := func(*install.Source) {}
	before, empty := digest(1, "24.0.0", none), digest(1, "24.0.0", settings(""))
	for name, tt := range map[string]struct{ was, is string }{
		"recipe":      {before, digest(2, "24.0.0", none)},
		"Node.js":     {before, digest(1, "24.1.0", none)},
		"target":      {before, digest(1, "24.0.0", func(s *install.Source) { s.In.Target.Distro = "other" })},
		"manager":     {before, digest(1, "24.0.0", func(s *install.Source) { s.Manager.Release.Version = "11.1.0" })},
		"variable":    {before, digest(1, "24.0.0", env("NPM_CONFIG_OMIT", "dev"))},
		"its value":   {before, digest(1, "24.0.0", env("NPM_CONFIG_HOIST_PATTERN", "*users*"))},
		"binding":     {empty, digest(1, "24.0.0", settings("omit[]=optional"))},
		"its value's": {empty, digest(1, "24.0.0", settings("public-hoist-pattern[]=*keyv*"))},
	} {
		if tt.was == tt.is {
			t.Errorf("with another %s, the install is the same", name)
		}
	}
	for name, tt := range map[string]struct{ was, is string }{
		"token":     {empty, digest(1, "24.0.0", settings("//npm.example.test/:_authToken=secret"))},
		"address":   {empty, digest(1, "24.0.0", settings("@own:registry=https://npm.example.test/"))},
		"authority": {empty, digest(1, "24.0.0", settings("ca[]=\"-----BEGIN CERTIFICATE-----\""))},
		"registry":  {before, digest(1, "24.0.0", env("NPM_CONFIG_REGISTRY", "https://npm.example.test/"))},
		"secret":    {before, digest(1, "24.0.0", env("NPM_TOKEN", "secret"))},
		"port":      {before, digest(1, "24.0.0", env("PORT", "1"))},
	} {
		if tt.was != tt.is {
			t.Errorf("with another %s, the install is another one", name)
		}
	}
	kittest.Write(t, app, files{"server.js": "changed"})
	if digest(1, "24.0.0", none) != before {
		t.Error("with other code, the install is another one")
	}
	vendored := func(s *install.Source) { s.Vendored = true }
	kittest.Write(t, app, files{"node_modules/a/index.js": ""})
	own := digest(1, "24.0.0", vendored)
	kittest.Write(t, app, files{"node_modules/a/index.js": "changed"})
	if digest(1, "24.0.0", vendored) == own {
		t.Error("with other packages of the app, the install is the same")
	}
	kittest.Write(t, app, files{"package-lock.json": `{"lockfileVersion": 3, "packages": {}}`})
	if digest(1, "24.0.0", none) == before {
		t.Error("with another lockfile, the install is the same")
	}
}
