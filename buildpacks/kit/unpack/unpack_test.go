package unpack_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// file is an entry of an archive that a test makes.
type file struct {
	name, content string // the target of a link
	mode          fs.FileMode
}

// tarOf makes a tar file; a mode with ModeIrregular is that of a hard link.
func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var headers []tar.Header
	contents := map[string]string{}
	for _, f := range files {
		h := tar.Header{Name: f.name, Mode: int64(f.mode.Perm()), Typeflag: tar.TypeReg}
		switch f.mode.Type() {
		case fs.ModeDir:
			h.Typeflag = tar.TypeDir
		case fs.ModeSymlink:
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.content
		case fs.ModeIrregular:
			h.Typeflag, h.Linkname = tar.TypeLink, f.content
		case fs.ModeNamedPipe:
			h.Typeflag = tar.TypeFifo
		case fs.ModeDevice:
			h.Typeflag = tar.TypeBlock
		default:
			contents[f.name] = f.content
		}
		headers = append(headers, h)
	}
	return debtest.Tar(t, contents, headers...)
}

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(f.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts an archive into a file.
func write(t *testing.T, archive []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var tool = []file{
	{"tool-1.0/", "", fs.ModeDir | 0o700},
	{"tool-1.0/bin/tool", "#!/bin/sh\n", 0o775 | fs.ModeSetuid},
	{"tool-1.0/LICENSE", "MIT", 0o600},
	{"tool-1.0/empty/folder/", "", fs.ModeDir | 0o755},
	{"tool-1.0/share/doc/tool.1", "man", 0o644},
	{"tool-1.0/bin/alias", "tool", fs.ModeSymlink | 0o777},
	{"tool-1.0/lib/current", "./x/../../LICENSE", fs.ModeSymlink | 0o777},
	{"tool-1.0/lib/root", "/bin", fs.ModeSymlink | 0o777},
	{"tool-1.0/lib/absent", "nowhere", fs.ModeSymlink | 0o777},
	{"README", "is left out", 0o644},
}

// TestArchive unpacks the same files of each kind of archive, without documents.
func TestArchive(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"bin/": "dir 0755", "bin/tool": "file 0755 a8076d3d", "bin/alias": "symlink tool", "LICENSE": "file 0644 e5dcffe8",
		"lib/": "dir 0755", "lib/current": "symlink ../LICENSE", "lib/root": "symlink ../bin", "lib/absent": "symlink nowhere",
	}
	plain := tarOf(t, tool...)
	archives := map[string][]byte{"tar": plain, "zip": zipOf(t, tool...)}
	for _, suffix := range []string{".gz", ".xz", ".zst"} {
		archives["tar"+suffix] = debtest.Compress(t, suffix, plain)
		archives["deb"+suffix] = debtest.Raw(t, suffix, "Package: tool\n", plain)
	}
	for name, archive := range archives {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new", "folder")
			options := unpack.Options{Strip: 1, Want: func(path string) bool { return !strings.HasPrefix(path, "share/") }}
			if err := unpack.Archive(write(t, archive), dir, options); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestHardLink unpacks a file under two names.
func TestHardLink(t *testing.T) {
	t.Parallel()
	archive := write(t, tarOf(t, file{"a/b", "text", 0o644}, file{"a/c/d", "./a/b", fs.ModeIrregular}))
	dir := t.TempDir()
	if err := unpack.Archive(archive, dir, unpack.Options{Strip: 1}); err != nil {
		t.Fatal(err)
	}
	b, errB := os.Stat(filepath.Join(dir, "b"))
	d, errD := os.Stat(filepath.Join(dir, "c", "d"))
	if errB != nil || errD != nil || !os.SameFile(b, d) {
		t.Errorf("they are two files: %v, %v", errB, errD)
	}
}

// TestHostile unpacks what must be refused. One golden file has all the errors, and nothing is written outside.
func TestHostile(t *testing.T) {
	t.Parallel()
	const link, hard = fs.ModeSymlink | 0o777, fs.ModeIrregular
	many := make([]file, 30)
	for i := range many {
		many[i] = file{fmt.Sprint("d", i, "/"), "", fs.ModeDir | 0o755}
	}
	tests := []struct {
		name  string
		files []file
	}{
		{"path up", []file{{"../x", "", 0o644}}},
		{"path up in the middle", []file{{"a/../../x", "", 0o644}}},
		{"path up and down", []file{{"a/../x", "", 0o644}}},
		{"absolute path", []file{{"/x", "", 0o644}}},
		{"no path", []file{{"", "x", 0o644}}},
		{"two lines", []file{{"a\nb", "", 0o644}}},
		{"no UTF-8", []file{{"a\xff", "", 0o644}}},
		{"file twice", []file{{"a", "1", 0o644}, {"./a", "2", 0o644}}},
		{"file over a link", []file{{"a", "b", link}, {"a", "", 0o644}}},
		{"file below a file", []file{{"a", "", 0o644}, {"a/b", "", 0o644}}},
		{"link up", []file{{"a/b", "../../x", link}}},
		{"link up behind a name", []file{{"a/b", "c/../../../x", link}}},
		{"link without a target", []file{{"a", "", link}}},
		{"link of two lines", []file{{"a", "b\nc", link}}},
		{"link to itself", []file{{"a", "a", link}}},
		{"long link", []file{{"a", strings.Repeat("x/", 4000), link}}},
		{"links that lead out together", []file{{"here", ".", link}, {"here/deep", "../x", link}}},
		{"file through a link up", []file{{"a", "..", link}, {"a/x", "", 0o644}}},
		{"hard link up", []file{{"a", "../x", hard}}},
		{"hard link to an absolute path", []file{{"a", "/etc/passwd", hard}}},
		{"hard link to what is not there", []file{{"a", "b", hard}}},
		{"hard link to what comes later", []file{{"a", "b", hard}, {"b", "", 0o644}}},
		{"hard link to a link", []file{{"a", "b", link}, {"c", "a", hard}}},
		{"hard link to what is not wanted", []file{{"not wanted", "", 0o644}, {"a", "not wanted", hard}}},
		{"pipe", []file{{"a", "", fs.ModeNamedPipe}}},
		{"device", []file{{"a", "", fs.ModeDevice}}},
		{"entries", many},
		{"bytes", []file{{"a", strings.Repeat("x", 60), 0o644}, {"b", strings.Repeat("x", 60), 0o644}}},
	}
	var got strings.Builder
	for _, test := range tests {
		archives := map[string]func(testing.TB, ...file) []byte{"tar": tarOf, "zip": zipOf}
		for _, kind := range []string{"tar", "zip"} {
			if kind == "zip" && strings.HasPrefix(test.name, "hard link") {
				continue
			}
			above := t.TempDir()
			options := unpack.Options{Entries: 20, Bytes: 100, Want: func(path string) bool { return path != "not wanted" }}
			err := unpack.Archive(write(t, archives[kind](t, test.files...)), filepath.Join(above, "dir"), options)
			if err == nil {
				t.Errorf("%s in a %s was unpacked", test.name, kind)
				continue
			}
			fmt.Fprintf(&got, "%s, %s: %v\n", test.name, kind, err)
			for path := range kittest.Tree(t, above) {
				if !strings.HasPrefix(path, "dir/") {
					t.Errorf("%s in a %s left %s", test.name, kind, path)
				}
			}
		}
	}
	kittest.Golden(t, "hostile.txt", got.String())
}

// TestDamaged cuts archives off.
func TestDamaged(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("text ", 1000)
	for name, archive := range map[string][]byte{
		"tar": tarOf(t, file{"a", content, 0o644}), "zip": zipOf(t, file{"a", content, 0o644}),
		"gz":          debtest.Compress(t, ".gz", tarOf(t, file{"a", content, 0o644})),
		"xz":          debtest.Compress(t, ".xz", tarOf(t, file{"a", content, 0o644})),
		"zst":         debtest.Compress(t, ".zst", tarOf(t, file{"a", content, 0o644})),
		"deb":         debtest.Raw(t, "", "Package: a\n", tarOf(t, file{"a", content, 0o644})),
		"no data.tar": debtest.Ar(debtest.Member{Name: "debian-binary", Data: []byte("2.0\n")}),
	} {
		cut := archive
		if name != "no data.tar" {
			cut = archive[:len(archive)*2/3]
		}
		if err := unpack.Archive(write(t, cut), t.TempDir(), unpack.Options{}); err == nil {
			t.Errorf("a %s that is cut off was unpacked", name)
		}
	}
	if err := unpack.Archive(write(t, []byte("<html>not found</html>")), t.TempDir(), unpack.Options{}); err == nil {
		t.Error("text was unpacked")
	}
}

// TestPlace puts files elsewhere, hard links to them too, and leaves out what has no place.
func TestPlace(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "a.tar")
	content := tarOf(t, file{"./usr/bin/tool", "program", 0o755}, file{"usr/bin/same", "usr/bin/tool", fs.ModeIrregular},
		file{"usr/lib/tool/alias", "../lib.so", fs.ModeSymlink}, file{"usr/share/doc", "text", 0o644})
	if err := os.WriteFile(archive, content, 0o644); err != nil {
		t.Fatal(err)
	}
	place := func(path string) string {
		if inner, found := strings.CutPrefix(path, "share/"); found {
			return strings.TrimPrefix(inner, "doc")
		}
		return "prefix/" + path
	}
	dir := t.TempDir()
	if err := unpack.Archive(archive, dir, unpack.Options{Strip: 1, Place: place}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"prefix/": "dir 0755", "prefix/bin/": "dir 0755", "prefix/bin/tool": "file 0755 1310ca2c", "prefix/bin/same": "file 0755 1310ca2c",
		"prefix/lib/": "dir 0755", "prefix/lib/tool/": "dir 0755", "prefix/lib/tool/alias": "symlink ../lib.so",
	}
	if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	outside := func(path string) string { return "../" + path }
	if err := unpack.Archive(archive, filepath.Join(dir, "inner"), unpack.Options{Place: outside}); err == nil {
		t.Error("a place outside of the folder is no error")
	}
}
