package platform

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// copySource copies an app's folder into the workspace of a build. Modes are
// 0755 for folders and for files that their owner may execute, 0644 for other
// files, so that the umask of whoever checked the source out does not reach the
// image. Sockets and pipes are left out and returned: they hold nothing to copy.
func copySource(from, to string) (leftOut []string, err error) {
	info, err := os.Stat(from)
	if err != nil || !info.IsDir() {
		return nil, fault.Fault{ID: "app-missing", What: from + " is not a folder", Do: "name the folder that holds the app's source"}
	}
	uid, gid := sandbox.HostIDs()
	chown := uid != os.Getuid()
	var group errgroup.Group
	group.SetLimit(8)
	walkErr := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case entry.IsDir():
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
		case entry.Type() == fs.ModeSymlink:
			if err := copyLink(path, target); err != nil {
				return err
			}
		case entry.Type().IsRegular():
			group.Go(func() error { return copyFile(path, target, chown, uid, gid) })
			return nil
		default:
			leftOut = append(leftOut, relative)
			return nil
		}
		if chown {
			return os.Lchown(target, uid, gid)
		}
		return nil
	})
	if err := group.Wait(); walkErr == nil {
		walkErr = err
	}
	if walkErr != nil {
		return nil, fmt.Errorf("copying the app: %w", walkErr)
	}
	return leftOut, nil
}

func copyLink(from, to string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

func copyFile(from, to string, chown bool, uid, gid int) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	if err := target.Chmod(mode); err != nil { // the umask had a say in OpenFile
		return err
	}
	if chown {
		if err := target.Chown(uid, gid); err != nil {
			return err
		}
	}
	if err := target.Close(); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
