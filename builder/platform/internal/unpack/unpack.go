// Package unpack writes the file system of an image into a folder.
package unpack

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Owner returns the ids and the mode that a file has on the host, from those that the image gives it. Without an Owner,
// every file belongs to the calling user, and every folder can be written.
type Owner func(uid, gid int, mode fs.FileMode) (hostUID, hostGID int, hostMode fs.FileMode)

// Image writes the file system of an image into an empty folder: layers in order, with their whiteouts (image-spec,
// layer.md). Whatever a layer says, nothing is written outside the folder: a path that leads out of it through a link is
// an error. Setuid bits, device files and pipes are left out. Each layer is read to its end and has to be what the configuration
// says (image-spec, config.md, "Layer DiffID"). An image that is larger than limit allows is a fault.
func Image(image v1.Image, dir string, owner Owner, limit Limit) error {
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers: %w", err)
	}
	size, err := limit.of(layers)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(layers) {
		return fmt.Errorf("the image has %d layers, its configuration %d", len(layers), len(config.RootFS.DiffIDs))
	}
	return into(dir, owner, func(u *unpacker) error {
		u.size = size
		for i, layer := range layers {
			if err := u.layer(layer, config.RootFS.DiffIDs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tar is Image for one layer, uncompressed.
func Tar(content io.Reader, dir string, owner Owner) error {
	return into(dir, owner, func(u *unpacker) error { return u.archive(content) })
}

// into has write write to a folder, and then gives the folders in it their modes: a folder may be read-only.
func into(dir string, owner Owner, write func(*unpacker) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer root.Close()
	u := &unpacker{root: root, owner: owner, directories: map[string]fs.FileMode{}}
	if err := write(u); err != nil {
		return err
	}
	for name, mode := range u.directories {
		if err := root.Chmod(name, mode); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("setting the mode of %s: %w", name, err)
		}
	}
	return nil
}

type unpacker struct {
	root        *os.Root
	owner       Owner
	size        size
	directories map[string]fs.FileMode
	// fresh holds what the present layer has written, parents included. The layer's whiteouts hide only what lower layers
	// have.
	fresh map[string]bool
}

func (u *unpacker) layer(layer v1.Layer, diffID v1.Hash) error {
	stream, err := layer.Uncompressed()
	if err != nil {
		return fmt.Errorf("reading a layer: %w", err)
	}
	defer stream.Close()
	sum := sha256.New()
	content := io.TeeReader(stream, sum)
	if err := u.archive(content); err != nil {
		return err
	}
	// The archive may end before the file does, whose sums are at its end.
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fmt.Errorf("reading a layer: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != diffID.Hex {
		return fmt.Errorf("a layer has the content sha256:%s; the configuration says %s", got, diffID)
	}
	return nil
}

// archive writes a layer's files.
func (u *unpacker) archive(content io.Reader) error {
	u.fresh = map[string]bool{}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a layer: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if name == "" {
			continue
		}
		if err := u.size.add(header.Size); err != nil {
			return err
		}
		if err := u.entry(name, header, archive); err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
	}
}

func (u *unpacker) entry(name string, header *tar.Header, content io.Reader) error {
	dir, base := path.Split(name)
	if hidden, ok := strings.CutPrefix(base, ".wh."); ok {
		return u.whiteout(path.Clean(dir), hidden)
	}
	if dir != "" {
		if err := u.root.MkdirAll(path.Clean(dir), 0o755); err != nil {
			return err
		}
	}
	mode, own := header.FileInfo().Mode().Perm(), fs.FileMode(0o700)
	var uid, gid int
	if u.owner != nil {
		uid, gid, mode = u.owner(header.Uid, header.Gid, mode)
		own = 0o500
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if err := u.directory(name); err != nil {
			return err
		}
		u.directories[name] = mode | own | header.FileInfo().Mode()&fs.ModeSticky
	case tar.TypeReg, tar.TypeGNUSparse:
		if err := u.file(name, mode, header.ModTime, content); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if err := u.replace(name); err != nil {
			return err
		}
		if err := u.root.Symlink(header.Linkname, name); err != nil {
			return err
		}
	case tar.TypeLink:
		if err := u.replace(name); err != nil {
			return err
		}
		if err := u.root.Link(strings.TrimPrefix(path.Clean("/"+header.Linkname), "/"), name); err != nil {
			return err
		}
		u.keep(name)
		return nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo, tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("its tar type %q is not known", header.Typeflag)
	}
	u.keep(name)
	if u.owner == nil {
		return nil
	}
	return u.root.Lchown(name, uid, gid)
}

// file writes a file. It gets its time as engines give it: programs such as Java compare files by their times.
func (u *unpacker) file(name string, mode fs.FileMode, made time.Time, content io.Reader) error {
	if err := u.replace(name); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	if err := f.Chmod(mode | 0o400); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return u.root.Chtimes(name, made, made)
}

// directory makes a folder unless it is there. It replaces anything else that has the name.
func (u *unpacker) directory(name string) error {
	info, err := u.root.Lstat(name)
	if err == nil && info.IsDir() {
		return nil
	}
	if err := u.replace(name); err != nil {
		return err
	}
	return u.root.Mkdir(name, 0o755)
}

// keep marks what the present layer has written, and the folders above it.
func (u *unpacker) keep(name string) {
	for ; name != "." && !u.fresh[name]; name = path.Dir(name) {
		u.fresh[name] = true
	}
}

// opaque is the name of the whiteout that hides everything that lower layers have in its folder.
const opaque = ".wh..opq"

// whiteout hides what lower layers have. What the present layer has stays, wherever in the layer it comes.
func (u *unpacker) whiteout(dir, hidden string) error {
	switch hidden {
	case "", ".", "..":
		return errors.New("the whiteout names no file")
	case opaque:
		return u.hideAll(dir)
	}
	return u.hide(path.Join(dir, hidden))
}

func (u *unpacker) hide(name string) error {
	if u.fresh[name] {
		return u.hideAll(name)
	}
	return u.replace(name)
}

func (u *unpacker) hideAll(dir string) error {
	info, err := u.root.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(u.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := u.hide(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// replace removes what a lower layer has under a name.
func (u *unpacker) replace(name string) error {
	info, err := u.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return u.root.Remove(name)
	}
	maps.DeleteFunc(u.directories, func(dir string, _ fs.FileMode) bool { return dir == name || strings.HasPrefix(dir, name+"/") })
	return u.root.RemoveAll(name)
}

// MountPoints makes the folders and empty files that a sandbox needs in an unpacked file system, by their paths in it.
// What is there stays as it is.
func MountPoints(dir string, folders, files []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("making mount points: %w", err)
	}
	defer root.Close()
	for _, folder := range folders {
		if err := add(root, folder, func() error { return root.MkdirAll(folder, 0o755) }); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	for _, file := range files {
		if err := add(root, file, func() error { return root.WriteFile(file, nil, 0o644) }); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	return nil
}

// add makes a file or folder unless it is there, also in a folder that its owner may not write.
func add(root *os.Root, name string, create func() error) error {
	if _, err := root.Stat(name); err == nil {
		return nil
	}
	above := path.Dir(name)
	if info, err := root.Stat(above); err == nil && info.Mode()&0o200 == 0 {
		if err := root.Chmod(above, info.Mode()|0o200); err != nil {
			return err
		}
		defer func() { _ = root.Chmod(above, info.Mode()) }() // it was possible before
	}
	return create()
}
