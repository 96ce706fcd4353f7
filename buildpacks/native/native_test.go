package native_test

import (
	debugelf "debug/elf"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/native"
)

func TestMain(m *testing.M) { kittest.Main(m, native.Buildpack()) }

type files = map[string]string

// hello is an app that make builds.
var hello = files{"Makefile": "all: hello\n", "hello.c": "int main(void) { return 0; }\n"}

// standIns are tools for all apps: programs of these names in place of compilers and builders. For another architecture, there are two
// compilers.
func standIns(t *testing.T, arch string, programs files) string {
	t.Helper()
	dir := t.TempDir()
	names := kittest.Detect(t, kittest.Case{App: hello, Distro: "strata-glibc", Arch: arch}).Tools()
	if len(names) != 2 && arch == "" || len(names) != 3 && arch != "" {
		t.Fatalf("the tools are %v", names)
	}
	for _, name := range names {
		for _, bin := range []string{"bin", "bin-static-pie", "bin-plain", "cached"} {
			kittest.Write(t, filepath.Join(dir, name, bin), nil)
			for program, text := range programs {
				kittest.Write(t, filepath.Join(dir, name, bin), files{program: text})
			}
		}
	}
	return dir
}

// products are files that stand-ins copy, by their names.
func products(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const loader = "/lib64/ld-linux-x86-64.so.2"
	object := []byte(elftest.Program(debugelf.EM_X86_64, ""))
	object[16] = byte(debugelf.ET_REL)
	kittest.Write(t, dir, files{
		"dynamic": elftest.Program(debugelf.EM_X86_64, loader, "libc.so.6"), "static": elftest.Program(debugelf.EM_X86_64, loader),
		"library": elftest.Library(debugelf.EM_X86_64, "", "libc.so.6"), "object": string(object),
	})
	fixed := []byte(elftest.Program(debugelf.EM_X86_64, ""))
	fixed[16] = byte(debugelf.ET_EXEC)
	kittest.Write(t, dir, files{"static": string(fixed)})
	return dir
}

// builds returns a build of an app with stand-ins. The script make has $FROM for the folder of products.
func builds(t *testing.T, app files, script string, env config.Environment) kittest.Case {
	t.Helper()
	return buildsFor(t, "", app, script, env)
}

// buildsFor is builds for an architecture.
func buildsFor(t *testing.T, arch string, app files, script string, env config.Environment) kittest.Case {
	t.Helper()
	from := products(t)
	tool := "#!/bin/sh\nset -e\nFROM='" + from + "'\n" + script
	return kittest.Case{App: app, Distro: "strata-glibc", Arch: arch, Env: config.Environment{
		"BP_TOOLS_DIR":        standIns(t, arch, files{"make": tool, "cmake": tool, "ninja": tool, "meson": tool}),
		"BP_NATIVE_LEAVE_OUT": "headers,manuals,locales",
	}.With(env)}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		app    files
		env    config.Environment
		distro string
		code   int
		log    string
	}{
		"nothing":     {files{"a.c": ""}, nil, "", 100, "fail: no CMakeLists.txt, meson.build, configure or Makefile"},
		"make":        {hello, nil, "", 0, "pass: Makefile found"},
		"no sources":  {files{"Makefile": "", "main.rb": ""}, nil, "", 100, "fail: Makefile found, but no file in C or C++"},
		"too deep":    {files{"Makefile": "", "a/b/c/d/e/x.c": ""}, nil, "", 100, "fail: Makefile found, but no file in C or C++"},
		"hidden":      {files{"Makefile": "", ".x/x.c": ""}, nil, "", 100, "fail: Makefile found, but no file in C or C++"},
		"cmake first": {files{"Makefile": "", "CMakeLists.txt": "", "src/x.cpp": ""}, nil, "", 0, "pass: CMakeLists.txt found"},
		"asked": {files{"Makefile": "", "CMakeLists.txt": "", "x.cc": ""}, config.Environment{"BP_NATIVE_BUILDER": "Make"}, "", 0,
			"pass: Makefile found"},
		"asked in vain": {hello, config.Environment{"BP_NATIVE_BUILDER": "meson"}, "", 100,
			"fail: BP_NATIVE_BUILDER is meson, but there is no meson.build"},
		"wrong":     {hello, config.Environment{"BP_NATIVE_BUILDER": "bazel"}, "", 1, "error: BP_NATIVE_BUILDER is \"bazel\"; set it to one of "},
		"configure": {files{"configure": "", "configure.ac": "", "src/x.c": ""}, nil, "", 0, "pass: configure found"},
		"autogen":   {files{"autogen.sh": "", "configure.ac": "", "src/x.c": ""}, nil, "", 0, "pass: autogen.sh found"},
		"static": {hello, nil, "strata-static", 100,
			"fail: Makefile found, but programs in C and C++ are linked to glibc; set BP_NATIVE_LINK=static for programs without it"},
		"static asked":  {hello, config.Environment{"BP_NATIVE_LINK": "static"}, "strata-static", 0, "pass: Makefile found"},
		"static chosen": {hello, config.Environment{"BP_RUN_IMAGE_CHOSEN": "true"}, "strata-static", 0, "pass: Makefile found"},
		"a folder":      {files{"Makefile/x.c": ""}, nil, "", 100, "fail: no CMakeLists.txt"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app, Env: test.env, Distro: test.distro})
			if got.Code != test.code || !strings.Contains(got.Log(), test.log) {
				t.Errorf("code %d, %q, want %d, %q", got.Code, got.Log(), test.code, test.log)
			}
		})
	}
}

