package golang_test

import (
	"bytes"
	"cmp"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// withCompiler returns the variable of a cache that has this machine's compiler in place of the locked one.
func withCompiler(t *testing.T) config.Environment {
	t.Helper()
	cache := t.TempDir()
	c := compiler.Compiler{In: bp.Workspace{Target: bp.Target{Arch: runtime.GOARCH}}, Dir: filepath.Join(cache, "compiler")}
	folder, err := c.Folder()
	if err != nil {
		t.Fatal(err)
	}
	programs := filepath.Join(c.Dir, folder, "bin")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gcc", "g++"} {
		path, err := exec.LookPath(name)
		if err != nil && os.Getenv("CI") == "" {
			t.Skipf("this machine has no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	return config.Environment{bp.EnvCacheDir: cache}
}

// answers is an app that is nothing without cgo, and needs a library if there are flags for it.
func answers(flags, call string) files {
	return files{
		"go.mod": "module example.test/answers\n\ngo 1.22\n",
		"main.go": "package main\n\nimport (\n\t\"os/user\"\n\n\t\"example.test/answers/native\"\n)\n\n" +
			"func main() { user.Current(); println(native.Answer()) }\n",
		"native/native.go": "package native\n\n// #cgo LDFLAGS: " + flags + "\n// int answer(void);\nimport \"C\"\n\n" +
			"func Answer() int { return int(C.answer()) }\n",
		"native/answer.c": "int more(void);\nvoid *dlopen(const char *, int);\nint answer(void) { return " + call + "; }\n",
	}
}

// opening is a call that opens a library which is not there.
const opening = `42 + (dlopen("libnowhere.so", 1) != 0)`

// shared makes a library that is there to be linked to at launch alone, and returns the flags for it.
func shared(t *testing.T) (flags string) {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, files{"more.c": "int more(void) { return 7; }\n"})
	out, err := exec.CommandContext(t.Context(), "gcc", "-shared", "-fPIC", "-o", dir+"/libmore.so", dir+"/more.c").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return "-L" + dir + " -Wl,-rpath," + dir + " -lmore"
}

// TestNative compiles C where a package needs it: a static program if that can be linked, and on glibc another one if not.
func TestNative(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, distro, mode string
		call               string // 42 when it is empty
		library            bool
		static             bool
		prints, log        string // if the build succeeds
		fault              string // if it does not: a golden file
	}{
		{name: "static", distro: "strata-static", mode: "auto", static: true, prints: "42\n",
			log: "linked statically (package example.test/answers/native needs cgo (native.go), imported by example.test/answers: all"},
		{name: "static on musl", distro: "strata-musl", mode: "auto", static: true, prints: "42\n"},
		{name: "always static", distro: "strata-glibc", mode: "static", static: true, prints: "42\n",
			log: "linked statically (BP_GO_CGO=static)"},
		{name: "dynamic", distro: "strata-glibc", mode: "dynamic", prints: "42\n", log: "linked to libraries (BP_GO_CGO=dynamic)"},
		{name: "a shared library", distro: "strata-glibc", mode: "auto", library: true, prints: "7\n",
			log: "linked to libraries (not statically: there is no static library of more)"},
		{name: "a shared library on static", distro: "strata-static", mode: "auto", library: true, fault: "shared"},
		{name: "a shared library and always static", distro: "strata-glibc", mode: "static", library: true, fault: "shared-glibc"},
		{name: "opens libraries", distro: "strata-glibc", mode: "auto", call: opening, prints: "42\n",
			log: "linked to libraries (not statically: answer opens libraries by name (dlopen))"},
		{name: "opens libraries on static", distro: "strata-static", mode: "auto", call: opening, static: true, prints: "42\n",
			log: "warning: answer opens libraries by name (dlopen), which a static program cannot"},
		{name: "off", distro: "strata-static", mode: "off", fault: "off"},
		{name: "dynamic on static", distro: "strata-static", mode: "dynamic", fault: "dynamic"},
		{name: "no such mode", distro: "strata-static", mode: "maybe", fault: "mode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := withCompiler(t).With(config.Environment{"BP_GO_CGO": tt.mode})
			r := kittest.NewRegistry(t)
			tool := future(t, r)
			app := answers("", cmp.Or(tt.call, "42"))
			if tt.library {
				app = answers(shared(t), "more()")
			}
			c := input(r, app, env)
			c.Distro = tt.distro
			got := kittest.Build(t, c)
			if tt.fault != "" {
				_, last, _ := strings.Cut("\n"+got.Log(), "\nerror: ")
				if got.Code != 1 || last == "" {
					t.Errorf("code %d\n%s", got.Code, got.Log())
				}
				kittest.Golden(t, "native-"+tt.fault+".txt", last)
				return
			}
			if got.Code != 0 || !strings.Contains(got.Log(), tt.log) {
				t.Fatalf("code %d, and the log has no %q\n%s", got.Code, tt.log, got.Log())
			}
			program := filepath.Join(got.Layers, "targets", "bin", "answers")
			out, err := exec.CommandContext(t.Context(), program).CombinedOutput()
			if err != nil || string(out) != tt.prints {
				t.Errorf("it prints %q (%v), want %q", out, err, tt.prints)
			}
			static, kind := isStatic(t, program)
			if static != tt.static || !static && kind != elf.ET_DYN {
				t.Errorf("it is static: %t, and of type %s; want %t", static, kind, tt.static)
			}
			calls := len(tool.Calls(t))
			again := kittest.Rebuild(t, got, c)
			if again.Code != 0 || len(tool.Calls(t)) != calls {
				t.Errorf("an unchanged app is built again: code %d\n%s", again.Code, again.Log())
			}
		})
	}
}

