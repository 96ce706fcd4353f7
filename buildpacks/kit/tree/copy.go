package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
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
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
}