// installs is a make that installs a program, a library and what an image does without.
const installs = `case "$1" in
--dry-run) echo cp hello "$3" ;;
install)
  to=$(echo "$*" | sed 's/.*DESTDIR=\([^ ]*\).* PREFIX=\([^ ]*\).*/\1\2/')
  mkdir -p "$to/bin" "$to/sbin" "$to/lib/pkgconfig" "$to/include" "$to/share/man/man1" "$to/share/locale/de" "$to/share/hello"
  cp "$FROM/dynamic" "$to/sbin/hello"
  cp "$FROM/library" "$to/lib/libhello.so.1"
  touch "$to/lib/libhello.a" "$to/lib/pkgconfig/hello.pc" "$to/include/hello.h" "$to/share/man/man1/hello.1" "$to/share/locale/de/x"
  touch "$to/share/hello/words" "$to/bin/hello-config" "${to%/installed}/outside"
  mkdir -p "$to/etc" "$to/libexec"
  cp "$FROM/dynamic" "$to/bin/read-config"
  touch "$to/etc/hello-config" "$to/share/hello/template.h" "$to/share/hello/data.a" "$to/libexec/print-config" ;;
esac
`

// passes is the part of a make whose Makefile has no target install.
const passes = `case "$*" in *--dry-run*) echo "make: *** No rule to make target 'install'.  Stop." >&2; exit 2 ;; esac
`

// TestInstallFails does not take an install target that fails for one that is not there.
func TestInstallFails(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"a file is missing":  "make: *** No rule to make target 'man.1', needed by 'install'.  Stop.",
		"a folder is":        "make[1]: *** No rule to make target 'install'.  Stop.",
		"a command fails":    "make: *** [Makefile:2: install] Error 1",
		"nothing that it is": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, builds(t, hello, `case "$*" in
"install "* | --dry-run*) echo "`+says+`" >&2; exit 2 ;;
*) cp "$FROM/dynamic" hello ;;
esac
`, nil))
			if got.Code == 0 || !strings.Contains(got.Stderr, "make install failed") {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
		})
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  config.Environment
		want []string
	}{
		"as usual": {nil, []string{
			"bin/hello", "bin/read-config", "etc/hello-config", "lib/libhello.so.1", "libexec/print-config", "share/hello/data.a",
			"share/hello/template.h", "share/hello/words",
		}},
		"all": {config.Environment{"BP_NATIVE_LEAVE_OUT": "none"}, []string{
			"bin/hello", "bin/hello-config", "bin/read-config", "etc/hello-config", "include/hello.h", "lib/libhello.a",
			"lib/libhello.so.1", "lib/pkgconfig/hello.pc", "libexec/print-config", "share/hello/data.a", "share/hello/template.h",
			"share/hello/words", "share/locale/de/x", "share/man/man1/hello.1",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, builds(t, hello, installs, test.env))
			if got.Code != 0 || !strings.Contains(got.Log(), "outside of the prefix <layers>/installed: <layers>/outside") {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			const out = "Left out of what is installed, by BP_NATIVE_LEAVE_OUT: bin/hello-config, lib/libhello.a, include, lib/pkgconfig, " +
				"share/locale and 1 more\n"
			if strings.Contains(got.Log(), out) != (test.env == nil) {
				t.Errorf("it does not tell what is left out\n%s", got.Log())
			}
			var names []string
			for name := range kittest.Tree(t, filepath.Join(got.Layers, "installed")) {
				if !strings.HasSuffix(name, "/") {
					names = append(names, name)
				}
			}
			compare(t, test.want, names)
			left, err := os.ReadDir(got.AppDir)
			if err != nil || len(left) > 0 {
				t.Errorf("the app's folder has %v (%v)", left, err)
			}
		})
	}
}

