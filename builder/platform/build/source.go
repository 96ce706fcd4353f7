package build

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Folder returns the absolute path of an app's folder. If there is no folder to read, the error is a fault.
func Folder(app string) (string, error) {
	if app == "" { // of a variable that is not set
		return "", fault.Fault{
			ID:   "app-missing",
			What: "there is no app to build: its folder has no name",
			Do:   "name it, or leave it out for this folder",
		}
	}
	path, err := filepath.Abs(app)
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", app, err)
	}
	missing := fault.Fault{ID: "app-missing", What: path + " is not a folder", Do: "name the folder that holds the app's source"}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		f, err := os.Open(path)
		if err == nil {
			return path, f.Close()
		}
		missing.ID, missing.What, missing.Do = "app-unreadable", "the folder "+path+" cannot be read", "give yourself the right to read it"
		missing.Err = fault.WithoutPath(err)
	} else if err != nil {
		missing.What, missing.Err = path+" cannot be read", fault.WithoutPath(err)
	}
	return "", missing
}

// source is an app on its way into a workspace.
type source struct {
	wait func() error // returns when the app is there
	hash string       // dirHash of the app as the buildpacks find it, in hexadecimal; to be read after wait
}

// copyApp begins to copy what keep keeps of an app's folder into a workspace, except the folder home. wait notes which files were left out.
func copyApp(ctx context.Context, app, home, workspace string, keep func(path string) bool, note func(string)) *source {
	s := &source{}
	copied := make(chan error, 1)
	var leftOut []string
	go func() {
		var err error
		if leftOut, err = copySource(ctx, app, home, workspace, keep); err == nil {
			s.hash, err = hashSource(workspace)
		}
		copied <- err
	}()
	s.wait = sync.OnceValue(func() error {
		err := <-copied
		if len(leftOut) > 0 {
			note("left out, because they are sockets, pipes, devices or strata's own files: " + strings.Join(leftOut, ", "))
		}
		return err
	})
	return s
}

// copySource copies what keep keeps of an app's folder into a workspace; nil keeps all. It returns what it left out: sockets, pipes and
// devices, which hold nothing to copy, and the folder home, in which the workspace is. A file that vanishes meanwhile counts as absent,
// and a folder as empty. Folders get the mode 0755, and so do files that their owner may execute. Other files get 0644. So the umask of
// whoever checked the source out does not reach the image.
func copySource(ctx context.Context, from, home, to string, keep func(path string) bool) (leftOut []string, err error) {
	if from, home, err = resolve(from, home); err != nil {
		return nil, err
	}
	uid, gid := sandbox.HostIDs()
	chown := uid != os.Getuid()
	made := map[string]bool{".": true}
	var group errgroup.Group
	group.SetLimit(8)
	walkErr := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		relative, relErr := filepath.Rel(from, path)
		if relErr = cmp.Or(relErr, ctx.Err()); relErr != nil {
			return relErr
		}
		if path == home {
			leftOut = append(leftOut, relative)
			return fs.SkipDir
		}
		// What is below a folder that is not kept may be kept.
		if keep != nil && relative != "." && !keep(filepath.ToSlash(relative)) {
			return nil
		}
		if err != nil {
			return vanished(err, relative)
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
			if made, err := copyLink(path, target); err != nil || !made {
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
	return leftOut, uncopied(walkErr)
}

// resolve returns the paths of an app's folder and of the folder of images without links. They have to be two.
func resolve(app, home string) (string, string, error) {
	app, err := filepath.EvalSymlinks(app) // a walk does not follow a link
	if err == nil {
		home, err = filepath.EvalSymlinks(home)
	}
	if err != nil {
		return "", "", fmt.Errorf("copying the app: %w", err)
	}
	if app == home {
		return "", "", fault.Fault{
			ID: "app-home", What: app + " is the folder in which strata keeps its images", Do: "name the folder of an app, or another STRATA_HOME",
		}
	}
	return app, home, nil
}

// uncopied explains why an app was not copied, if it was not.
func uncopied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fault.Fault{
			ID:   "app-unreadable",
			What: "a file of the app cannot be read",
			Err:  err,
			Do:   "give yourself the right to read it, or leave it out with exclude in project.toml",
		}
	}
	if err != nil {
		return fmt.Errorf("copying the app: %w", err)
	}
	return nil
}

// vanished is the error of a file that cannot be read, and nil if it is gone. The app's folder itself has to stay.
func vanished(err error, relative string) error {
	if errors.Is(err, fs.ErrNotExist) && relative != "." {
		return nil
	}
	return err
}

// makeFolder makes a folder of the workspace and those above it, unless made has them.
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

// copyLink copies a link, and reports whether it was still there.
func copyLink(from, to string) (made bool, err error) {
	target, err := os.Readlink(from)
	if err != nil {
		return false, vanished(err, from)
	}
	return true, os.Symlink(target, to)
}

// copyFile copies a file, unless it is gone. It follows no link that has taken the file's place.
func copyFile(from, to string, chown bool, uid, gid int) error {
	source, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return vanished(err, from)
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s was replaced while it was read", from)
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
	if err := tree.CopyContent(target, source, info.Size()); err != nil { // not what is appended meanwhile
		return err
	}
	if err := target.Chmod(mode); err != nil { // OpenFile applies the umask
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

// hashSource returns the digest of a folder's regular files in hexadecimal (in-toto/attestation, spec/v1/digest_set.md,
// "dirHash"). It is empty if the name of a file has a line break, because such a folder has no digest.
func hashSource(dir string) (string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		files = append(files, relative)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	if slices.ContainsFunc(files, func(file string) bool { return strings.Contains(file, "\n") }) {
		return "", nil
	}
	h1, err := dirhash.Hash1(files, func(file string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, file)) })
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	return hex.EncodeToString(sum), nil
}
