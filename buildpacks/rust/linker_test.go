package rust

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestDependencies reads what the linker writes.
func TestDependencies(t *testing.T) {
	t.Parallel()
	text := "/t/deps/web-1: \\\n  /usr/lib/rcrt1.o \\\n  /t/with\\ space/libm.a /usr/lib/libc.a\n\n/usr/lib/rcrt1.o:\n\n/usr/lib/libc.a:\n"
	if diff := cmp.Diff([]string{"/usr/lib/rcrt1.o", "/t/with space/libm.a", "/usr/lib/libc.a"}, dependencies(text)); diff != "" {
		t.Error(diff)
	}
	if got := dependencies("x"); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

// TestDebianParts has glibc in a program that is linked to it, and a word of one that nothing is known of.
func TestDebianParts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log strings.Builder
	b := &builder{target: dir, binutils: filepath.Join(dir, "gcc/bin")}
	b.Workspace = bp.Workspace{Target: bp.Target{Arch: "amd64"}, Log: report.New(&log, report.Options{})}
	libc := filepath.Join(dir, "gcc/usr/lib/x86_64-linux-gnu/libc.a")
	kittest.Write(t, dir, map[string]string{
		"deps/web-0123456789abcdef": "#!", "deps/web-0123456789abcdef.linked": fmt.Sprintf("web: \\\n %s %s %s/gone.a\n", libc, libc, dir),
		"gcc/usr/lib/x86_64-linux-gnu/libc.a": "", "gcc/bin/ar": "",
	})
	program := filepath.Join(dir, "web")
	if err := os.Link(filepath.Join(dir, "deps/web-0123456789abcdef"), program); err != nil {
		t.Fatal(err)
	}
	found, err := b.debianParts(program)
	if err != nil || len(found) != 1 || found[0].Name != "libc6-dev" || !strings.HasPrefix(found[0].PURL, "pkg:deb/debian/libc6-dev@") {
		t.Errorf("got %+v, %v", found, err)
	}
	if err := os.Remove(filepath.Join(dir, "deps/web-0123456789abcdef.linked")); err != nil {
		t.Fatal(err)
	}
	if found, err = b.debianParts(program); err != nil || len(found) > 0 || !strings.Contains(log.String(), "the libraries of C in web") {
		t.Errorf("got %+v, %v, %s", found, err, log.String())
	}
}

// TestLinker calls the compiler with all that rustc says, and has it write what it links to.
func TestLinker(t *testing.T) {
	t.Parallel()
	b := &builder{target: t.TempDir()}
	b.Target.Arch = runtime.GOARCH
	script, err := b.writeLinker()
	if err != nil {
		t.Fatal(err)
	}
	tool := kittest.NewTool(t, "")
	bin := t.TempDir()
	kittest.Write(t, bin, map[string]string{"cc": tool.Text()})
	for _, args := range [][]string{{"-m64", "a b.o", "-o", "/t/deps/web-1", "-static-pie"}, {"--version"}} {
		cmd := exec.CommandContext(t.Context(), script, args...)
		cmd.Env, cmd.Stderr = []string{"PATH=" + bin + ":/usr/bin:/bin"}, io.Discard
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
	}
	var got [][]string
	for _, call := range tool.Calls(t) {
		got = append(got, call.Args)
	}
	want := [][]string{
		{"-m64", "a b.o", "-o", "/t/deps/web-1", "-static-pie", "-Wl,--dependency-file=/t/deps/web-1.linked"}, {"--version"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
