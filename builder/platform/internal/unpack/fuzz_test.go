package unpack_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
)

// FuzzTar unpacks layers of images: nothing is written outside of the folder, and all in it is a file, a folder or a link.
func FuzzTar(f *testing.F) {
	contents := map[string]string{"a/b": "content"}
	f.Add(debtest.Tar(f, contents, dir("a/"), file("a/b"), link("a/c", "../../../beside"), file("a/c/x"), hard("d", "a/b")))
	f.Add(debtest.Tar(f, contents, link("a", "/"), file("a/b"), hard("x", "../beside/file")))
	f.Add(debtest.Tar(f, contents, file("../beside/file"), file("/x"), dir("x"), file(".wh.x"), file("a/.wh..wh..opq"), file(".wh...")))
	f.Fuzz(func(t *testing.T, layer []byte) {
		outer := t.TempDir()
		into, outside := filepath.Join(outer, "into"), filepath.Join(outer, "beside")
		for _, folder := range []string{into, outside} {
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(outside, "file"), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		failed := unpack.Tar(bytes.NewReader(layer), into, nil)
		content, err := os.ReadFile(filepath.Join(outside, "file"))
		entries, listErr := os.ReadDir(outside)
		above, aboveErr := os.ReadDir(outer)
		if string(content) != "mine" || len(entries) != 1 || len(above) != 2 || errors.Join(err, listErr, aboveErr) != nil {
			t.Errorf("outside is %q, %v, %v (%v, %v)", content, entries, above, err, failed)
		}
		err = filepath.WalkDir(into, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if kind := entry.Type(); kind&^(fs.ModeDir|fs.ModeSymlink) != 0 {
				t.Errorf("%s is %s", name, kind)
			}
			return nil
		})
		if err != nil && failed == nil && !errors.Is(err, syscall.ENAMETOOLONG) {
			t.Error(err)
		}
	})
}