// isStatic reports whether a program has no loader, and what kind of file it is.
func isStatic(t *testing.T, path string) (bool, elf.Type) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			return false, f.Type
		}
	}
	return true, f.Type
}

// TestNativeAgain links a changed program as the build before found that it can be linked, and looks again when it imports something else.
func TestNativeAgain(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	tool := future(t, r)
	c := input(r, answers(shared(t), "more()"), withCompiler(t))
	c.Distro = "strata-glibc"
	builds := func(result kittest.Result) int {
		t.Helper()
		if result.Code != 0 {
			t.Fatalf("code %d\n%s", result.Code, result.Log())
		}
		n := 0
		for _, call := range tool.Calls(t) {
			if call.Args[0] == "build" {
				n++
			}
		}
		return n
	}
	first := kittest.Build(t, c)
	if n := builds(first); n != 2 {
		t.Errorf("the first build links %d times, want 2", n)
	}
	c.App["main.go"] = strings.Replace(c.App["main.go"], "println(", "print(", 1)
	second := kittest.Rebuild(t, first, c)
	if n := builds(second); n != 3 {
		t.Errorf("after a change there are %d links, want 3", n)
	}
	c.App["main.go"] = strings.Replace(c.App["main.go"], "import (", "import (\n\t_ \"os\"", 1)
	if n := builds(kittest.Rebuild(t, second, c)); n != 5 {
		t.Errorf("after another import there are %d links, want 5", n)
	}
}

// TestNativeMended makes the program that a first build would make of the same source, whatever a build before met.
func TestNativeMended(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	c := input(r, answers("", "gone()"), withCompiler(t))
	c.Distro = "strata-glibc"
	last := kittest.Build(t, c)
	if last.Code == 0 {
		t.Fatalf("a program without a function is linked\n%s", last.Log())
	}
	for _, tt := range []struct {
		call   string
		static bool
	}{{opening, false}, {"42", true}} {
		c.App["native/answer.c"] = answers("", tt.call)["native/answer.c"]
		last = kittest.Rebuild(t, last, c)
		if last.Code != 0 {
			t.Fatalf("code %d\n%s", last.Code, last.Log())
		}
		if static, _ := isStatic(t, filepath.Join(last.Layers, "targets", "bin", "answers")); static != tt.static {
			t.Errorf("%s: it is static: %t, want %t\n%s", tt.call, static, tt.static, last.Log())
		}
	}
}

// TestNativeSame makes the same bytes of a program with C wherever a platform keeps its caches.
func TestNativeSame(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 2 {
		r := kittest.NewRegistry(t)
		future(t, r)
		c := input(r, files{"go.mod": "module example.test/one\n\ngo 1.22\n",
			"main.go": "package main\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc main() { println(C.one()) }\n"}, withCompiler(t))
		c.Distro = "strata-static"
		got := kittest.Build(t, c)
		program, err := os.ReadFile(filepath.Join(got.Layers, "targets", "bin", "one"))
		if err != nil {
			t.Fatalf("%v\n%s", err, got.Log())
		}
		if first != nil && !bytes.Equal(first, program) {
			t.Error("another folder of caches gives other bytes")
		}
		first = program
	}
}
