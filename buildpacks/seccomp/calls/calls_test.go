package calls_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
	"github.com/strata-buildpacks/strata/buildpacks/seccomp/calls"
)

// compile compiles one file of Go for an architecture.
func compile(t *testing.T, arch, source string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	file, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", program}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, file)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func find(t *testing.T, program string) calls.Found {
	t.Helper()
	file, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found, err := calls.Of(file)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func names(t *testing.T, found calls.Found) []string {
	t.Helper()
	var names []string
	for _, number := range found.Numbers {
		name, known := seccomp.Name(found.Arch, number)
		if !known {
			t.Errorf("the call %d has no name", number)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// small is a program that does nothing, to which a test adds one thing.
const small = "package main\n\nimport \"syscall\"\n\nfunc main() { use() }\n\nvar _ syscall.Errno\n\n"

// TestFollow finds the numbers of calls that programs make in several ways: each has one that nothing else of Go makes.
func TestFollow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code  string
		wants []string
	}{
		"constant": {"func use() { syscall.Syscall(syscall.SYS_SYNC, 0, 0, 0) }", []string{"sync"}},
		"raw":      {"func use() { syscall.RawSyscall6(syscall.SYS_SYNC, 0, 0, 0, 0, 0, 0) }", []string{"sync"}},
		"condition": {"var flag = len(syscall.Environ()) > 3\n\nfunc use() { n := uintptr(syscall.SYS_SYNC)\n" +
			"if flag { n = syscall.SYS_VHANGUP }\nsyscall.Syscall(n, 0, 0, 0) }", []string{"sync", "vhangup"}},
		"argument": {"//go:noinline\nfunc through(a, n uintptr) { syscall.Syscall(n, a, 0, 0) }\n\n" +
			"func use() { through(1, syscall.SYS_SYNC); through(2, syscall.SYS_VHANGUP) }", []string{"sync", "vhangup"}},
		"on the stack": {"//go:noinline\nfunc through(a, b, c, d, e, f, g, h, i, j, k, n uintptr) {\n" +
			"syscall.Syscall(n, a+b+c+d, e+f+g+h, i+j+k) }\n\n" +
			"func use() { through(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, syscall.SYS_SYNC) }", []string{"sync"}},
		"table": {"//go:noinline\nfunc through(kind int) {\nswitch kind {\ncase 0: syscall.Syscall(syscall.SYS_SYNC, 0, 0, 0)\n" +
			"case 1: syscall.Syscall(syscall.SYS_VHANGUP, 0, 0, 0)\ncase 2: syscall.Syscall(syscall.SYS_ACCT, 0, 0, 0)\n" +
			"case 3: syscall.Syscall(syscall.SYS_SWAPON, 0, 0, 0)\ncase 4: syscall.Syscall(syscall.SYS_SWAPOFF, 0, 0, 0)\n" +
			"case 5: syscall.Syscall(syscall.SYS_SYSLOG, 0, 0, 0)\ncase 6: syscall.Syscall(syscall.SYS_REBOOT, 0, 0, 0)\n" +
			"case 7: syscall.Syscall(syscall.SYS_SETHOSTNAME, 0, 0, 0)\ncase 8: syscall.Syscall(syscall.SYS_MSYNC, 0, 0, 0) } }\n\n" +
			"func use() { through(len(syscall.Environ())) }",
			[]string{"sync", "vhangup", "acct", "swapon", "swapoff", "syslog", "reboot", "sethostname", "msync"}},
		"threads": {"func use() { syscall.AllThreadsSyscall(syscall.SYS_VHANGUP, 0, 0, 0) }", []string{"vhangup"}},
	} {
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(name+" "+arch, func(t *testing.T) {
				t.Parallel()
				found := find(t, compile(t, arch, small+test.code+"\n"))
				if len(found.Unknown) > 0 || found.Arch != arch {
					t.Errorf("for %s, unknown: %v", found.Arch, found.Unknown)
				}
				all := names(t, found)
				for _, want := range append(test.wants, "exit_group", "futex", "mmap") {
					if !slices.Contains(all, want) {
						t.Errorf("%s is missing: %v", want, all)
					}
				}
				if slices.Contains(all, "umount2") {
					t.Errorf("more than the program makes: %v", all)
				}
			})
		}
	}
}

// TestUnknown has programs that make calls whose numbers nobody can tell.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ code, want string }{
		"computed": {"func use() { syscall.Syscall(uintptr(len(syscall.Environ())), 0, 0, 0) }", "main.use"},
		"in memory": {"var number uintptr = 162\n\nfunc use() { number += uintptr(len(syscall.Environ())); syscall.Syscall(number, 0, 0, 0) }",
			"main.use"},
		"through a variable": {"var call = syscall.Syscall\n\nfunc use() { if len(syscall.Environ()) > 3 { call = syscall.RawSyscall }\n" +
			"call(162, 0, 0, 0) }", "syscall.Syscall, which is called through a variable"},
	} {
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(name+" "+arch, func(t *testing.T) {
				t.Parallel()
				if found := find(t, compile(t, arch, small+test.code+"\n")); !slices.Contains(found.Unknown, test.want) {
					t.Errorf("unknown are %q, want %q", found.Unknown, test.want)
				}
			})
		}
	}
}

// TestDefect has files that are no static programs of Go.
func TestDefect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"text": {"hello", "is no program in the ELF format"},
	} {
		_, err := calls.Of(strings.NewReader(test.content))
		if defect := new(calls.Defect); !errors.As(err, &defect) || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	file, err := os.Open(compile(t, "amd64", small+"func use() {}\n", "-buildmode=pie"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := calls.Of(file); err == nil || err.Error() != "is linked to libraries, or lies at any address" {
		t.Errorf("of a program at any address: %v", err)
	}
}

// TestHello has the calls of a server, as the Go of this module compiles it.
func TestHello(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../integration/testdata/go/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	found := find(t, compile(t, "amd64", string(source)))
	if diff := cmp.Diff([]string(nil), found.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	kittest.Golden(t, "hello.txt", strings.Join(names(t, found), "\n")+"\n")
}
