package layer_test

import (
	"archive/tar"
	"bytes"
	"path"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

const control = "Package: x\nVersion: 1\n"

// FuzzRead reads whole packages. What is accepted is safe to put into a layer.
func FuzzRead(f *testing.F) {
	data := debtest.Tar(f, map[string]string{"./usr/bin/x": "x"}, tar.Header{Name: "./usr/bin/x"},
		tar.Header{Name: "./usr/bin/y", Typeflag: tar.TypeLink, Linkname: "./usr/bin/x"})
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(debtest.Raw(f, suffix, control, data))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := deb.Read(bytes.NewReader(b))
		if err == nil {
			check(t, p)
		}
	})
}

// FuzzData reads a bare data.tar, so that the fuzzer does not have to find its way through ar and a compressor.
func FuzzData(f *testing.F) {
	for _, h := range debtest.Hostile(f) {
		// The small ones begin with the same two members and have a bare data.tar.
		if _, tail, ok := bytes.Cut(h.Deb, []byte("data.tar        ")); ok && len(tail) < 1<<13 {
			f.Add(tail[44:])
		}
	}
	folder := tar.Header{Name: "./a/", Typeflag: tar.TypeDir, Mode: 0o755}
	f.Add(debtest.Tar(f, map[string]string{"./a/b": "content"}, folder, tar.Header{Name: "./a/b"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := deb.Read(bytes.NewReader(debtest.Raw(t, "", control, data)))
		if err == nil {
			check(t, p)
		}
	})
}

// FuzzControl reads a control file and a list of checksums.
func FuzzControl(f *testing.F) {
	f.Add(control, "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n")
	f.Add("Package: x\nDescription: y\n .\n z\n", "")
	f.Add("Package: x\n\nPackage: evil\n", "x  y")
	f.Fuzz(func(t *testing.T, text, sums string) {
		c := debtest.Tar(t, map[string]string{"control": text, "md5sums": sums}, tar.Header{Name: "control"}, tar.Header{Name: "md5sums"})
		p, err := deb.Read(bytes.NewReader(debtest.Ar(debtest.Member{Name: "debian-binary", Data: []byte("2.0\n")},
			debtest.Member{Name: "control.tar", Data: c}, debtest.Member{Name: "data.tar", Data: debtest.Tar(t, nil)})))
		if err == nil {
			check(t, p)
		}
	})
}

// check compares a package that was accepted with what Package and File promise.
func check(t *testing.T, p *deb.Package) {
	t.Helper()
	if c := string(p.Control); !strings.HasSuffix(c, "\n") || strings.Contains("\n"+c, "\n\n") {
		t.Errorf("control is no single stanza: %q", c)
	}
	for name, sum := range p.MD5Sums {
		if len(sum) != 32 || strings.ContainsAny(name+sum, "\n") {
			t.Errorf("md5sums has %q of %q", sum, name)
		}
	}
	tree := layer.NewTree()
	for _, f := range p.Files {
		switch {
		case f.Path != path.Clean(f.Path) || path.IsAbs(f.Path) || f.Path == "." || f.Path == ".." || strings.HasPrefix(f.Path, "../"):
			t.Errorf("path %q is not clean and relative", f.Path)
		case strings.ContainsAny(f.Path+f.Link, "\x00\n"):
			t.Errorf("path %q or its link %q is not one line", f.Path, f.Link)
		case f.Mode&^0o1777 != 0 || f.UID < 0 || f.GID < 0:
			t.Errorf("%s has mode %o and owner %d:%d", f.Path, f.Mode, f.UID, f.GID)
		}
		if err := tree.Add(f, "x"); err != nil {
			t.Errorf("no layer takes it: %v", err)
		}
	}
}
