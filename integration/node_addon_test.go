package integration

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNodeAddon compiles an addon that the app answers with. It compiles the addon again in another folder, changes the code, and
// adds a package.
func TestNodeAddon(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := nodeSample(t, "addon"), image(t)
	told := func() (log, digest string) {
		t.Helper()
		got := strata(t, "build", app, "-t", name)
		if strings.Contains(got.stderr, "the server does not have it; build with a newer builder") {
			t.Skip("the mirror has dropped a package of the compiler's lock: run `strata stack update --dir buildpacks/kit`")
		}
		if got.status != 0 {
			t.Fatalf("status %d\n%s", got.status, got.stderr)
		}
		_, digest, _ = strings.Cut(strings.TrimSpace(got.stdout), name+"@") // the last line
		return got.stdout + got.stderr, digest
	}
	log, first := told()
	if !strings.Contains(log, "Installing a C++ compiler") {
		t.Errorf("no compiler was installed:\n%s", log)
	}
	const want = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe" // jBCrypt's test vector
	if body := ask(t, name, "/"); strings.TrimSpace(body) != want {
		t.Errorf("it answers %q, want %q", body, want)
	}
	got := inspect(t, first)
	got.checkAddon(t)
	before := got.layersOf(t, "strata/node")["modules"]
	if log, digest := told(); digest != first || strings.Contains(log, "Running npm") || strings.Contains(log, "Installing") {
		t.Errorf("nothing changed, and the digest is %s, before %s:\n%s", digest, first, log)
	}
	if err := os.WriteFile(filepath.Join(app, ".npmrc"), []byte("; says nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, second := told()
	if strings.Count(log, "Running npm ci") != 1 || strings.Contains(log, "Installing") {
		t.Errorf("the compiler was not there for the second install:\n%s", log)
	}
	if after := inspect(t, second).layersOf(t, "strata/node")["modules"]; after == "" || after != before {
		t.Errorf("the layer of packages is %s, compiled before %s", after, before)
	}
	edit(t, app, "server.js", "response.end(", "response.end('Changed: ' + ")
	log, third := told()
	if strings.Contains(log, "Running npm") {
		t.Errorf("a change of code installs packages:\n%s", log)
	}
	inspect(t, third).differsInApp(t, got)
	addPackage(t, app, "")
	_, fourth := told()
	inspect(t, fourth).differsInPackages(t, got, true)
	if body := ask(t, name, "/"); strings.TrimSpace(body) != "Changed: "+want {
		t.Errorf("after a change of code and with one package more it answers %q", body)
	}
}

// checkAddon looks for files that only a compiler needs, and for the one file that it made.
func (b built) checkAddon(t *testing.T) {
	t.Helper()
	var addons []string
	for _, e := range b.entries(t, func(string) bool { return false }) {
		file := e.header.Name
		base, extension := path.Base(file), path.Ext(file)
		if extension == ".node" {
			addons = append(addons, base)
		}
		left := slices.Contains([]string{".a", ".c", ".cc", ".d", ".gyp", ".gypi", ".h", ".mk", ".o"}, extension) || base == "Makefile"
		if left && strings.Contains(file, "node_modules/bcrypt/") ||
			slices.Contains([]string{"python3", "make", "gcc", "g++", "cc1", "cc1plus", "ld", "as"}, base) {
			t.Errorf("the image has %s", file)
		}
	}
	if !slices.Equal(addons, []string{"bcrypt_lib.node"}) {
		t.Errorf("the addons in the image are %v, want one", addons)
	}
}
