package golang

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestLinkerOutput sorts what the linker says of a program that it links.
func TestLinkerOutput(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := linkerOutput{log: report.New(&log, report.Options{})}
	const static = "in statically linked applications requires at runtime the shared libraries from the glibc version used for linking"
	for _, line := range []string{
		"# example.test/shop", "/c/bin/../lib/crt1.o", "/tmp/go-link-1/go.o", "/c/usr/lib/libz.a", "/c/usr/lib/libz.a", "/c/usr/lib/libc.a",
		"/usr/bin/ld: /tmp/go-link-1/000002.o: in function `unixDlOpen':", "sqlite3.c:(.text+0x19): warning: Using 'dlopen' " + static,
		"/usr/bin/ld: /c/libcrypto.a(dso.o): in function `dlfcn_load':", "(.text+0x4a): warning: Using 'dlopen' " + static,
		"/usr/bin/ld: /tmp/x.o: in function `lookup':", "x.c:(.text+0x4a): warning: Using 'getaddrinfo' " + static,
	} {
		if !o.skip(line) {
			t.Errorf("%s is logged", line)
		}
	}
	for _, line := range []string{"go: downloading example.test/x v1.0.0", "x.c:1:2: warning: unused variable"} {
		if o.skip(line) {
			t.Errorf("%s is not logged", line)
		}
	}
	o.skip("# example.test/x")
	o.skip("/usr/bin/ld: x.o: in function `f':")
	if o.skip("x.c:(.text+0x6): undefined reference to `gone'") || !strings.Contains(log.String(), "# example.test/x\n") ||
		!strings.Contains(log.String(), "in function `f'") || strings.Contains(log.String(), "shop") {
		t.Errorf("the log has\n%s", log.String())
	}
	if want := []string{"/c/usr/lib/libz.a", "/c/usr/lib/libc.a"}; !slices.Equal(o.archives, want) {
		t.Errorf("archives are %v, want %v", o.archives, want)
	}
	if got := o.opens(); got != "unixDlOpen" {
		t.Errorf("%q opens libraries", got)
	}
	o.asks["dlopen"] = o.asks["dlopen"][1:]
	if got := o.opens(); got != "" {
		t.Errorf("%q opens libraries that the program needs", got)
	}
	o.note()
	if !strings.Contains(log.String(), "alone: getaddrinfo\n") {
		t.Errorf("the log has\n%s", log.String())
	}
}

// TestUnlinked tells what no static library has from what does not compile, and from a linker that was stopped.
func TestUnlinked(t *testing.T) {
	t.Parallel()
	const failed = "/go/pkg/tool/linux_amd64/link: running gcc failed: exit status 1"
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{"# m", "x.go:1:1: undefined: x"}, ""},
		{[]string{failed, "/usr/bin/ld: cannot find -lonig: No such file or directory"}, "there is no static library of onig"},
		{[]string{failed, "/usr/bin/ld: cannot find -lonig"}, "there is no static library of onig"},
		{[]string{failed, "x.c:(.text+0x71): undefined reference to `deflate'"}, "deflate is in no static library"},
		{[]string{failed, "ld: attempted static link of dynamic object `/lib/libx.so'"}, "libx.so is there only as a shared library"},
		{[]string{failed, "collect2: fatal error"}, "see the linker's words above"},
		{[]string{failed, "x.c: undefined reference to `a'", "ld: cannot find -lonig"}, "there is no static library of onig"},
		{[]string{failed, "collect2: fatal error: ld terminated with signal 9 [Killed]"}, ""},
		{[]string{failed, "gcc: fatal error: Killed signal terminated program collect2"}, ""},
		{[]string{"/go/pkg/tool/linux_amd64/link: running gcc failed: signal: terminated"}, ""},
		{[]string{failed, "/usr/bin/ld: final link failed: No space left on device"}, ""},
		{[]string{failed, "/usr/bin/ld: /c/libz.a(x.o): memory exhausted: Cannot allocate memory"}, ""},
		{slices.Concat([]string{failed, "/usr/bin/ld: cannot find -lonig"}, slices.Repeat([]string{"/tmp/go-link-1/000002.o"}, 500),
			slices.Repeat([]string{"x.c:(.text+0x71): undefined reference to `onig_new'"}, 5000)), "there is no static library of onig"},
	} {
		o := linkerOutput{}
		for _, line := range tt.lines {
			o.skip(line)
		}
		if got := o.unlinked(); got != tt.want {
			t.Errorf("%.200q: got %q, want %q", tt.lines, got, tt.want)
		}
	}
}