// TestBuilt takes what a build without an install target makes, and nothing that an earlier one left.
func TestBuilt(t *testing.T) {
	t.Parallel()
	const script = `case "$1" in
--dry-run) echo "make: *** No rule to make target 'install'.  Stop." >&2; exit 2 ;;
install) exit 1 ;;
*)
  ls >&2
  mkdir -p tests CMakeFiles meson-private src
  cp "$FROM/dynamic" meson-private/sanitycheckc.exe
  cp "$FROM/dynamic" hello
  cp "$FROM/dynamic" src/other
  cp "$FROM/library" src/libhello.so
  cp "$FROM/dynamic" src/hello_test
  cp "$FROM/dynamic" tests/check
  cp "$FROM/object" hello.o ;;
esac
`
	from := products(t)
	app := files{"stale.o": "", "stale": "", "kept": ""}
	for name, product := range map[string]string{"stale.o": "object", "stale": "dynamic", "kept": "dynamic"} {
		text, err := os.ReadFile(filepath.Join(from, product))
		if err != nil {
			t.Fatal(err)
		}
		app[name] = string(text)
	}
	maps.Copy(app, hello)
	got := kittest.Build(t, builds(t, app, script, config.Environment{"BP_NATIVE_START": "hello --port 1", "BP_KEEP_FILES": "kept"}))
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "built.txt", got.Log())
	var names []string
	for name := range kittest.Tree(t, filepath.Join(got.Layers, "installed")) {
		names = append(names, name)
	}
	compare(t, []string{"bin/", "bin/hello", "bin/other", "lib/", "lib/libhello.so"}, names)
	compare(t, []string{"kept"}, keys(kittest.Tree(t, got.AppDir)))
	launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "launch.toml", strings.ReplaceAll(string(launch), got.Layers, "<layers>"))
}

// TestKeep keeps the same files whether the app is built or not: those of the source, as they are there.
func TestKeep(t *testing.T) {
	t.Parallel()
	const script = passes + `mkdir -p pages
echo more >>pages/index.html
echo made >pages/made.html
echo 'web: made' >Procfile
cp "$FROM/static" hello
`
	app := files{"pages/index.html": "as it was\n"}
	maps.Copy(app, hello)
	for pattern, want := range map[string][]string{
		"pages": {"pages/", "pages/index.html"},
		".":     {"Makefile", "hello.c", "pages/", "pages/index.html"},
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			c := builds(t, app, script, config.Environment{"BP_KEEP_FILES": pattern})
			first := kittest.Build(t, c)
			if first.Code != 0 || !strings.Contains(first.Log(), "pages/made.html") {
				t.Fatalf("code %d, or it does not tell what is not kept\n%s", first.Code, first.Log())
			}
			second := kittest.Rebuild(t, first, c)
			if second.Code != 0 || !strings.Contains(second.Log(), "Layer installed: reused") {
				t.Fatalf("code %d\n%s", second.Code, second.Log())
			}
			for _, got := range []kittest.Result{first, second} {
				compare(t, want, keys(kittest.Tree(t, got.AppDir)))
				text, err := os.ReadFile(filepath.Join(got.AppDir, "pages/index.html"))
				if err != nil || string(text) != app["pages/index.html"] {
					t.Errorf("a file that is kept has %q, %v", text, err)
				}
			}
		})
	}
}

