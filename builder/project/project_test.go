package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/project"
	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const version = "[_]\nschema-version = \"0.2\"\n"

// app makes a folder with this project.toml.
func app(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{project.FileName: text})
	return dir
}

func read(t *testing.T, text string) project.Descriptor {
	t.Helper()
	d, err := project.Read(app(t, text), "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// golden compares the fault and its one line with a golden file.
func golden(t *testing.T, file string, err error) {
	t.Helper()
	if !errors.As(err, new(fault.Fault)) {
		t.Errorf("%s: got %v, want a fault", file, err)
		return
	}
	kittest.Golden(t, file+".txt", err.Error()+"\n")
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	for file, text := range map[string]string{
		"syntax":            "[_]\nschema-version = \"0.2\"\nname = \"app\n",
		"open-array":        version + "[io.buildpacks]\nexclude = [\"*.md\"",
		"duplicate":         version + "id = \"a\"\nid = \"b\"\n",
		"control-character": version + "id = \"\x1b[2J\"\n",
		"type-of-list":      version + "[io.buildpacks]\nexclude = \"*.md\"\n",
		"type-of-element":   version + "[io.buildpacks]\nexclude = [1]\n",
		"type-of-table":     version + "[io]\nbuildpacks = [1]\n",
		"type-of-env":       version + "[io.buildpacks.build.env]\nBP_GO_VERSION = \"1.26\"\n",
		"type-of-version":   "[_]\nschema-version = 0.2\n",
		"too-many-dots":     version + strings.Repeat("a.", 2000) + "a = 1\n",
		"too-many-braces":   version + strings.Repeat("a = {", 201) + strings.Repeat("}", 201) + "\n",
		"too-large":         version + "#" + strings.Repeat("x", 64<<10) + "\n",
		"version-unknown":   "[_]\nschema-version = \"0.3\"\n",
		"version-missing":   "[io.buildpacks]\nexclude = [\"*.md\"]\n",
		"both-lists":        version + "[io.buildpacks]\nexclude = []\ninclude = [\"*.go\"]\n",
		"license":           version + "[[_.licenses]]\n",
		"pattern":           version + "[io.buildpacks]\nexclude = [\"lib++/\"]\n",
		"pattern-class":     version + "[io.buildpacks]\ninclude = [\"*.go\", \"!test[\"]\n",
		"buildpack-nothing": version + "[[io.buildpacks.group]]\nversion = \"1\"\n",
		"buildpack-image":   version + "[[io.buildpacks.group]]\nuri = \"docker://registry.example.com/go\"\n",
		"buildpack-folder":  version + "[[io.buildpacks.pre.group]]\nid = \"mine\"\nuri = \"../mine\"\n",
		"buildpack-script": version + "[[io.buildpacks.post.group]]\nid = \"mine\"\n" +
			"[io.buildpacks.post.group.script]\napi = \"0.10\"\ninline = \"true\"\n",
	} {
		_, err := project.Read(app(t, text), "")
		golden(t, file, err)
	}
}

func TestVariableFaults(t *testing.T) {
	t.Parallel()
	for file, entry := range map[string]string{
		"variable-no-name":  `{value = "1"}`,
		"variable-path":     `{name = "../x", value = "1"}`,
		"variable-nul":      `{name = "X", value = "\u0000"}`,
		"variable-reserved": `{name = "GOPROXY", value = "https://proxy.example.com"}`,
	} {
		_, err := read(t, version+"[io.buildpacks.build]\nenv = ["+entry+"]\n").Variables(nil, suite(t))
		golden(t, file, err)
	}
}

// suite returns what the suite's buildpacks say of where packages come from.
func suite(t *testing.T) registries.List {
	t.Helper()
	files, err := filepath.Glob("../../buildpacks/*/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	var all registries.List
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list, err := registries.Read(file, content)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

// TestBuilderWithoutRegistries lets an app set nothing where the builder does not say what it may not set.
func TestBuilderWithoutRegistries(t *testing.T) {
	t.Parallel()
	d := read(t, version+"[[io.buildpacks.build.env]]\nname = \"GOSUMDB\"\nvalue = \"off\"\n")
	if _, err := d.Variables(nil, nil); !errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), "GOSUMDB") {
		t.Errorf("got %v", err)
	}
	if env, err := d.Variables(map[string]string{"GOSUMDB": "given"}, nil); err != nil || len(env) > 0 {
		t.Errorf("given on the command line: %v, %v", env, err)
	}
}

// TestVariables gives a build what an app may say, and neither what it may not nor what the command line says.
func TestVariables(t *testing.T) {
	t.Parallel()
	variables := func(name string, given map[string]string) (map[string]string, error) {
		return read(t, version+"[[io.buildpacks.build.env]]\nname = \""+name+"\"\nvalue = \"app's\"\n").Variables(given, suite(t))
	}
	for _, name := range []string{
		"BP_GO_VERSION", "BP_KEEP_FILES", "BPE_PORT", "GOFLAGS", "GOEXPERIMENT", "NODE_ENV", "NODE_OPTIONS", "PHP_OPTS", "UNVERIFIED_ENABLED",
		"NPM_CONFIG_LEGACY_PEER_DEPS", "npm_config_cache", "YARN_ENABLE_IMMUTABLE_INSTALLS", "PATHS", "LIBRARY_PATH", "MY_CNB_X", "CA",
	} {
		got, err := variables(name, nil)
		if diff := cmp.Diff(map[string]string{name: "app's"}, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "LD_PRELOAD", "LD_LIBRARY_PATH", "CNB_TARGET_DISTRO_NAME", "CNB_PLATFORM_API", "BP_CACHE_DIR",
		"BP_TOOLS_DIR", "BP_INSTALL_TOOL", "BP_REPLACE_RUNTIME", "BP_VERDICTS_DIR",
		"BP_NODE_UNVERIFIED_ENABLED", "BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED", "GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY",
		"GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS",
		"GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
		"NODE_TLS_REJECT_UNAUTHORIZED",
		"HTTP_PROXY", "https_proxy", "no_proxy", "all_proxy", "NPM_CONFIG_REGISTRY", "npm_config_registry", "npm_config_strict-ssl",
		"NPM_CONFIG_CAFILE", "npm_config_userconfig",
		"pnpm_config_registry", "YARN_REGISTRY", "YARN_NPM_REGISTRY_SERVER", "YARN_ENABLE_STRICT_SSL", "YARN_HTTPS_PROXY",
		"YARN_RC_FILENAME", "BUN_CONFIG_REGISTRY",
		"STRATA_DEBIAN_MIRROR", "BP_DEPENDENCY_MIRROR", "BP_DEPENDENCY_MIRROR_EXAMPLE_TEST",
	} {
		if got, err := variables(name, nil); !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: got %v and %v, want a fault", name, got, err)
		}
		got, err := variables(name, map[string]string{name: "the user's"})
		if len(got) > 0 || err != nil {
			t.Errorf("%s, given on the command line: got %v and %v, want nothing", name, got, err)
		}
	}
	last := read(t, version+"[io.buildpacks.build]\nenv = [{name = \"A\", value = \"1\"}, {name = \"A\", value = \"2\"}, {name = \"B\"}]\n")
	got, err := last.Variables(nil, suite(t))
	if diff := cmp.Diff(map[string]string{"A": "2", "B": ""}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestKeep has the paths that pack v0.40 puts into a build, among them those that git would not.
func TestKeep(t *testing.T) {
	t.Parallel()
	paths := []string{
		"README.md", "main.go", "main_test.go", "cmd", "cmd/app", "cmd/app/main.go", "cmd/README.md",
		"spec", "spec/a.md", "lib", "lib/spec", "lib/spec/b.go", "file?.txt", "file1.txt", ".env", ".git", ".git/config",
	}
	for _, test := range []struct {
		key, patterns string
		want          string // of paths
	}{
		{"exclude", `"*.md"`,
			"main.go main_test.go cmd cmd/app cmd/app/main.go spec lib lib/spec lib/spec/b.go file?.txt file1.txt .env .git .git/config"},
		{"exclude", `"/*.md", ".git", "spec/", "file*", ".env"`,
			"main.go main_test.go cmd cmd/app cmd/app/main.go cmd/README.md spec lib lib/spec"},
		{"exclude", `"*", "!main.go"`, "main.go cmd/app/main.go"},
		{"exclude", `"cmd", "!cmd/app/main.go", "lib/**", "spec", ".*", "file*", "*.md", "*_test.go"`, "main.go cmd/app/main.go"},
		{"exclude", `"# comment", "", "**/spec", "cmd/*.md", "file?.txt", ".git/", "./lib", "*.md"`,
			"main.go main_test.go cmd cmd/app cmd/app/main.go lib file1.txt .env .git"},
		{"include", `"cmd/", "*.md"`, "README.md cmd/app cmd/app/main.go cmd/README.md spec/a.md"},
		{"include", `"/main.go", "lib"`, "main.go lib lib/spec lib/spec/b.go"},
		{"include", `"*.go", "!*_test.go"`, "main.go cmd/app/main.go lib/spec/b.go"},
		{"include", `"../main.go"`, ""},
		{"include", ``, strings.Join(paths, " ")},
	} {
		keep := read(t, version+"[io.buildpacks]\n"+test.key+" = ["+test.patterns+"]\n").Keep()
		var kept []string
		for _, path := range paths {
			if keep == nil || keep(path) {
				kept = append(kept, path)
			}
		}
		if diff := cmp.Diff(test.want, strings.Join(kept, " ")); diff != "" {
			t.Errorf("%s = [%s] (-want +got):\n%s", test.key, test.patterns, diff)
		}
	}
}

// TestSchemas reads the same from all ways of writing it.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"0.2": version + `id = "com.example.app"
name = "App"
version = "1.0"
authors = ["ann"]
documentation-url = "https://example.com/docs"
source-url = "https://example.com/source"
[[_.licenses]]
type = "MIT"
[_.metadata]
anything = {goes = true}
[io.buildpacks]
builder = "acme/builder"
exclude = ["*.md"]
[[io.buildpacks.pre.group]]
id = "a"
version = "1"
[[io.buildpacks.post.group]]
uri = "urn:cnb:builder:b"
[[io.buildpacks.build.env]]
name = "X"
value = "1"
[com.example]
not = "ours"
`,
		"0.2 as pack wrote it once": version + `[io.buildpacks]
builder = "acme/builder"
exclude = ["*.md"]
pre.group = [{id = "a", version = "1"}]
post.group = [{uri = "from=builder:b"}]
env.build = [{name = "X", value = "1"}]
`,
		"0.1": `[_]
schema-version = "0.1"
[project]
name = "App"
[metadata]
anything = "goes"
[build]
builder = "acme/builder"
exclude = ["*.md"]
pre.group = [{id = "a", version = "1"}]
post.group = [{id = "b"}]
env = [{name = "X", value = "1"}]
`,
	} {
		d := read(t, text)
		env, err := d.Variables(nil, suite(t))
		if err != nil {
			t.Fatal(err)
		}
		got := []any{d.Builder, d.Pre, d.Post, env, d.Keep()("README.md"), d.Keep()("main.go"), d.Notes}
		want := []any{"acme/builder", []string{"a@1"}, []string{"b"}, map[string]string{"X": "1"}, false, true, []string(nil)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := read(t, "[build]\nbuildpacks = [{id = \"a\"}]\n").Buildpacks; !slices.Equal(got, []string{"a"}) {
		t.Errorf("buildpacks of 0.1: %q", got)
	}
}

// TestNotes has what is in a descriptor and counts for nothing.
func TestNotes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"typos": version + `titel = "app"
[[_.licenses]]
type = "MIT"
tpye = "MIT"
[[_.licenses]]
type = "MIT"
tpye = "MIT"
[io.buildpacks]
excludes = ["*.md"]
[[io.buildpacks.build.vars]]
name = "X"
[io.buildpack]
exclude = ["*.md"]
[build]
exclude = ["*.md"]
[io.docker]
file = "Dockerfile"
["io.\u001b[2J"]
x = 1
["_"."\u001b[2J"]
`,
		"0.1": "[_]\nschema-version = \"0.1\"\n[project]\ntitel = \"\"\n[build]\nenvs = []\n" +
			"[io.buildpacks]\nexclude = []\n[com.example]\nx = 1\n",
		"no-version": "[project]\nname = \"app\"\n",
		"group":      version + "[io.buildpacks]\ngroup = [{id = \"a\"}]\npre.group = [{id = \"b\"}]\n",
		"patterns":   version + "[io.buildpacks]\ninclude = [\"./src\", \"../shared/*\", \"!../x\", \"a..b\", \"# ../\"]\n",
	} {
		kittest.Golden(t, "notes-"+name+".txt", strings.Join(read(t, text).Notes, "\n")+"\n")
	}
}

// TestFile has descriptors that are somewhere else, or are no files.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := app(t, version+"[io.buildpacks]\nbuilder = \"one/there\"\n")
	here := filepath.Join(dir, project.FileName)
	for name, make := range map[string]func(path string) error{
		"file-outside":  func(path string) error { return os.Symlink(here, path) },
		"file-folder":   func(path string) error { return os.Mkdir(path, 0o755) },
		"file-pipe":     func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"file-endless":  func(path string) error { return os.Symlink("/dev/zero", path) },
		"file-circular": func(path string) error { return os.Symlink(project.FileName, path) },
	} {
		other := t.TempDir()
		if err := make(filepath.Join(other, project.FileName)); err != nil {
			t.Fatal(err)
		}
		_, err := project.Read(other, "")
		golden(t, name, err)
	}
	_, err := project.Read(dir, "/nowhere/project.toml")
	golden(t, "file-missing", err)
	_, err = project.Read(dir, "/dev/zero")
	golden(t, "file-device", err)

	for name, d := range map[string]struct{ app, file, builder string }{
		"none":          {t.TempDir(), "", ""},
		"no app":        {filepath.Join(dir, "none"), "", ""},
		"named":         {t.TempDir(), here, "one/there"},
		"the app's own": {dir, "", "one/there"},
	} {
		got, err := project.Read(d.app, d.file)
		if err != nil || got.Builder != d.builder {
			t.Errorf("%s: builder %q and %v, want %q", name, got.Builder, err, d.builder)
		}
	}
	inside := t.TempDir()
	kittest.Write(t, inside, map[string]string{"config/project.toml": version + "[io.buildpacks]\nbuilder = \"one/inside\"\n"})
	if err := os.Symlink("config/project.toml", filepath.Join(inside, project.FileName)); err != nil {
		t.Fatal(err)
	}
	if got, err := project.Read(inside, ""); err != nil || got.Builder != "one/inside" {
		t.Errorf("a link inside the app: builder %q and %v", got.Builder, err)
	}
}
