package compiler

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

var packageURL = regexp.MustCompile(`pkg:deb/debian/\S+`)

func workspace(arch string) bp.Workspace {
	return bp.Workspace{Target: bp.Target{Arch: arch}, Log: report.New(&bytes.Buffer{}, report.Options{})}
}

// TestInstall ends where a package has to come from somewhere.
func TestInstall(t *testing.T) {
	t.Parallel()
	empty := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(empty.Close)
	elsewhere := config.Environment{"BP_DEPENDENCY_MIRROR": "file://" + t.TempDir()}
	for name, test := range map[string]struct {
		golden  string
		mirrors deb.Mirrors
		env     config.Environment
	}{
		"mirror-unset":         {"mirror-unset", deb.Mirrors{deb.Main: {empty.URL}}, nil},
		"gone":                 {"gone", deb.Mirrors{deb.Main: {empty.URL}, deb.Security: {empty.URL}}, nil},
		"gone from the mirror": {"gone", deb.Mirrors{deb.Main: {"http://127.0.0.1:1"}, deb.Security: {"http://127.0.0.1:1"}}, elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Compiler{In: workspace("arm64"), Dir: t.TempDir(), Mirrors: test.mirrors}
			c.In.Env = test.env
			_, err := c.Install(t.Context())
			f, ok := errors.AsType[fault.Fault](err)
			if !ok {
				t.Fatalf("%v is no fault", err)
			}
			f.What = packageURL.ReplaceAllString(f.What, "pkg:deb/debian/PACKAGE")
			kittest.Golden(t, "fault-"+test.golden+".txt", f.Error()+"\n")
			if cached, err := c.Cached(); cached || err != nil {
				t.Errorf("it is in the cache after a fault: %t, %v", cached, err)
			}
		})
	}
}

// TestCached takes a complete folder as it is, and nothing else.
func TestCached(t *testing.T) {
	t.Parallel()
	c := Compiler{In: workspace("amd64"), Dir: t.TempDir()}
	packages, err := locked("amd64")
	if err != nil || len(packages) < 20 {
		t.Fatalf("%d packages are locked, %v", len(packages), err)
	}
	isCached := func(c Compiler) bool {
		cached, err := c.Cached()
		if err != nil {
			t.Error(err)
		}
		return cached
	}
	if isCached(c) {
		t.Error("an empty folder has a compiler")
	}
	folder := filepath.Join(c.Dir, c.tool(packages).Folder)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	bin, err := c.Install(t.Context())
	if !isCached(c) || err != nil || bin != filepath.Join(folder, "bin") {
		t.Errorf("programs are in %s, %v", bin, err)
	}
	if isCached(Compiler{In: workspace("arm64"), Dir: c.Dir}) {
		t.Error("it is one for another architecture too")
	}
}

// TestVersion is of the packages whose change changes what is compiled.
func TestVersion(t *testing.T) {
	t.Parallel()
	packages := []deb.Locked{{Purl: "pkg:deb/debian/gcc-14@14.2"}, {Purl: "pkg:deb/debian/make@4"}}
	first := version(recipe, packages)
	packages[1].Purl = "pkg:deb/debian/make@5"
	if version(recipe, packages) != first {
		t.Error("another make is another version")
	}
	packages[0].Purl = "pkg:deb/debian/gcc-14@14.3"
	if version(recipe, packages) == first {
		t.Error("another gcc is the same version")
	}
	for _, arch := range []string{"amd64", "arm64"} {
		hardened, err := Version(arch, Mode{})
		plain, plainErr := Version(arch, Mode{Plain: true})
		if err != nil || plainErr != nil || hardened == plain {
			t.Errorf("the versions are %s and without hardening %s (%v, %v)", hardened, plain, err, plainErr)
		}
	}
}

// TestPrograms has what is written beside the packages.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writePrograms(dir, platforms["amd64"].native("/cache/compiler/1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c++", "make"} {
		script, err := os.ReadFile(filepath.Join(dir, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, "program-"+name+".txt", string(script))
	}
}

// TestModes has what the compiler's scripts pass on, of calls to compile and to link.
func TestModes(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	kittest.Write(t, at, map[string]string{"usr/bin/gcc": "#!/bin/sh\nshift 2\necho \"$*\"\n"})
	if err := os.Chmod(filepath.Join(at, "usr/bin/gcc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writePrograms(at, platforms["amd64"].native(at)); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range modes {
		for _, call := range []string{
			"-v", "-c a.c", "-O0 -c a.c", "a.o", "-O3 a.o", "-shared a.o", "-static a.o",
			"-pie a.o", "-no-pie a.o", "-r a.o", "-D_FORTIFY_SOURCE=1 -c a.c",
		} {
			cmd := exec.CommandContext(t.Context(), filepath.Join(at, "bin"+m.suffix(), "cc"), strings.Fields(call)...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v %s", call, err, out)
			}
			fmt.Fprintf(&all, "bin%s: cc %s\n\t%s", m.suffix(), call, out)
		}
	}
	kittest.Golden(t, "modes.txt", all.String())
}

func TestWanted(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"usr/bin/make": true, "usr/include/stdio.h": true, "usr/share/doc/make/copyright": false, "usr/bin/x86_64-linux-gnu-lto-dump-14": false,
		"etc/python3.13/sitecustomize.py": false,
	} {
		if got := wanted(path); got != want {
			t.Errorf("%s is wanted: %v, want %v", path, got, want)
		}
	}
}
