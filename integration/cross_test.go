package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// cServer is the smallest server in C.
func cServer(t *testing.T) map[string]string {
	t.Helper()
	return kittest.Files(t, filepath.Join("testdata", "native", "make"))
}

// pcreMain makes the server in C link a library of BP_DEBIAN_PACKAGES.
var pcreMain = map[string]string{"greeting.c": `#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "greeting.h"

const char *greeting(void) {
	int utf = 0;
	return pcre2_config(PCRE2_CONFIG_UNICODE, &utf) == 0 && utf ? "Hello with Unicode.\n" : "Hello without.\n";
}
`}

// TestPlatformCompiled compiles apps in C for the other architecture. Every program in their images is for it, and an emulator starts them.
func TestPlatformCompiled(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	glibc, pcre := []string{"--run-image", "glibc"}, []string{"-e", "BP_DEBIAN_PACKAGES=libpcre2-dev"}
	for _, tt := range []struct {
		who     who
		name    string
		app     map[string]string
		flags   []string
		program string // its path ends so
		path    string
		answer  string
		fails   []string // texts of the message of a build that stops
	}{
		{name: "make", who: anyUser, app: cServer(t), flags: glibc, program: "/bin/greeter", path: "/", answer: "Hello from make.\n"},
		{name: "CMake", who: nightly, flags: append([]string{"-e", "BP_NATIVE_LINK=static"}, pcre...), program: "/bin/greeter", path: "/",
			app: with(with(cServer(t), pcreMain), map[string]string{"CMakeLists.txt": `cmake_minimum_required(VERSION 3.20)
project(greeter C CXX)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE REQUIRED IMPORTED_TARGET libpcre2-8)
add_executable(greeter main.c greeting.c)
target_link_libraries(greeter PkgConfig::PCRE)
install(TARGETS greeter)
`}), answer: "Hello with Unicode.\n"},
		{name: "Meson", who: nightly, flags: append(glibc, pcre...), program: "/bin/greeter", path: "/",
			app: with(with(cServer(t), pcreMain), map[string]string{"meson.build": `project('greeter', 'c')
made = executable('made', 'made.c', native: true)
words = custom_target(output: 'words.h', command: [made], capture: true)
executable('greeter', 'main.c', 'greeting.c', words, dependencies: dependency('libpcre2-8'), install: true)
`, "made.c": "#include <stdio.h>\nint main(void) { puts(\"#define WORDS 1\"); }\n"}), answer: "Hello with Unicode.\n"},
		{name: "autotools", who: nightly, flags: glibc, program: "/bin/greeter", path: "/",
			app: with(cServer(t), map[string]string{"configure.ac": `AC_INIT([greeter], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_CHECK_SIZEOF([long])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
`, "Makefile.am": "bin_PROGRAMS = greeter\ngreeter_SOURCES = main.c greeting.c greeting.h\n"}), answer: "Hello from make.\n"},
		{name: "a program that the build starts", who: nightly, flags: glibc, fails: []string{
			"make starts a program for linux/" + other + ", which this machine cannot", "build it on a machine with linux/" + other},
			app: with(cServer(t), map[string]string{
				"Makefile": "all: greeter\n\t./greeter --version\ngreeter: main.c greeting.c\n\t$(CC) -o $@ $^\n"})},
		{name: "Rust", who: nightly, app: kittest.Files(t, filepath.Join("testdata", "rust", "axum")), program: "/bin/hello", path: "/",
			answer: "Hello from axum.\n"},
		{name: "Node.js", who: nightly, program: "/bin/node", path: "/",
			answer: map[string]string{"amd64": "x64", "arm64": "arm64"}[other] + ": 1s\n",
			app: map[string]string{"package.json": `{"scripts": {"start": "node server.js"}, "dependencies": {"ms": "2.1.3"}}`,
				"server.js": "const text = `${process.arch}: ${require('ms')(1000)}\\n`\n" +
					"require('http').createServer((q, s) => s.end(text)).listen(process.env.PORT)\n"}},
		{name: "an addon for this machine", who: nightly, fails: []string{"needs a machine of type " + runtime.GOARCH, "sharp-linux"},
			app: map[string]string{"package.json": `{"scripts": {"start": "node server.js"}, "dependencies": {"sharp": "0.34.4"}}`,
				"server.js": "require('sharp')\n"}},
		{name: "SQLite", who: nightly, app: sqliteServer, program: "/bin/hello", path: "/a", answer: "notes: 1, <nil>"},
		{name: "cgo and pkg-config", who: nightly, app: pcreServer, flags: pcre, program: "/bin/hello", path: "/1999", answer: "matches: 2"},
		{name: "cgo, linked to libraries", who: nightly, app: pcreServer, program: "/bin/hello", path: "/1999", answer: "matches: 2",
			flags: append(append([]string{"-e", "BP_GO_CGO=dynamic"}, glibc...), pcre...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			skipShown(t, tt.who)
			app, name := filepath.Join(t.TempDir(), "app"), image(t)
			kittest.Write(t, app, tt.app)
			args := append([]string{"build", app, "-t", name, "--platform", "linux/" + other}, tt.flags...)
			if tt.fails != nil {
				got := strata(t, args...)
				for _, text := range tt.fails {
					if got.status == 0 || !strings.Contains(got.stderr, text) {
						t.Errorf("status %d, want a message with %q:\n%s", got.status, text, got.stderr)
					}
				}
				return
			}
			made := open(t, build(t, app, name, args[4:]...))
			emulated(t, unpacked(t, made, other), tt.program, other, tt.path, tt.answer)
		})
	}
}

// unpacked writes the files of an image for an architecture into a folder, and checks that each program in it is for that.
func unpacked(t *testing.T, made built, arch string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	files := mutate.Extract(made.image)
	defer files.Close()
	for archive := tar.NewReader(files); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Trim(header.Name, "/")
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(strings.TrimPrefix(header.Linkname, "/"), name)
			if strings.HasPrefix(header.Linkname, "/") {
				err = errors.Join(root.Remove(name), root.Symlink(filepath.Join(dir, header.Linkname), name))
			}
		case tar.TypeReg:
			var content []byte
			if content, err = io.ReadAll(archive); err == nil {
				err = root.WriteFile(name, content, 0o755)
			}
			if file, notELF := elf.NewFile(bytes.NewReader(content)); notELF == nil && file.Machine != machines[arch].machine {
				t.Errorf("%s is for %s", name, file.Machine)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// emulated starts a server of an unpacked image for another architecture, and asks it.
func emulated(t *testing.T, root, program, arch, path, answer string) {
	t.Helper()
	name := "qemu-" + machines[arch].qemu
	qemu, err := exec.LookPath(name + "-static")
	if err != nil {
		qemu, err = exec.LookPath(name)
	}
	if err != nil {
		unavailable(t, "needs "+name+" to start a program for linux/"+arch+": install the package qemu-user-static")
	}
	found, err := filepath.Glob(filepath.Join(root, "layers", "*", "*") + program)
	if err != nil || len(found) != 1 {
		t.Fatalf("the programs %s are %v, %v", program, found, err)
	}
	port := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, qemu, "-L", root, found[0])
	cmd.Env = []string{"PORT=" + port, "LD_LIBRARY_PATH=" + libraryPath(t, root)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	eventually(t, "http://127.0.0.1:"+port+path, answer)
}

// libraryPath returns the folders of libraries that layers name for when an app is launched.
func libraryPath(t *testing.T, root string) string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(root, "layers", "*", "*", "lib"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(folders, ":")
}
