package integration

import (
	"bytes"
	"debug/elf"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
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
	_, first := told()                                                          // a compiler may be there for all apps
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

// TestNodeObjectWrap compiles an addon that is built on node::ObjectWrap. It may not take itself off the environment's list of
// cleanup hooks when it is collected: that ends the process.
func TestNodeObjectWrap(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := t.TempDir(), image(t)
	kittest.Write(t, app, map[string]string{
		"wrap-1.0.0.tgz": string(kittest.NPMArchive(t, map[string]string{
			"package.json": `{"name": "wrap", "version": "1.0.0", "main": "build/Release/wrap.node", "scripts": {"install": "node-gyp rebuild"}}`,
			"binding.gyp":  `{"targets": [{"target_name": "wrap", "sources": ["wrap.cc"]}]}`,
			"wrap.cc":      wrapSource,
		})),
		"package.json": `{"dependencies": {"wrap": "file:wrap-1.0.0.tgz"}, "scripts": {"start": "node server.js"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"wrap": "file:wrap-1.0.0.tgz"}},
			"node_modules/wrap": {"version": "1.0.0", "resolved": "file:wrap-1.0.0.tgz", "hasInstallScript": true}}}`,
		"server.js": `const { Wrap } = require("wrap")
			require("http").createServer((q, s) => s.end(new Wrap().constructor.name)).listen(process.env.PORT || 8080)`,
	})
	got := inspect(t, build(t, app, name))
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Wrap" {
		t.Errorf("it answers %q, want Wrap", body)
	}
	addon := func(name string) bool { return strings.HasSuffix(name, "/wrap.node") }
	read := false
	for _, e := range got.entries(t, addon) {
		if !addon(e.header.Name) {
			continue
		}
		file, err := elf.NewFile(bytes.NewReader(e.content))
		if err != nil {
			t.Fatal(err)
		}
		symbols, err := file.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, symbol := range symbols {
			read = read || strings.Contains(symbol.Name, "FunctionTemplate")
			if strings.Contains(symbol.Name, "RemoveEnvironmentCleanupHook") {
				t.Errorf("the addon calls %s", symbol.Name)
			}
		}
	}
	if !read {
		t.Error("no addon calls V8")
	}
}

// TestNodeAddonLibrary compiles an addon with a library of a package of Debian. The image has the library, with what it needs, and no
// header. A second build of the same gives the same image.
func TestNodeAddonLibrary(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := t.TempDir(), image(t)
	kittest.Write(t, app, map[string]string{
		"pq-1.0.0.tgz": string(kittest.NPMArchive(t, map[string]string{
			"package.json": `{"name": "pq", "version": "1.0.0", "main": "build/Release/pq.node", "scripts": {"install": "node-gyp rebuild"}}`,
			"binding.gyp": `{"targets": [{"target_name": "pq", "sources": ["pq.cc"],
				"include_dirs": ["<!(pg_config --includedir)"], "libraries": ["<!(pkg-config --libs libpq)"]}]}`,
			"pq.cc": pqSource,
		})),
		"package.json": `{"dependencies": {"pq": "file:pq-1.0.0.tgz"}, "scripts": {"start": "node server.js"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"pq": "file:pq-1.0.0.tgz"}},
			"node_modules/pq": {"version": "1.0.0", "resolved": "file:pq-1.0.0.tgz", "hasInstallScript": true}}}`,
		"server.js": `require("http").createServer((q, s) => s.end(require("pq"))).listen(process.env.PORT || 8080)`,
	})
	if got := strata(t, "build", app, "-t", name); got.status != 1 || !strings.Contains(got.stderr, "BP_DEBIAN_PACKAGES") {
		t.Errorf("without packages it ends with %d and does not say what to set:\n%s", got.status, got.stderr)
	}
	first := build(t, app, name, "-e", "BP_DEBIAN_PACKAGES=libpq-dev")
	if body := strings.TrimSpace(ask(t, name, "/")); !strings.HasPrefix(body, "17") {
		t.Errorf("it answers %q, want libpq's version", body)
	}
	if again := build(t, app, name, "-e", "BP_DEBIAN_PACKAGES=libpq-dev"); again != first {
		t.Errorf("the same gives %s, before %s", again, first)
	}
	got := inspect(t, first)
	var libraries []string
	for _, e := range got.entries(t, func(string) bool { return false }) {
		if strings.Contains(e.header.Name, "layers/strata_linkage/libraries/lib/") {
			libraries = append(libraries, path.Base(e.header.Name))
		}
		if path.Ext(e.header.Name) == ".h" {
			t.Errorf("the image has %s", e.header.Name)
		}
	}
	if !slices.Contains(libraries, "libpq.so.5") || !slices.Contains(libraries, "libldap.so.2") || slices.Contains(libraries, "libssl.so.3") {
		t.Errorf("the image has the libraries %v", libraries)
	}
}

const pqSource = `#include <libpq-fe.h>
#include <node_api.h>
#include <string>

napi_value Init(napi_env env, napi_value) {
  napi_value version;
  std::string text = std::to_string(PQlibVersion());
  napi_create_string_utf8(env, text.c_str(), text.size(), &version);
  return version;
}
NAPI_MODULE(pq, Init)
`

const wrapSource = `#include <node.h>
#include <node_object_wrap.h>

class Wrapped : public node::ObjectWrap {
 public:
  static void New(const v8::FunctionCallbackInfo<v8::Value>& arguments) { (new Wrapped())->Wrap(arguments.This()); }
};

void Init(v8::Local<v8::Object> exports, v8::Local<v8::Value>, v8::Local<v8::Context> context, void*) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::String> name = v8::String::NewFromUtf8Literal(isolate, "Wrap");
  v8::Local<v8::FunctionTemplate> made = v8::FunctionTemplate::New(isolate, Wrapped::New);
  made->InstanceTemplate()->SetInternalFieldCount(1);
  made->SetClassName(name);
  exports->Set(context, name, made->GetFunction(context).ToLocalChecked()).Check();
}
NODE_MODULE_CONTEXT_AWARE(wrap, Init)
`
