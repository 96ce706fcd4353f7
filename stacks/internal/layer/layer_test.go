package layer_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

var (
	etc  = deb.File{Path: "etc", Type: deb.Dir, Mode: 0o755}
	root = deb.File{Path: "root", Type: deb.Dir, Mode: 0o700}
	bin  = deb.File{Path: "bin", Type: deb.Symlink, Mode: 0o777, Link: "usr/bin"}
)

func file(path string) deb.File {
	return deb.File{Path: path, Mode: 0o644, Data: []byte("the content of " + path)}
}

func tree(t *testing.T, below [][]layer.Entry, files ...deb.File) *layer.Tree {
	t.Helper()
	tr := layer.NewTree(below...)
	for _, f := range files {
		if err := tr.Add(f, "pkg"); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

func TestTreeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		below []deb.File
		top   []deb.File
		add   deb.File
		err   string
	}{
		{name: "the same file", top: []deb.File{file("etc/x")}, add: file("etc/x"), err: "/etc/x is in package pkg and in package other"},
		{name: "the same file in a lower layer", below: []deb.File{file("etc/x")}, add: file("etc/x"),
			err: "/etc/x is in package pkg and in package other"},
		{name: "below a link", top: []deb.File{bin}, add: file("bin/sh"),
			err: "/bin/sh of package other is below /bin of package pkg, which is no folder"},
		{name: "below a link of a lower layer", below: []deb.File{bin}, add: file("bin/a/sh"),
			err: "/bin/a/sh of package other is below /bin of package pkg, which is no folder"},
		{name: "link over a folder that no package has", top: []deb.File{file("bin/a/sh")}, add: bin,
			err: "/bin/a/sh of package pkg is below /bin of package other, which is no folder"},
		{name: "link over a folder that a lower layer needs", below: []deb.File{file("bin/a/sh")}, add: bin,
			err: "/bin/a/sh of package pkg is below /bin of package other, which is no folder"},
		{name: "folder over link", top: []deb.File{bin}, add: deb.File{Path: "bin", Type: deb.Dir},
			err: "/bin is in package pkg and in package other"},
		{name: "the same folder", top: []deb.File{etc}, add: etc},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			below := tree(t, nil, test.below...).Entries()
			err := tree(t, [][]layer.Entry{below}, test.top...).Add(test.add, "other")
			if got := fmt.Sprint(err); got != test.err && (err != nil || test.err != "") {
				t.Errorf("got  %v\nwant %s", err, test.err)
			}
		})
	}
}

// TestEntries checks that parents are in every layer, with the mode that the lowest layer gave them.
func TestEntries(t *testing.T) {
	t.Parallel()
	below := tree(t, nil, root).Entries()
	top := tree(t, [][]layer.Entry{below}, file("usr/share/x"), file("root/.profile"))
	var got []string
	for _, e := range top.Entries() {
		got = append(got, fmt.Sprintf("%s %o %v", e.Path, e.Mode, e.Implicit))
	}
	want := []string{"root 700 true", "root/.profile 644 false", "usr 755 true", "usr/share 755 true", "usr/share/x 644 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeclare(t *testing.T) {
	t.Parallel()
	top := tree(t, nil, root)
	if err := top.Declare(deb.File{Path: "root", Type: deb.Dir, Mode: 0o750, UID: 7}); err != nil {
		t.Fatal(err)
	}
	if e, _ := top.Lookup("root"); e.Mode != 0o750 || e.UID != 7 || e.Package != "" {
		t.Errorf("got %+v", e)
	}
}

func sample(t *testing.T, order ...int) *layer.Tree {
	t.Helper()
	files := []deb.File{file("etc/x"), etc, root, bin, file("usr/bin/x"),
		{Path: "usr/bin/y", Type: deb.HardLink, Mode: 0o644, Link: "usr/bin/x"}, file("usr/" + strings.Repeat("long/", 50) + "x")}
	tr := layer.NewTree()
	for _, i := range order {
		if err := tr.Add(files[i], "pkg"); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

// TestSave checks that the bytes depend on the files alone, that they are known, and that they are a good layer.
func TestSave(t *testing.T) {
	t.Parallel()
	var digests []string
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}} {
		known := map[string]layer.Package{"pkg": {Control: "Package: pkg\n"}}
		l, err := layer.Save(sample(t, order...), known, filepath.Join(t.TempDir(), "a", "key"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Layer(l); err != nil {
			t.Error(err)
		}
		digest, _ := l.Digest()
		digests = append(digests, digest.String())
	}
	const want = "sha256:c8fc1be3fe17ec5ffe39e54260950f0823df616829b9f14c24f304d14e4cfdd6"
	if diff := cmp.Diff([]string{want, want}, digests); diff != "" {
		t.Errorf("the digest has changed; if that is meant, the assembler's revision must change too\n%s", diff)
	}
}

// TestSaveTwin checks that a layer with another's bytes takes them, and has entries and packages of its own.
func TestSaveTwin(t *testing.T) {
	t.Parallel()
	first, err := layer.Save(sample(t, 0, 1), nil, filepath.Join(t.TempDir(), "key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tree := sample(t, 1, 0)
	id, err := tree.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := first.DiffID(); id != want {
		t.Errorf("the tree is %s, the layer of the same files %s", id, want)
	}
	dir := filepath.Join(t.TempDir(), "key")
	twin, err := layer.Save(tree, map[string]layer.Package{"pkg": {Control: "Package: pkg\n"}}, dir, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Layer(twin); err != nil {
		t.Error(err)
	}
	if loaded := layer.Load(dir); loaded == nil || len(loaded.Packages()) != 1 || len(loaded.Entries()) != len(first.Entries()) {
		t.Errorf("the twin in the cache is %+v", loaded)
	}
}

func TestSaveTar(t *testing.T) {
	t.Parallel()
	l, err := layer.Save(sample(t, 0, 1, 2, 3, 4, 5), nil, filepath.Join(t.TempDir(), "key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(layer.Epoch) || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s: time %s, owner %q, group %q", h.Name, h.ModTime, h.Uname, h.Gname)
		}
		got = append(got, fmt.Sprintf("%c %04o %s %s", h.Typeflag, h.Mode, h.Name, h.Linkname))
	}
	want := []string{
		"2 0777 bin usr/bin", "5 0755 etc/ ", "0 0644 etc/x ", "5 0700 root/ ", "5 0755 usr/ ", "5 0755 usr/bin/ ", "0 0644 usr/bin/x ",
		"1 0644 usr/bin/y usr/bin/x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "key")
	if layer.Load(dir) != nil {
		t.Error("a layer out of nothing")
	}
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			if _, err := layer.Save(sample(t, 0, 1), map[string]layer.Package{"pkg": {Control: "Package: pkg\n"}}, dir, nil); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	l := layer.Load(dir)
	if l == nil || len(l.Entries()) != 2 || l.Packages()["pkg"].Control != "Package: pkg\n" {
		t.Fatalf("got %+v", l)
	}
	if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("%d files are left beside the layer", len(left)-1)
	}
	if err := os.WriteFile(filepath.Join(dir, "layer.tar.gz"), []byte("rotten"), 0o644); err != nil {
		t.Fatal(err)
	}
	if layer.Load(dir) != nil {
		t.Error("a damaged layer was loaded")
	}
	if _, err := layer.Save(sample(t, 0, 1), nil, dir, nil); err != nil {
		t.Fatal(err)
	}
	if layer.Load(dir) == nil {
		t.Error("the damaged layer was not replaced")
	}
}
