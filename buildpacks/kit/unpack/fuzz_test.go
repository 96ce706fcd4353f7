package unpack_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// FuzzTar unpacks tar files, and FuzzZip and FuzzDeb the others: nothing is outside of the folder, and nothing in it leads out of it.
func FuzzTar(f *testing.F) {
	for _, h := range debtest.Hostile(f) {
		if _, tail, ok := strings.Cut(string(h.Deb), "data.tar        "); ok && len(tail) < 1<<12 {
			f.Add([]byte(tail[44:]))
		}
	}
	f.Fuzz(fuzzArchive)
}

// FuzzZip is FuzzTar for zips.
func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, file{"a/b", "content", 0o755}, file{"a/c", "b", fs.ModeSymlink | 0o777}))
	f.Add(zipOf(f, file{"../b", "content", 0o644}, file{"a", "../b", fs.ModeSymlink | 0o777}))
	f.Fuzz(fuzzArchive)
}

// FuzzDeb is FuzzTar for Debian packages.
func FuzzDeb(f *testing.F) {
	data := tarOf(f, file{"./a/b", "content", 0o755}, file{"./a/c", "../../b", fs.ModeSymlink | 0o777})
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(debtest.Raw(f, suffix, "Package: x\nVersion: 1\n", data))
	}
	f.Fuzz(fuzzArchive)
}

func fuzzArchive(t *testing.T, data []byte) {
	outer := t.TempDir()
	archive, dir := filepath.Join(outer, "archive"), filepath.Join(outer, "into")
	if err := os.WriteFile(archive, data, 0o644); err != nil {
		t.Fatal(err)
	}
	const most = 1 << 20
	failed := unpack.Archive(archive, dir, unpack.Options{Entries: 100, Bytes: most})
	if beside, err := os.ReadDir(outer); err != nil || len(beside) != 2 {
		t.Errorf("beside the archive and its folder: %v (%v)", beside, err)
	}
	sizes := map[uint64]int64{} // by inode: a hard link is no further file
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode().IsRegular() && info.Mode().Perm()&^0o755 == 0:
			sizes[info.Sys().(*syscall.Stat_t).Ino] = info.Size()
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := filepath.EvalSymlinks(name)
			if failed == nil && err == nil && to != dir && !strings.HasPrefix(to, dir+"/") {
				t.Errorf("%s leads to %s", name, to)
			}
		case !info.IsDir():
			t.Errorf("%s is %s", name, info.Mode())
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Error(err)
	}
	var size int64
	for _, one := range sizes {
		size += one
	}
	if size > most+1 {
		t.Errorf("it unpacks to %d bytes", size)
	}
}
