package calls_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
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
	found, err := calls.Of(t.Context(), file)
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
		"fallthrough": {"//go:noinline\nfunc through(kind int, n uintptr) {\nswitch kind {\n" +
			"case 0: n = syscall.SYS_VHANGUP; fallthrough\ncase 1: syscall.Syscall(n, 0, 0, 0)\n" +
			"case 2: syscall.Syscall(syscall.SYS_ACCT, 0, 0, 0)\ncase 3: syscall.Syscall(syscall.SYS_SWAPON, 1, 0, 0)\n" +
			"case 4: syscall.Syscall(syscall.SYS_SYSLOG, 1, 0, 0)\ncase 5: syscall.Syscall(syscall.SYS_REBOOT, 0, 0, 0)\n" +
			"case 6: syscall.Syscall(syscall.SYS_SWAPOFF, 2, 0, 0)\ncase 7: syscall.Syscall(syscall.SYS_SETHOSTNAME, 0, 0, 0)\n" +
			"case 8: syscall.Syscall(syscall.SYS_SETDOMAINNAME, 3, 0, 0)\ncase 9: syscall.Syscall(syscall.SYS_MSYNC, 0, 0, 0) } }\n\n" +
			"func use() { through(len(syscall.Environ()), syscall.SYS_SYNC) }",
			[]string{"sync", "vhangup", "acct", "swapon", "syslog", "reboot", "swapoff", "sethostname", "setdomainname", "msync"}},
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
		"changed by another function": {"type request struct{ a, n, b uintptr }\n\n//go:noinline\n" +
			"func change(r *request) { r.n = syscall.SYS_VHANGUP }\n\n" +
			"func use() { r := request{1, syscall.SYS_SYNC, 2}; change(&r); syscall.Syscall(r.n, r.a, r.b, 0) }", "main.use"},
		"result on the stack": {"//go:noinline\nfunc many(a, b, c, d, e, f, g, h, i, j, k, l uintptr) " +
			"(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, n uintptr) {\n" +
			"return l, k, j, i, h, g, f, e, d, c, b, syscall.SYS_VHANGUP }\n\n" +
			"//go:noinline\nfunc before(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o uintptr) {}\n\n" +
			"func use() { before(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, syscall.SYS_SYNC)\n" +
			"a, b, c, d, e, f, g, h, i, j, k, n := many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, syscall.SYS_SYNC)\n" +
			"syscall.Syscall(n, a+b+c+d, e+f+g+h, i+j+k) }", "main.use"},
		"through an interface": {"type caller interface{ Call(n uintptr) }\n\ntype T struct{}\n\n//go:noinline\n" +
			"func (t *T) Call(n uintptr) { syscall.Syscall(n, 0, 0, 0) }\n\nvar all = map[string]any{\"t\": &T{}}\n\n" +
			"func use() { for _, one := range all { one.(caller).Call(syscall.SYS_VHANGUP) } }",
			"main.(*T).Call, which is called through a variable"},
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
		_, err := calls.Of(t.Context(), strings.NewReader(test.content))
		if defect := new(calls.Defect); !errors.As(err, &defect) || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	file, err := os.Open(compile(t, "amd64", small+"func use() {}\n", "-buildmode=pie"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := calls.Of(t.Context(), file); err == nil || err.Error() != "is linked to libraries, or lies at any address" {
		t.Errorf("of a program at any address: %v", err)
	}
}

// TestTable has programs whose table of functions is not loaded, or is compressed, and a command that ends.
func TestTable(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(compile(t, "amd64", small+"func use() {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := calls.Of(ended, bytes.NewReader(content)); !errors.Is(err, context.Canceled) {
		t.Errorf("of a command that has ended: %v", err)
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(file.Sections, func(s *elf.Section) bool { return s.Name == ".gopclntab" })
	if at < 0 {
		t.Fatal("there is no table of functions")
	}
	const headers, size, flags = 0x28, 64, 8 // where the header of a file, and those of sections, say so
	place := binary.LittleEndian.Uint64(content[headers:]) + uint64(at)*size + flags
	for flag, want := range map[elf.SectionFlag]string{
		0:                                  "has no table of Go's functions",
		elf.SHF_ALLOC | elf.SHF_COMPRESSED: "has a section that is loaded and compressed: .gopclntab",
	} {
		binary.LittleEndian.PutUint64(content[place:], uint64(flag))
		if _, err := calls.Of(t.Context(), bytes.NewReader(content)); err == nil || err.Error() != want {
			t.Errorf("%v: got %v, want %s", flag, err, want)
		}
	}
}

// TestOther has a function that calls the kernel as programs of 32 bits do. Their numbers stand for other calls.
func TestOther(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"int 0x80": "BYTE $0xcd; BYTE $0x80", "sysenter": "BYTE $0x0f; BYTE $0x34"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, map[string]string{
				"go.mod":      "module old\n\ngo 1.24\n",
				"main.go":     "package main\n\nfunc old()\n\nfunc main() { old() }\n",
				"old_amd64.s": "TEXT \u00b7old(SB), 4, $0-0\n\tMOVQ $20, AX\n\t" + code + "\n\tRET\n",
			})
			cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "program", ".")
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOFLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if found := find(t, filepath.Join(dir, "program")); !slices.Contains(found.Unknown, "main.old") {
				t.Errorf("unknown are %q, want main.old", found.Unknown)
			}
		})
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
