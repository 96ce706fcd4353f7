package interpreter

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestDebian has both versions for both architectures, each with its libraries, its headers and a folder of its own.
func TestDebian(t *testing.T) {
	t.Parallel()
	folders := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		all, err := Debian(arch)
		if err != nil || len(all) != 2 {
			t.Fatalf("%s has %d, %v", arch, len(all), err)
		}
		for i, minor := range []string{"3.13", "3.11"} {
			p := all[i]
			names := map[string]bool{}
			dir := t.TempDir()
			for _, one := range p.packages {
				text := "Format: copyright-format/1.0\n\nFiles: *\nLicense: Expat\n"
				if strings.Contains(one.Name, "python") {
					text = "This package was put together by hand.\n"
				}
				kittest.Write(t, dir, map[string]string{"share/doc/" + one.Name + "/copyright": text})
			}
			document, err := p.Document(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range document.Components {
				names[c.Name] = true
				licence := "MIT"
				if strings.Contains(c.Name, "python") {
					licence = "PSF-2.0"
				}
				if c.PURL == "" || c.Version == "" || len(c.SHA256) != 64 && c.Name != "python" || !slices.Equal(c.Licenses, []string{licence}) {
					t.Errorf("%+v is not complete", c)
				}
			}
			if p.Minor() != minor || !names["libpython"+minor+"-stdlib"] || !names["libsqlite3-0"] || names["libcrypt1"] != (minor == "3.11") {
				t.Errorf("Python %s of %s has %v", p.Version, arch, names)
			}
			if len(p.headers) == 0 || names["libpython"+minor+"-dev"] {
				t.Errorf("Python %s of %s has no headers, or has them in the image", p.Version, arch)
			}
			if folders[p.Folder()] {
				t.Errorf("two interpreters are in %s", p.Folder())
			}
			folders[p.Folder()] = true
		}
	}
	if all, err := Debian("riscv64"); len(all) > 0 || err != nil {
		t.Errorf("an architecture that is not locked has %v, %v", all, err)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	p := Interpreter{Version: "3.13.5", arch: "amd64"}
	for name, want := range map[string]string{
		"usr/bin/python3.13":                                      "bin/python3.13",
		"usr/bin/pydoc3.13":                                       "",
		"usr/lib/python3.13/asyncio/events.py":                    "lib/python3.13/asyncio/events.py",
		"usr/lib/python3.13/unittest/mock.py":                     "lib/python3.13/unittest/mock.py",
		"usr/lib/python3.13/lib-dynload/_ssl.cpython-313-x.so":    "lib/python3.13/lib-dynload/_ssl.cpython-313-x.so",
		"usr/lib/python3.13/lib-dynload/_curses.cpython-313-x.so": "",
		"usr/lib/python3.13/curses/ascii.py":                      "",
		"usr/lib/python3.13/sitecustomize.py":                     "",
		"usr/lib/python3.13/EXTERNALLY-MANAGED":                   "",
		"usr/lib/python3.13/test/libregrtest.py":                  "",
		"usr/lib/python3.13/asyncio/windows_events.py":            "",
		"usr/lib/python3.13/ctypes/_aix.py":                       "",
		"usr/lib/python3.13/ctypes/_endian.py":                    "lib/python3.13/ctypes/_endian.py",
		"usr/lib/x86_64-linux-gnu/libexpat.so.1":                  "lib/libexpat.so.1",
		"usr/lib/x86_64-linux-gnu/pkgconfig/expat.pc":             "",
		"usr/share/doc/libexpat1/copyright":                       "share/doc/libexpat1/copyright",
		"usr/share/doc/libpython3.13-stdlib":                      "share/doc/libpython3.13-stdlib", // a link
		"usr/share/doc/libexpat1/changelog.gz":                    "",
		"etc/python3.13/sitecustomize.py":                         "",
	} {
		if got := p.place(name); got != want {
			t.Errorf("%s is at %q, want %q", name, got, want)
		}
	}
}

// TestCompile has a job for each folder of modules, in order of their names, with the paths that they have in the image.
func TestCompile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const program = "#!/bin/sh\nexec cp \"$7\" \"${LD_LIBRARY_PATH%/lib}/jobs.json\"\n"
	kittest.Write(t, dir, map[string]string{
		"bin/python3.13": program, "lib/python3.13/b/one.py": "1", "lib/python3.13/a.py": "2", "lib/python3.13/b/two.py": "3", "lib/x.so": "4",
	})
	if err := os.Chmod(filepath.Join(dir, "bin/python3.13"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, log := Interpreter{Version: "3.13.5"}, report.New(io.Discard, report.Options{})
	if err := p.compile(t.Context(), log, dir, dir); err != nil {
		t.Fatal(err)
	}
	jobs, err := os.ReadFile(filepath.Join(dir, "jobs.json"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "jobs.json", strings.ReplaceAll(string(jobs), dir, "DIR")+"\n")
	if err := p.compile(t.Context(), log, dir, t.TempDir()); err == nil {
		t.Error("an interpreter without modules is no error")
	}
}
