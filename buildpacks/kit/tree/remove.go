package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxDepth is how many folders Remove holds open, one below the other.
const maxDepth = 32

// Remove removes a file or a folder with all that is in it, folders that their owner may not read or write to included, as the Go
// module cache has them. It is no error if there is nothing. Remove follows no link below the folder of path, whatever another
// process puts there meanwhile. No depth and no length of names stops it: a folder that lies too deep is first moved up.
func Remove(path string) error {
	path = filepath.Clean(path)
	parent, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	return (&removal{above: parent}).entry(parent, filepath.Base(path), 0)
}

// removal is a removal under way.
type removal struct {
	above *os.File // the folder of what is removed, which is not changed otherwise
	top   *os.File // the folder to remove, once it is open
	done  int      // how many entries were removed or moved up
	moved int      // the last number that a folder got which was moved up
}

// entry removes an entry of a folder that lies depth folders below the top.
func (r *removal) entry(in *os.File, name string, depth int) error {
	err := r.unlink(in, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	if depth == maxDepth {
		return r.moveUp(in, name)
	}
	dir, err := openFolder(in, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if depth == 0 {
		r.top = dir
	}
	for {
		before := r.done
		left := r.contents(dir, depth+1)
		switch err := r.unlink(in, name, unix.AT_REMOVEDIR); {
		case err == nil:
			return nil
		case r.done == before && left != nil:
			return left
		case r.done == before:
			return err
		}
		// A folder need not list what was moved into it, or what came after something that was removed: it is read again.
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// contents removes what a folder lists. Its error is the first of those that it met; it goes on after each.
func (r *removal) contents(dir *os.File, depth int) (first error) {
	for {
		names, err := dir.Readdirnames(128)
		for _, name := range names {
			if err := r.entry(dir, name, depth); err != nil && first == nil {
				first = err
			}
		}
		if errors.Is(err, io.EOF) {
			return first
		}
		if err != nil {
			return err
		}
	}
}

// unlink removes a file or an empty folder, if it is there.
func (r *removal) unlink(in *os.File, name string, flags int) error {
	err := unix.Unlinkat(int(in.Fd()), name, flags)
	if errors.Is(err, unix.EACCES) && in != r.above {
		if err = in.Chmod(0o700); err == nil {
			err = unix.Unlinkat(int(in.Fd()), name, flags)
		}
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: filepath.Join(in.Name(), name), Err: err}
	}
	r.done++
	return nil
}

// moveUp moves a folder into the top folder.
func (r *removal) moveUp(in *os.File, name string) error {
	for {
		r.moved++
		to := ".removed-" + strconv.Itoa(r.moved)
		err := unix.Renameat(int(in.Fd()), name, int(r.top.Fd()), to)
		if errors.Is(err, unix.EACCES) {
			// The move writes to the folders on both sides, and to the entry ".." of what it moves.
			if err = errors.Join(in.Chmod(0o700), r.top.Chmod(0o700), unlock(in, name)); err == nil {
				err = unix.Renameat(int(in.Fd()), name, int(r.top.Fd()), to)
			}
		}
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTDIR) {
			continue // something has this name; each number is tried once
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return &fs.PathError{Op: "move up", Path: filepath.Join(in.Name(), name), Err: err}
		}
		r.done++
		return nil
	}
}

// openFolder opens a folder in a folder, and follows no link. If the owner may not read it, it makes it readable first.
func openFolder(in *os.File, name string) (*os.File, error) {
	fd, err := openAt(in, name, unix.O_RDONLY)
	if errors.Is(err, unix.EACCES) {
		if err = unlock(in, name); err == nil {
			fd, err = openAt(in, name, unix.O_RDONLY)
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(in.Name(), name), Err: err}
	}
	return os.NewFile(uintptr(fd), filepath.Join(in.Name(), name)), nil
}

// unlock lets the owner of a folder read and change it. A folder that cannot be read has no descriptor that fchmod(2) takes, but it
// has one with a name in /proc.
func unlock(in *os.File, name string) error {
	fd, err := openAt(in, name, unix.O_PATH)
	if err != nil {
		return err
	}
	return errors.Join(unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), 0o700), unix.Close(fd))
}

func openAt(in *os.File, name string, flags int) (int, error) {
	return unix.Openat(int(in.Fd()), name, flags|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// Empty removes all that is in a folder except the named entries.
func Empty(dir string, kept ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(kept, entry.Name()) {
			continue
		}
		if err := Remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Only removes all that is in a folder except what is kept. kept gets paths relative to the folder, with slashes. A
// kept folder stays whole. A folder above something kept stays too, with that alone.
func Only(dir string, kept func(rel string) bool) error {
	_, err := only(dir, ".", kept)
	return err
}

// only does it for one folder, and reports whether nothing is left in it.
func only(dir, rel string, kept func(string) bool) (empty bool, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, rel))
	if err != nil {
		return false, err
	}
	empty = true
	for _, entry := range entries {
		name := path.Join(rel, entry.Name())
		gone := !kept(name)
		if gone && entry.IsDir() {
			if gone, err = only(dir, name, kept); err != nil {
				return false, err
			}
		}
		if !gone {
			empty = false
			continue
		}
		if err := Remove(filepath.Join(dir, name)); err != nil {
			return false, err
		}
	}
	return empty, nil
}