// TestBill has what the linker's maps tell of static libraries, of dynamic programs too.
func TestBill(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"dynamic", "static"} {
		c := builds(t, hello, passes+`for one in "${0%/*/*/*}"/*/usr/lib/*/libc_nonshared.a; do
  echo "$one(at_quick_exit.oS)" >>"$STRATA_NATIVE_MAPS/1"
done
cp "$FROM/static" hello
`, config.Environment{"BP_NATIVE_LINK": link})
		entries, err := os.ReadDir(c.Env["BP_TOOLS_DIR"])
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			kittest.Write(t, filepath.Join(c.Env["BP_TOOLS_DIR"], entry.Name(), "usr/lib/x86_64-linux-gnu"), files{"libc_nonshared.a": ""})
		}
		got := kittest.Build(t, c)
		text, err := os.ReadFile(filepath.Join(got.Layers, "installed.sbom.cdx.json"))
		if err != nil || !strings.Contains(string(text), "pkg:deb/debian/libc6-dev@") {
			t.Errorf("%s: the bill lacks a static library, %v\n%s%s", link, err, text, got.Log())
		}
	}
}

// TestFails has each fault once.
func TestFails(t *testing.T) {
	t.Parallel()
	const made = passes + `cp "$FROM/dynamic" hello` + "\n"
	static := config.Environment{"BP_NATIVE_LINK": "static"}
	fails := func(words string) string { return "echo '" + words + "' >&2; exit 1\n" }
	const noLibrary = "/usr/bin/ld: cannot find -lonig: No such file or directory"
	tests := map[string]struct {
		script string
		env    config.Environment
	}{
		"not-static":     {made, static},
		"static-library": {fails(noLibrary), static},
		"library":        {fails(noLibrary), nil},
		"header":         {fails("x.c:1:10: fatal error: event.h: No such file or directory"), nil},
		"compiler":       {fails("x.c:1:10: error: expected declaration"), nil},
		"nothing":        {passes, nil},
		"start":          {made, config.Environment{"BP_NATIVE_START": "hallo"}},
		"leave-out":      {made, config.Environment{"BP_NATIVE_LEAVE_OUT": "headers,debug"}},
		"link":           {made, config.Environment{"BP_NATIVE_LINK": "musl"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, builds(t, hello, test.script, test.env))
			if got.Code != 1 {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
			kittest.Golden(t, "fails-"+name+".txt", got.Stderr)
		})
	}
}

// TestKey changes what a layer depends on, and what it does not.
func TestKey(t *testing.T) {
	t.Parallel()
	const made = passes + `cp "$FROM/static" hello` + "\n"
	tests := map[string]struct {
		app   files
		env   config.Environment
		again bool
	}{
		"nothing":      {},
		"source":       {app: files{"hello.c": "int main(void) { return 1; }\n"}, again: true},
		"repository":   {app: files{".git/config": ""}},
		"link":         {env: config.Environment{"BP_NATIVE_LINK": "static"}, again: true},
		"hardening":    {env: config.Environment{"BP_NATIVE_HARDENING_ENABLED": "false"}, again: true},
		"flags":        {env: config.Environment{"CFLAGS": "-O3"}, again: true},
		"make":         {env: config.Environment{"BP_NATIVE_MAKE_FLAGS": "all"}, again: true},
		"configure":    {env: config.Environment{"BP_NATIVE_CONFIGURE_FLAGS": "--x"}, again: true},
		"what is left": {env: config.Environment{"BP_NATIVE_LEAVE_OUT": "headers"}, again: true},
		"start":        {env: config.Environment{"BP_NATIVE_START": "hello x"}},
		"a secret":     {env: config.Environment{"TOKEN": "x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := builds(t, hello, made, nil)
			before := kittest.Build(t, first)
			if before.Code != 0 {
				t.Fatalf("code %d\n%s", before.Code, before.Log())
			}
			second := first
			second.App, second.Env = files{}, first.Env.With(test.env)
			for _, more := range []files{hello, test.app} {
				maps.Copy(second.App, more)
			}
			after := kittest.Rebuild(t, before, second)
			if again := !strings.Contains(after.Log(), "Layer installed: reused"); after.Code != 0 || again != test.again {
				t.Errorf("code %d, again %t, want %t\n%s", after.Code, again, test.again, after.Log())
			}
			if !strings.Contains(after.Log(), "Starts         hello") {
				t.Errorf("it is not known what starts\n%s", after.Log())
			}
		})
	}
}
