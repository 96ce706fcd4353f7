package rust_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/rust"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

func TestMain(m *testing.M) { kittest.Main(m, rust.Buildpack()) }

type files = map[string]string

// metadata is what cargo says of an app with two programs and a macro.
const metadata = `{"packages": [
{"id": "path+file://APP#shop@0.1.0", "name": "shop", "version": "0.1.0", "manifest_path": "APP/Cargo.toml", "default_run": "shop",
 "features": {"default": ["color"], "color": [], "admin": []}, "targets": [
 {"name": "shop", "kind": ["bin"]}, {"name": "worker", "kind": ["bin"]},
 {"name": "console", "kind": ["bin"], "required-features": ["admin"]}, {"name": "shop", "kind": ["lib"]}]},
{"id": "path+file://APP/tools#0.2.0", "name": "tools", "version": "0.2.0", "manifest_path": "APP/tools/Cargo.toml",
 "targets": [{"name": "migrate", "kind": ["bin"]}]}],
"workspace_members": ["path+file://APP#shop@0.1.0", "path+file://APP/tools#0.2.0"],
"workspace_default_members": ["path+file://APP#shop@0.1.0"]}`

const index = "registry+https://github.com/rust-lang/crates.io-index"

// messages are what cargo says of what it made, with a crate that a macro invents.
const messages = `{"reason":"compiler-artifact","package_id":"` + index + `#greeting@1.2.3","manifest_path":"HOME/greeting/Cargo.toml",` +
	`"target":{"name":"greeting","kind":["lib"]},"filenames":["TARGET/TRIPLE/release/deps/libgreeting-0123456789abcdef.rlib"]}
{"reason":"compiler-artifact","package_id":"` + index + `#macros@2.0.0","manifest_path":"HOME/macros/Cargo.toml",` +
	`"target":{"name":"macros","kind":["proc-macro"]},"filenames":["TARGET/release/deps/libmacros-0123456789abcde0.so"]}
{"reason":"compiler-artifact","package_id":"` + index + `#invented@6.6.6","manifest_path":"","target":{"name":"invented","kind":["lib"]},` +
	`"filenames":["TARGET/TRIPLE/release/deps/libinvented-0123456789abcde1.rlib"]}
what a macro prints
{"reason":"compiler-artifact","package_id":"path+file://APP#shop@0.1.0","manifest_path":"APP/Cargo.toml",` +
	`"target":{"name":"shop","kind":["bin"]},` +
	`"filenames":["TARGET/TRIPLE/release/shop"],"executable":"TARGET/TRIPLE/release/shop"}
{"reason":"compiler-artifact","package_id":"path+file://APP#shop@0.1.0","manifest_path":"APP/Cargo.toml",` +
	`"target":{"name":"worker","kind":["bin"]},` +
	`"filenames":["TARGET/TRIPLE/release/worker"],"executable":"TARGET/TRIPLE/release/worker"}
{"reason":"build-finished","success":true}`

// cargo is a script that says and makes this. As a hostile build script may, it replaces Cargo.lock.
func cargo(t *testing.T) kittest.Tool {
	t.Helper()
	return cargoFor(t, runtime.GOARCH)
}

// cargoFor is cargo for an architecture.
func cargoFor(t *testing.T, arch string) kittest.Tool {
	t.Helper()
	return kittest.NewTool(t, `[ "$1" = metadata ] && cat <<'END' | sed "s#APP#$PWD#g" && exit
`+metadata+`
END
echo 'version = 4' >Cargo.lock
[ ! -d assets ] || echo generated | tee assets/generated.txt >assets/a.txt
made="$CARGO_TARGET_DIR/`+toolchain.Triples[arch]+`/release"
mkdir -p "$made/deps" "$CARGO_HOME/greeting"
printf '[package]\nlicense = "MIT/Apache-2.0"\n' >"$CARGO_HOME/greeting/Cargo.toml"
for name in shop worker; do
  echo "program $name" >"$made/deps/$name-fedcba9876543210"
  echo "$name:" >"$made/deps/$name-fedcba9876543210.linked"
  ln -f "$made/deps/$name-fedcba9876543210" "$made/$name"
done
cat <<'END' | sed "s#APP#$PWD#g; s#TARGET#$CARGO_TARGET_DIR#g; s#HOME#$CARGO_HOME#g; s#TRIPLE#`+toolchain.Triples[arch]+`#g"
`+messages+`
END`)
}

