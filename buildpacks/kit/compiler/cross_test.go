package compiler

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestLockedCross has programs for the machine and what they compile with for the target, each once.
func TestLockedCross(t *testing.T) {
	t.Parallel()
	for host, target := range map[string]string{"amd64": "arm64", "arm64": "amd64"} {
		packages, err := lockedCross(host, target)
		if err != nil {
			t.Fatal(err)
		}
		arch := map[string]string{}
		for _, p := range packages {
			if arch[p.Name] != "" {
				t.Errorf("%s to %s has %s twice", host, target, p.Name)
			}
			_, query, _ := strings.Cut(p.Purl, "?arch=")
			arch[p.Name], _, _ = strings.Cut(query, "&")
		}
		want := map[string]string{
			"gcc-14" + platforms[target].packages(): host, "gcc-14" + platforms[host].packages(): "",
			"binutils" + platforms[target].packages(): host, "libisl23": host, "libc6": target, "libstdc++-14-dev": target,
		}
		for name, of := range want {
			if arch[name] != of {
				t.Errorf("%s to %s has %s for %q, want %q", host, target, name, arch[name], of)
			}
		}
	}
}

// TestCompleteCross finds the parts of the target's packages where a cross compiler looks, and puts none in the place of its own.
func TestCompleteCross(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const gcc, cross = "usr/lib/gcc/aarch64-linux-gnu/14/", "usr/lib/gcc-cross/aarch64-linux-gnu/14/"
	kittest.Write(t, dir, map[string]string{
		gcc + "libgcc.a": "", gcc + "include/stddef.h": "", gcc + "libgomp.spec": "target", cross + "libgomp.spec": "own",
		"usr/include/c++/14/string": "", "usr/include/aarch64-linux-gnu/c++/14/bits/os_defines.h": "",
	})
	if err := completeCross(dir, dir, platforms["amd64"], platforms["arm64"]); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		cross + "libgcc.a", cross + "include/stddef.h", "usr/aarch64-linux-gnu/include/c++/14/string",
		"usr/aarch64-linux-gnu/include/c++/14/aarch64-linux-gnu/bits/os_defines.h", "lib/gcc/aarch64-linux-gnu/14/libgcc.a",
	} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	if own, err := os.ReadFile(filepath.Join(dir, cross, "libgomp.spec")); string(own) != "own" || err != nil {
		t.Errorf("the compiler's own file is %q, %v", own, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "bin/make")); err == nil {
		t.Error("there is a make for this machine that is not there")
	}
}

// TestCrossCalls has what the scripts of a cross compiler pass on.
func TestCrossCalls(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	program := "usr/bin/aarch64-linux-gnu-gcc-14"
	kittest.Write(t, at, map[string]string{program: "#!/bin/sh\nshift\necho \"$LD_LIBRARY_PATH $*\"\n"})
	if err := os.Chmod(filepath.Join(at, program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writePrograms(at, platforms["amd64"].cross(at, platforms["arm64"])); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, call := range []string{"-v", "-c a.c", "a.o", "-shared a.o"} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(at, "bin-static", "cc"), strings.Fields(call)...)
		cmd.Env = append(os.Environ(), "LIBRARY_PATH=/a/lib:/b/lib")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", call, err, out)
		}
		fmt.Fprintf(&all, "cc %s\n\t%s", call, out)
	}
	kittest.Golden(t, "cross-calls.txt", strings.ReplaceAll(all.String(), at, "AT"))
}

// TestCrossVersion differs from that of the machine's own compiler.
func TestCrossVersion(t *testing.T) {
	t.Parallel()
	versions := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		v, err := Version(arch, Mode{})
		if err != nil {
			t.Fatal(err)
		}
		versions[v] = true
	}
	if len(versions) != 2 {
		t.Errorf("the versions are %v", versions)
	}
}

// TestCrossRecipe has both recipes in what names a compiler for another architecture, so that neither an old folder nor an old layer
// stays when one of them changes.
func TestCrossRecipe(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	packages, err := locked(other)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := Compiler{In: bp.Workspace{Target: bp.Target{Arch: other}}}.Folder()
	if want := deb.Digest(recipe+" "+crossRecipe, packages); folder != want || err != nil {
		t.Errorf("the folder is %s, want %s, %v", folder, want, err)
	}
	got, err := Version(other, Mode{})
	if want := version(recipe+" "+crossRecipe, packages); got != want || err != nil {
		t.Errorf("the version is %s, want %s, %v", got, want, err)
	}
	if own, err := Version(runtime.GOARCH, Mode{}); own == got || err != nil {
		t.Errorf("the version is that of this machine's compiler: %s, %v", own, err)
	}
}
