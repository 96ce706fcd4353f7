package platform

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
)

// copySource copies what keep, if there is one, keeps of an app's folder into the workspace of a build. Modes are
// 0755 for folders and for files that their owner may execute, 0644 for other
// files, so that the umask of whoever checked the source out does not reach the
// image. Sockets and pipes are left out and returned: they hold nothing to copy.
func copySource(from, to string, keep func(path string) bool) (leftOut []string, err error) {
	if from, err = filepath.EvalSymlinks(from); err != nil { // else the walk would end at the link
		return nil, fmt.Errorf("copying the app: %w", err)
	}
	uid, gid := sandbox.HostIDs()
	chown := uid != os.Getuid()
	made := map[string]bool{".": true}
	var group errgroup.Group
	group.SetLimit(8)
	walkErr := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		relative, relErr := filepath.Rel(from, path)
		if relErr != nil {
			return relErr
		}
		// What is below a folder that is left out may be kept.
		if keep != nil && relative != "." && !keep(filepath.ToSlash(relative)) {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		folder := filepath.Dir(relative)
		if entry.IsDir() {
			folder = relative
		}
		if err := makeFolder(to, folder, made, chown); err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return nil
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

// makeFolder makes a folder of the workspace, and those above it, that are not made yet.
func makeFolder(workspace, relative string, made map[string]bool, chown bool) error {
	if made[relative] {
		return nil
	}
	if err := makeFolder(workspace, filepath.Dir(relative), made, chown); err != nil {
		return err
	}
	made[relative] = true
	path := filepath.Join(workspace, relative)
	if err := os.Mkdir(path, 0o755); err != nil || !chown {
		return err
	}
	uid, gid := sandbox.HostIDs()
	return os.Lchown(path, uid, gid)
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