const lockfile = `version = 4

[[package]]
name = "greeting"
version = "1.2.3"
source = "` + index + `"
checksum = "1505bd5d3d116872e7271a6d4e16d81d0c8570876c8de68093a09ac269d8aac0"

[[package]]
name = "macros"
version = "2.0.0"
source = "` + index + `"
checksum = "2505bd5d3d116872e7271a6d4e16d81d0c8570876c8de68093a09ac269d8aac0"
dependencies = [
 "greeting",
]

[[package]]
name = "shop"
version = "0.1.0"
dependencies = [
 "greeting 1.2.3",
 "macros",
 "unused",
]

[[package]]
name = "tools"
version = "0.2.0"

[[package]]
name = "unused"
version = "3.0.0"
source = "` + index + `"
checksum = "3505bd5d3d116872e7271a6d4e16d81d0c8570876c8de68093a09ac269d8aac0"
`

// shop is the app.
func shop() files {
	return files{
		"Cargo.toml": "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n", "Cargo.lock": lockfile, "src/main.rs": "fn main() {}\n",
		"Procfile": "worker: worker\n", "assets/a.txt": "kept", "secret.env": "PASSWORD=x",
	}
}

// objcopy takes the place of the binutils: what it adds is at the end of the file.
const objcopy = "#!/bin/sh\nset -e\ncp \"$3\" \"$4\"\ncat \"${1#--add-section=.dep-v0=}\" >>\"$4\"\n"

// given returns the input of a build that finds its tools.
func given(t *testing.T, app files, tool kittest.Tool) kittest.Case {
	t.Helper()
	tools := t.TempDir()
	all, err := toolchain.Debian(runtime.GOARCH)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d Rusts, %v", len(all), err)
	}
	folder, err := compiler.Compiler{In: bp.Workspace{Target: bp.Target{Arch: runtime.GOARCH}}}.Folder()
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, filepath.Join(tools, folder, "bin"), files{"objcopy": objcopy})
	for _, r := range all {
		kittest.Write(t, filepath.Join(tools, r.Folder(), "bin"), files{"cargo": tool.Text(), "rustc": "#!/bin/sh\n"})
	}
	return kittest.Case{App: app, Distro: "strata-static", Env: config.Environment{"BP_TOOLS_DIR": tools}}
}

// built runs a build that succeeds.
func built(t *testing.T, c kittest.Case) kittest.Result {
	t.Helper()
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	return got
}

// TestBuild makes the layer of programs, with a bill of materials of what is in them, and empties the app.
func TestBuild(t *testing.T) {
	t.Parallel()
	tool := cargo(t)
	c := given(t, shop(), tool)
	c.Env["BP_KEEP_FILES"], c.Env["HOSTNAME"] = "assets/*", "f00"
	got := built(t, c)
	kittest.Golden(t, "build.txt", got.Log())
	made := kittest.Files(t, got.Layers)
	hide := strings.NewReplacer(got.Layers, "<layers>")
	kittest.Golden(t, "build.launch.toml", hide.Replace(made["launch.toml"]))
	kittest.Golden(t, "build.cdx.json", regexp.MustCompile(`urn:uuid:[0-9a-f-]+`).ReplaceAllString(made["targets.sbom.cdx.json"], "<serial>"))
	wantApp := files{"Procfile": "worker: worker\n", "assets/a.txt": "kept"}
	if diff := cmp.Diff(wantApp, kittest.Files(t, got.AppDir)); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	for _, name := range []string{"shop", "worker"} {
		text := made["targets/bin/"+name]
		program, packed, _ := strings.Cut(text, "program "+name+"\n")
		unpacked, err := zlib.NewReader(bytes.NewReader([]byte(packed)))
		if err != nil || program != "" {
			t.Fatalf("%s has %q, %v", name, text, err)
		}
		list, err := io.ReadAll(unpacked)
		if err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, "audit.json", string(list)) // of both: they are of one package
	}
	calls := tool.Calls(t)
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	env := calls[1].Env
	if name := env["HOSTNAME"]; name != "" {
		t.Errorf("build scripts see that the container is %s", name)
	}
	for _, name := range []string{"BP_KEEP_FILES", "CNB_STACK_ID", "RUSTUP_TOOLCHAIN"} {
		delete(env, name)
	}
	text := strings.Join(calls[1].Args, "\n") + "\n"
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "CARGO") || strings.HasPrefix(name, "RUST") {
			text += name + "=" + env[name] + "\n"
		}
	}
	hide = strings.NewReplacer(got.Layers, "<layers>", c.Env["BP_TOOLS_DIR"], "<tools>", toolchain.Triples[runtime.GOARCH], "<triple>",
		strings.ToUpper(strings.ReplaceAll(toolchain.Triples[runtime.GOARCH], "-", "_")), "<TRIPLE>")
	kittest.Golden(t, "call.txt", regexp.MustCompile(`rust-([0-9.]+)-[0-9a-f]{16}`).ReplaceAllString(hide.Replace(text), "rust-$1"))
}

