package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Copy copies a folder with all that is in it: files, folders and links, with their modes, whatever the umask. Pipes, sockets and
// devices are left out. The folder may be there already, with other things in it: it keeps its mode, and nothing is overwritten.
func Copy(from, to string) error {
	type folder struct {
		path string
		mode fs.FileMode
	}
	from, err := filepath.EvalSymlinks(from) // else the walk would end at the link
	if err != nil {
		return err
	}
	var folders []folder
	var group errgroup.Group
	group.SetLimit(8)
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			info, err := d.Info()
			if err != nil {
				return err
			}
			if made, err := makeFolder(target); err != nil || !made {
				return err
			}
			folders = append(folders, folder{target, info.Mode().Perm()})
			return nil
		case d.Type() == fs.ModeSymlink:
			end, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(end, target)
		case d.Type().IsRegular():
			group.Go(func() error { return copyFile(path, target) })
		}
		return nil
	})
	err = errors.Join(err, group.Wait())
	// Folders get their modes last, the deepest first: nothing can be made in one that may not be written.
	for _, f := range slices.Backward(folders) {
		err = errors.Join(err, os.Chmod(f.path, f.mode))
	}
	return err
}

// makeFolder makes a folder, and reports whether it was not there before.
func makeFolder(path string) (bool, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return false, nil
	}
	return true, os.MkdirAll(path, 0o755)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = CopyContent(out, in, info.Size())
	return errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
}

// CopyContent copies the first bytes of a file into an empty one. Parts that take no space in the one take none in the other.
func CopyContent(to, from *os.File, size int64) error {
	for at := int64(0); at < size; {
		start, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole is left
		}
		end := size
		if err == nil {
			end, err = unix.Seek(int(from.Fd()), start, unix.SEEK_HOLE)
		}
		if errors.Is(err, unix.EINVAL) { // a file system that knows no holes
			start, end, err = at, size, nil
		}
		if err != nil {
			return &fs.PathError{Op: "seek", Path: from.Name(), Err: err}
		}
		end = min(end, size)
		if start >= end {
			break
		}
		if _, err := from.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := to.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(to, io.LimitReader(from, end-start)); err != nil { // it may have become shorter
			return err
		}
		at = end
	}
	return to.Truncate(size)
}
