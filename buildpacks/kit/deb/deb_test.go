package deb_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const control = "Package: x\nVersion: 1\n"

func TestRead(t *testing.T) {
	t.Parallel()
	data := debtest.Tar(t, map[string]string{"./usr/bin/su": "su", "usr/bin/x": ""},
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./usr/", Typeflag: tar.TypeDir, Mode: 0o2775, Gid: 50},
		tar.Header{Name: "./usr/bin/su", Mode: 0o4755, Uid: 1},
		tar.Header{Name: "./usr/bin/su2", Typeflag: tar.TypeLink, Linkname: "./usr/bin/su", Mode: 0o755},
		tar.Header{Name: "usr/bin/x"},
		tar.Header{Name: "./tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		tar.Header{Name: "./usr/lib", Typeflag: tar.TypeSymlink, Linkname: "../lib", Mode: 0o777},
		tar.Header{Name: "./usr/share/" + strings.Repeat("long/", 40) + "name", Typeflag: tar.TypeSymlink, Linkname: "/etc/x", Mode: 0o777},
	)
	want := []deb.File{
		{Path: "usr", Type: deb.Dir, Mode: 0o775, GID: 50},
		{Path: "usr/bin/su", Mode: 0o755, UID: 1, Data: []byte("su")},
		{Path: "usr/bin/su2", Type: deb.HardLink, Mode: 0o755, Link: "usr/bin/su"},
		{Path: "usr/bin/x", Mode: 0o644, Data: []byte{}},
		{Path: "tmp", Type: deb.Dir, Mode: 0o1777},
		{Path: "usr/lib", Type: deb.Symlink, Mode: 0o777, Link: "../lib"},
		{Path: "usr/share/" + strings.Repeat("long/", 40) + "name", Type: deb.Symlink, Mode: 0o777, Link: "/etc/x"},
	}
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		t.Run("data.tar"+suffix, func(t *testing.T) {
			t.Parallel()
			p, err := deb.Read(bytes.NewReader(debtest.Raw(t, suffix, control, data)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, p.Files); diff != "" {
				t.Error(diff)
			}
			if string(p.Control) != control {
				t.Errorf("control is %q", p.Control)
			}
		})
	}
}

func TestReadSums(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"./control": control, "./md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n", "./postinst": "#!/bin/sh\n",
	}
	c := debtest.Tar(t, files,
		tar.Header{Name: "./postinst", Mode: 0o755}, tar.Header{Name: "./control"}, tar.Header{Name: "./md5sums"})
	b := debtest.Ar(debtest.Member{Name: "debian-binary", Data: []byte("2.0\n")}, debtest.Member{Name: "control.tar", Data: c},
		debtest.Member{Name: "data.tar", Data: debtest.Tar(t, nil)})
	p, err := deb.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"usr/bin/x": "d41d8cd98f00b204e9800998ecf8427e"}, p.MD5Sums); diff != "" {
		t.Error(diff)
	}
}

// TestReadHostile reads the packages that must be refused. One golden file has all the errors.
func TestReadHostile(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, h := range debtest.Hostile(t) {
		_, err := deb.Read(bytes.NewReader(h.Deb))
		if err == nil {
			t.Errorf("%s was read", h.Name)
			continue
		}
		if line := err.Error(); strings.ContainsAny(line, "\n\r\x00") || len(line) > 400 {
			t.Errorf("%s: the error is no short line: %q", h.Name, line)
		}
		fmt.Fprintf(&got, "%s: %v\n", h.Name, err)
	}
	kittest.Golden(t, "hostile.txt", got.String())
}

// TestReadLeftOut reads what is not refused and not believed.
func TestReadLeftOut(t *testing.T) {
	t.Parallel()
	data := debtest.Tar(t, nil,
		tar.Header{Name: "./su", Mode: 0o6755},
		tar.Header{Name: "./ping", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"}})
	whole := debtest.Raw(t, "", control, append(data, "what follows the end of the archive"...))
	members := append(whole, debtest.Ar(debtest.Member{Name: "_signature", Data: []byte("odd")})[8:]...)
	p, err := deb.Read(bytes.NewReader(members))
	if err != nil {
		t.Fatal(err)
	}
	want := []deb.File{{Path: "su", Mode: 0o755, Data: []byte{}}, {Path: "ping", Mode: 0o755, Data: []byte{}}}
	if diff := cmp.Diff(want, p.Files); diff != "" {
		t.Error(diff)
	}
}

func TestReadDamaged(t *testing.T) {
	t.Parallel()
	data := debtest.Tar(t, map[string]string{"./a": strings.Repeat("x", 9000)}, tar.Header{Name: "./a"})
	good := debtest.Raw(t, ".gz", control, data)
	version := debtest.Member{Name: "debian-binary", Data: []byte("2.0\n")}
	tests := []struct {
		name, err string
		deb       []byte
	}{
		{"empty", "it is not a Debian package", nil},
		{"text", "it is not a Debian package", []byte("<html>not found</html>")},
		{"another version", `its format is "3.0", not 2.x`, debtest.Ar(debtest.Member{Name: "debian-binary", Data: []byte("3.0\n")})},
		{"another first member", `its first member is "control.tar", not debian-binary`, debtest.Ar(debtest.Member{Name: "control.tar"})},
		{"no control", `it has a member "data.tar" where control.tar was expected`, debtest.Ar(version, debtest.Member{Name: "data.tar"})},
		{"unknown compression", `reading control.tar.lzma: compression ".lzma" is not known`,
			debtest.Ar(version, debtest.Member{Name: "control.tar.lzma"})},
		{"nothing in control", "reading control.tar: there is no control file",
			debtest.Ar(version, debtest.Member{Name: "control.tar", Data: debtest.Tar(t, nil)})},
		{"no data", "it ends where data.tar was expected", debtest.Ar(version, debtest.Member{Name: "control.tar",
			Data: debtest.Tar(t, map[string]string{"control": control}, tar.Header{Name: "control"})})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := deb.Read(bytes.NewReader(test.deb)); err == nil || err.Error() != test.err {
				t.Errorf("got  %v\nwant %s", err, test.err)
			}
		})
	}
	for n := range len(good) {
		// The last bytes may be padding.
		if _, err := deb.Read(bytes.NewReader(good[:n])); err == nil && n < len(good)-1 {
			t.Errorf("no error from the first %d of %d bytes", n, len(good))
		}
	}
	if _, err := deb.Read(bytes.NewReader(good)); err != nil {
		t.Error(err)
	}
}