// TestKey changes one thing between two builds. What decides on the programs has them compiled again, and all else has not.
func TestKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app   files
		env   config.Environment
		again bool
	}{
		"nothing":                  {nil, nil, false},
		"source":                   {files{"src/main.rs": "fn main() { }\n"}, nil, true},
		"another file":             {files{"page.html": "x"}, nil, true},
		"what cargo made":          {files{"target/.rustc_info.json": "{}", "target/release/x": "x"}, nil, false},
		"repository":               {files{".git/HEAD": "x"}, nil, false},
		"feature":                  {nil, config.Environment{"BP_RUST_FEATURES": "color"}, true},
		"default features":         {nil, config.Environment{"BP_RUST_DEFAULT_FEATURES_ENABLED": "false"}, true},
		"programs":                 {nil, config.Environment{"BP_RUST_TARGETS": "worker"}, true},
		"profile":                  {nil, config.Environment{"BP_RUST_PROFILE": "dist"}, true},
		"optimization":             {nil, config.Environment{"BP_RUST_LTO": "thin"}, true},
		"older Rust":               {nil, config.Environment{"BP_RUST_VERSION": "1.85"}, true},
		"what a build script sees": {nil, config.Environment{"GREETING": "x"}, true},
		"proxy":                    {nil, config.Environment{"HTTPS_PROXY": "http://127.0.0.1:1"}, false},
		"container":                {nil, config.Environment{"HOSTNAME": "f00"}, false},
		"agent":                    {nil, config.Environment{"SSH_AUTH_SOCK": "/agent"}, false},
		"token":                    {nil, config.Environment{"CARGO_REGISTRIES_OURS_TOKEN": "x"}, false},
		"registry":                 {nil, config.Environment{"CARGO_REGISTRIES_OURS_INDEX": "x"}, true},
		"kept files":               {nil, config.Environment{"BP_KEEP_FILES": "assets/*"}, false},
		"hardening":                {nil, config.Environment{"BP_NATIVE_HARDENING_ENABLED": "false"}, true},
		"flags of others":          {nil, config.Environment{"RUSTFLAGS": "-Cdebuginfo=2"}, false},
		"profile by variable":      {nil, config.Environment{"CARGO_PROFILE_RELEASE_OPT_LEVEL": "s"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool := cargo(t)
			c := given(t, shop(), tool)
			first := built(t, c)
			before := len(tool.Calls(t))
			maps.Copy(c.App, test.app)
			c.Env = c.Env.With(test.env)
			if name == "hardening" {
				folder := filepath.Dir(filepath.Dir(match(t, c.Env["BP_TOOLS_DIR"]+"/*/bin/objcopy")))
				kittest.Write(t, filepath.Join(folder, "bin-plain"), files{"objcopy": objcopy})
			}
			got := kittest.Rebuild(t, first, c)
			if again := len(tool.Calls(t)) > before; got.Code != 0 || again != test.again {
				t.Errorf("compiled again: %v, want %v; code %d\n%s", again, test.again, got.Code, got.Log())
			}
		})
	}
}

// match returns the only file of a pattern.
func match(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}

