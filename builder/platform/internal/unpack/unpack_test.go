package unpack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
)

// entry is a header whose content is its name.
type entry = tar.Header

func file(name string) entry { return entry{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
func dir(name string) entry  { return entry{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
func link(name, to string) entry {
	return entry{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
}
func hard(name, to string) entry { return entry{Name: name, Typeflag: tar.TypeLink, Linkname: to} }

// layer is a list of entries as a layer of an image.
func layer(t *testing.T, entries ...entry) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = h.Name
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func image(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	i, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// unpackLayers unpacks layers between two guards that nothing may touch, and lists what is there.
func unpackLayers(t *testing.T, layers ...[]entry) (string, error) {
	t.Helper()
	around := t.TempDir()
	root := filepath.Join(around, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(around, "victim"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []v1.Layer
	for _, entries := range layers {
		for i := range entries {
			entries[i].Linkname = strings.ReplaceAll(entries[i].Linkname, "AROUND", around)
		}
		all = append(all, layer(t, entries...))
	}
	err := unpack.Image(image(t, all...), root, nil, unpack.Limit{})
	if diff := cmp.Diff("-rw------- victim untouched", list(t, around, func(path string) bool { return path != "root" })); diff != "" {
		t.Errorf("it wrote outside of its folder:\n%s", diff)
	}
	return list(t, root, func(string) bool { return true }), err
}

// list returns a folder's files in one line.
func list(t *testing.T, root string, want func(path string) bool) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		if err != nil || name == "." {
			return err
		}
		if !want(name) {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + name
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += " " + string(b)
		case info.Mode().Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line = "-> " + name + " " + to
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, ", ")
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	setuid := file("su")
	setuid.Mode = 0o6711
	unreadable := entry{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o1000}
	sealed := file("d/x")
	sealed.Mode = 0
	tests := []struct {
		name   string
		layers [][]entry
		want   string
	}{
		{"modes", [][]entry{{setuid, unreadable, sealed}}, "dtrwx------ d, -r-------- d/x d/x, -rwx--x--x su su"},
		{"up is the root", [][]entry{{file("../../x"), file("/y")}}, "-rw-r--r-- x ../../x, -rw-r--r-- y /y"},
		{"links stay what they are", [][]entry{{link("a", "/etc/shadow"), link("b", "../../x")}}, "-> a /etc/shadow, -> b ../../x"},
		{"a file replaces a link that leads out", [][]entry{{link("a", "AROUND/victim")}, {file("a")}}, "-rw-r--r-- a a"},
		{"a folder replaces a link", [][]entry{{link("a", "b"), dir("b")}, {dir("a"), file("a/x")}},
			"drwxr-xr-x a, -rw-r--r-- a/x a/x, drwxr-xr-x b"},
		{"a folder replaces a file", [][]entry{{file("a")}, {dir("a"), file("a/x")}}, "drwxr-xr-x a, -rw-r--r-- a/x a/x"},
		{"a file replaces a folder", [][]entry{{dir("a"), file("a/x"), dir("a/b")}, {file("a")}}, "-rw-r--r-- a a"},
		{"a link replaces a folder", [][]entry{{dir("a"), file("a/x")}, {link("a", "/run")}}, "-> a /run"},
		{"through a link that stays inside", [][]entry{{dir("usr"), link("lib", "usr")}, {file("lib/x")}},
			"-> lib usr, drwxr-xr-x usr, -rw-r--r-- usr/x lib/x"},
		{"the last of two", [][]entry{{link("a", "b"), file("a"), dir("c"), file("c")}}, "-rw-r--r-- a a, -rw-r--r-- c c"},
		{"a hard link inside", [][]entry{{file("a"), hard("b", "/a")}}, "-rw-r--r-- a a, -rw-r--r-- b a"},
		{"a hard link over a link", [][]entry{{file("a"), link("b", "AROUND/victim")}, {hard("b", "a")}}, "-rw-r--r-- a a, -rw-r--r-- b a"},
		{"devices and pipes are left out", [][]entry{{
			{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "sda", Typeflag: tar.TypeBlock, Devmajor: 8},
			{Name: "p", Typeflag: tar.TypeFifo},
		}}, ""},
		{"whiteout of a file", [][]entry{{file("a/x"), file("a/y")}, {file("a/.wh.x")}}, "drwxr-xr-x a, -rw-r--r-- a/y a/y"},
		{"whiteout of a folder", [][]entry{{file("a/b/x"), file("y")}, {file(".wh.a")}}, "-rw-r--r-- y y"},
		{"whiteout of a link, not of what it leads to", [][]entry{{link("a", "b"), file("b/x")}, {file(".wh.a")}},
			"drwxr-xr-x b, -rw-r--r-- b/x b/x"},
		{"whiteout of nothing", [][]entry{{file(".wh.a"), file("b/.wh.c")}}, ""},
		{"whiteout after the new file", [][]entry{{file("a/old"), file("a/b/old")}, {file("a/new"), file("a/b/new"), file(".wh.a")}},
			"drwxr-xr-x a, drwxr-xr-x a/b, -rw-r--r-- a/b/new a/b/new, -rw-r--r-- a/new a/new"},
		{"opaque folder", [][]entry{{dir("a"), file("a/old"), file("a/b/old"), file("c")}, {file("a/.wh..wh..opq"), file("a/new")}},
			"drwxr-xr-x a, -rw-r--r-- a/new a/new, -rw-r--r-- c c"},
		{"opaque folder told of last", [][]entry{{dir("a"), file("a/old"), file("a/b/old")}, {dir("a"), file("a/b/new"), file("a/.wh..wh..opq")}},
			"drwxr-xr-x a, drwxr-xr-x a/b, -rw-r--r-- a/b/new a/b/new"},
		{"opaque root", [][]entry{{file("a/old"), file("b")}, {file("a/new"), file(".wh..wh..opq")}}, "drwxr-xr-x a, -rw-r--r-- a/new a/new"},
		{"opaque folder that is not there", [][]entry{{file("a/.wh..wh..opq"), file("b")}}, "-rw-r--r-- b b"},
		{"opaque link", [][]entry{{link("a", "b"), file("b/x")}, {file("a/.wh..wh..opq")}}, "-> a b, drwxr-xr-x b, -rw-r--r-- b/x b/x"},
		{"mode of a folder that is gone", [][]entry{
			{{Name: "a", Typeflag: tar.TypeDir, Mode: 0o700}, {Name: "a/b", Typeflag: tar.TypeDir, Mode: 0o700}},
			{file(".wh.a"), file("a/b")}}, "drwxr-xr-x a, -rw-r--r-- a/b a/b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := unpackLayers(t, test.layers...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTimes gives files the times that layers have.
func TestTimes(t *testing.T) {
	t.Parallel()
	made := time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)
	one := file("app/one.jar")
	one.ModTime = made
	to := t.TempDir()
	if err := unpack.Image(image(t, layer(t, one)), to, nil, unpack.Limit{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(to, "app/one.jar"))
	if err != nil || !info.ModTime().Equal(made) {
		t.Errorf("the file is of %v, want %v: %v", info.ModTime(), made, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	tests := []struct {
		name   string
		layers [][]entry
		err    string
	}{
		{"file through an absolute link", [][]entry{{link("a", "AROUND"), file("a/victim")}}, "unpacking a/victim: "},
		{"file through a link up", [][]entry{{link("a", ".."), file("a/victim")}}, "unpacking a/victim: "},
		{"file through a link of a lower layer", [][]entry{{link("a", "..")}, {file("a/victim")}}, "unpacking a/victim: "},
		{"file through two links", [][]entry{{dir("d"), link("d/b", "../.."), link("a", "d/b"), file("a/victim")}}, "unpacking a/victim: "},
		{"folder through a link", [][]entry{{link("a", "AROUND"), dir("a/b")}}, "unpacking a/b: "},
		{"link through a link", [][]entry{{link("a", "AROUND"), link("a/victim", "/")}}, "unpacking a/victim: "},
		{"whiteout through a link", [][]entry{{link("a", "AROUND")}, {file("a/.wh.victim")}}, "unpacking a/.wh.victim: "},
		{"hard link out", [][]entry{{link("a", "AROUND"), hard("b", "a/victim")}}, "unpacking b: "},
		{"hard link to what is only outside", [][]entry{{hard("b", "../victim")}}, "unpacking b: "},
		{"hard link to what is not there", [][]entry{{hard("b", "a")}}, "unpacking b: "},
		{"whiteout of the folder itself", [][]entry{{file("a/x")}, {file("a/.wh..")}}, "unpacking a/.wh..: the whiteout names no file"},
		{"whiteout of the folder above", [][]entry{{file("a/x")}, {file("a/.wh...")}}, "unpacking a/.wh...: the whiteout names no file"},
		{"whiteout without a name", [][]entry{{file("a/x")}, {file("a/.wh.")}}, "unpacking a/.wh.: the whiteout names no file"},
		{"huge name", [][]entry{{file(long)}}, "unpacking " + long},
		{"kind that is not known", [][]entry{{{Name: "a", Typeflag: 'V'}}}, `unpacking a: its tar type 'V' is not known`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := unpackLayers(t, test.layers...)
			if err == nil || !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("got %v and %s, want an error that begins %q", err, got, test.err)
			}
		})
	}
}

// TestUnpackOwner checks which ids of the host files get. Only root may give files away.
func TestUnpackOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("files can only be given away by root: run the tests as root, too")
	}
	root := t.TempDir()
	mine, others := file("d/mine"), file("others")
	mine.Uid, mine.Gid, others.Uid = 1002, 1000, 7
	setuid := file("su")
	setuid.Mode, setuid.Uid = 0o4755, 1002
	alias := hard("alias", "d/mine")
	alias.Uid = 7
	owner := func(uid, gid int, mode fs.FileMode) (int, int, fs.FileMode) {
		if uid == 1002 {
			return 65432, gid, mode
		}
		return 0, 0, mode
	}
	if err := unpack.Image(image(t, layer(t, mine, others, setuid, alias, link("l", "others"))), root, owner, unpack.Limit{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range []string{"d", "d/mine", "others", "su", "alias", "l"} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			t.Fatal("the file system tells no owner")
		}
		got = append(got, fmt.Sprintf("%s %d:%d %s", name, stat.Uid, stat.Gid, info.Mode()))
	}
	want := []string{
		"d 0:0 drwxr-xr-x", "d/mine 65432:1000 -rw-r--r--", "others 0:0 -rw-r--r--", "su 65432:0 -rwxr-xr-x",
		"alias 65432:1000 -rw-r--r--", "l 0:0 Lrwxrwxrwx",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestReadOnlyFolder unpacks a folder that its owner may not write, and makes mount points in it.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	closed := func(int, int, fs.FileMode) (int, int, fs.FileMode) { return os.Getuid(), os.Getgid(), 0o444 }
	if err := unpack.Image(image(t, layer(t, dir("etc"), file("etc/hosts"))), root, closed, unpack.Limit{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "etc"), 0o755) })
	if err := unpack.MountPoints(root, []string{"etc/dev"}, []string{"etc/hosts", "etc/resolv.conf"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"etc": fs.ModeDir | 0o544, "etc/hosts": 0o444, "etc/dev": fs.ModeDir | 0o755, "etc/resolv.conf": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v (%v), want %v", name, info, err, want)
		}
	}
}

// TestUnpackDamaged has a layer that ends in the middle.
func TestUnpackDamaged(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&entry{Name: "a", Size: 1 << 20, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := unpack.Image(image(t, l), t.TempDir(), nil, unpack.Limit{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want that it ends too early", err)
	}
}

// damagedLayer is a layer with bytes behind its archive.
type damagedLayer struct {
	v1.Layer
	more string
}

func (d damagedLayer) Uncompressed() (io.ReadCloser, error) {
	stream, err := d.Layer.Uncompressed()
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(stream, strings.NewReader(d.more)), stream}, err
}

type damagedImage struct {
	v1.Image
	more string
}

func (d damagedImage) Layers() ([]v1.Layer, error) {
	layers, err := d.Image.Layers()
	return []v1.Layer{damagedLayer{layers[0], d.more}}, err
}

// TestDiffID reads a layer to its end and compares it with the configuration.
func TestDiffID(t *testing.T) {
	t.Parallel()
	i := image(t, layer(t, file("file")))
	for more, want := range map[string]string{"": "", "x": "a layer has the content sha256:"} {
		err := unpack.Image(damagedImage{i, more}, t.TempDir(), nil, unpack.Limit{})
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("with %q behind the archive: got %v, want %q", more, err, want)
		}
	}
}