// TestPrograms has which programs are built, and the process that starts.
func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  config.Environment
		want string
	}{
		{nil, "shop@0.1.0 shop, shop@0.1.0 worker"},
		{config.Environment{"BP_RUST_TARGETS": "worker:shop"}, "shop@0.1.0 worker, shop@0.1.0 shop"},
		{config.Environment{"BP_RUST_TARGETS": "tools"}, "tools@0.2.0 migrate"},
		{config.Environment{"BP_RUST_TARGETS": "./tools"}, "tools@0.2.0 migrate"},
		{config.Environment{"BP_RUST_TARGETS": "migrate,worker"}, "tools@0.2.0 migrate, shop@0.1.0 worker"},
		{config.Environment{"BP_RUST_FEATURES": "admin"}, "shop@0.1.0 shop, shop@0.1.0 console, shop@0.1.0 worker"},
		{config.Environment{"BP_RUST_FEATURES": "shop/admin"}, "shop@0.1.0 shop, shop@0.1.0 console, shop@0.1.0 worker"},
	} {
		t.Run(fmt.Sprint(test.env), func(t *testing.T) {
			t.Parallel()
			tool := cargo(t)
			c := given(t, shop(), tool)
			c.Env = c.Env.With(test.env)
			kittest.Build(t, c) // it may end, as the script makes two programs
			var programs []string
			for _, call := range tool.Calls(t) {
				for i, arg := range call.Args {
					if name, found := strings.CutPrefix(arg, "--package="); found {
						programs = append(programs, name+" "+strings.TrimPrefix(call.Args[i+1], "--bin="))
					}
				}
			}
			if got := strings.Join(programs, ", "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestFaults has one golden file per mistake. The app is as it was, and there is no layer.
func TestFaults(t *testing.T) {
	t.Parallel()
	with := func(path, content string) files {
		app := shop()
		app[path] = content
		return app
	}
	unlocked := shop()
	delete(unlocked, "Cargo.lock")
	library := `{"packages": [{"id": "a", "name": "a", "targets": [{"name": "a", "kind": ["lib"]}]}], "workspace_members": ["a"]}`
	twice := `{"packages": [{"id": "a", "name": "a", "targets": [{"name": "x", "kind": ["bin"]}]}, ` +
		`{"id": "b", "name": "b", "targets": [{"name": "x", "kind": ["bin"]}]}], "workspace_members": ["a", "b"]}`
	for _, test := range []struct {
		name   string
		app    files
		env    config.Environment
		script string // of cargo
	}{
		{name: "lock", app: unlocked},
		{name: "manifest", app: with("Cargo.toml", "[package\n")},
		{name: "profile", app: shop(), env: config.Environment{"BP_RUST_PROFILE": "--config=x"}},
		{name: "lto", app: shop(), env: config.Environment{"BP_RUST_LTO": "much"}},
		{name: "feature", app: shop(), env: config.Environment{"BP_RUST_FEATURES": "-Zscript"}},
		{name: "target", app: shop(), env: config.Environment{"BP_RUST_TARGETS": "absent"}},
		{name: "version", app: shop(), env: config.Environment{"BP_RUST_VERSION": "newest"}},
		{name: "version-unknown", app: shop(), env: config.Environment{"BP_RUST_VERSION": "1.84.1"}},
		{name: "version-moves", app: shop(), env: config.Environment{"BP_RUST_VERSION": "nightly", "RUSTUP_DIST_SERVER": "http://127.0.0.1:1"}},
		{name: "version-least", app: with("Cargo.toml", "[package]\nname = \"shop\"\nrust-version = \"1.299\"\n")},
		{name: "toolchain", app: with("rust-toolchain.toml", "[toolchain]\nchannel = \"nightly\"\n")},
		{name: "toolchain-path", app: with("rust-toolchain.toml", "[toolchain]\npath = \"../rust\"\n")},
		{name: "source", app: with(".cargo/config.toml",
			"[source.crates-io]\nreplace-with = \"x\"\n[source.x]\nregistry = \"https://example.test\"\n")},
		{name: "vendored-outside", app: with(".cargo/config", "[source.x]\ndirectory = \"../crates\"\n")},
		{name: "proxy", app: with(".cargo/config.toml", "[http]\nproxy = \"example.test:1\"\n")},
		{name: "included", app: with(".cargo/config.toml", "include = [\"more.toml\"]\n")},
		{name: "library", app: shop(), script: "echo '" + library + "'"},
		{name: "twice", app: shop(), script: "echo '" + twice + "'"},
		{name: "metadata", app: shop(), script: "echo 'error: no matching package' >&2; exit 101"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tool := cargo(t)
			if test.script != "" {
				tool = kittest.NewTool(t, test.script)
			}
			c := given(t, test.app, tool)
			c.Env = c.Env.With(test.env)
			got := kittest.Build(t, c)
			kittest.Golden(t, "fault-"+test.name+".txt", strings.ReplaceAll(got.Stderr, c.Env["BP_TOOLS_DIR"], "<tools>"))
			if diff := cmp.Diff(test.app, kittest.Files(t, got.AppDir)); got.Code != 1 || diff != "" {
				t.Errorf("code %d, the app (-want +got):\n%s", got.Code, diff)
			}
			if _, err := os.Stat(filepath.Join(got.Layers, "targets")); err == nil {
				t.Error("there is a layer")
			}
		})
	}
}
