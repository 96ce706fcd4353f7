package store

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Owner tells which ids of the host a file gets whose image says uid and gid;
// nil leaves every file to the calling user.
type Owner func(uid, gid int) (hostUID, hostGID int)

// Unpack writes the file system of an image into an empty folder: layers in
// order, whiteouts honoured (image-spec, layer.md). Nothing is written outside
// the folder whatever a layer says; setuid bits and device files are left out.
func Unpack(image v1.Image, dir string, owner Owner) error {
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer root.Close()
	u := unpacker{root: root, owner: owner, directories: map[string]fs.FileMode{}}
	for _, layer := range layers {
		if err := u.layer(layer); err != nil {
			return err
		}
	}
	// A folder may be read-only, so modes come after contents.
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
	directories map[string]fs.FileMode
}

func (u *unpacker) layer(layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return fmt.Errorf("reading a layer: %w", err)
	}
	defer content.Close()
	archive := tar.NewReader(content)
	for {
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
		if err := u.entry(name, header, archive); err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
	}
}

func (u *unpacker) entry(name string, header *tar.Header, content io.Reader) error {
	dir, base := path.Split(name)
	if hidden, ok := strings.CutPrefix(base, ".wh."); ok {
		if hidden == ".wh..opq" {
			return errors.New("opaque folders are not supported")
		}
		return u.root.RemoveAll(dir + hidden)
	}
	if dir != "" {
		if err := u.root.MkdirAll(path.Clean(dir), 0o755); err != nil {
			return err
		}
	}
	mode := header.FileInfo().Mode().Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := u.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		u.directories[name] = mode | 0o700 | header.FileInfo().Mode()&fs.ModeSticky
	case tar.TypeReg:
		if err := u.file(name, mode, content); err != nil {
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
		return u.root.Link(strings.TrimPrefix(path.Clean("/"+header.Linkname), "/"), name)
	default:
		return nil
	}
	if u.owner == nil {
		return nil
	}
	uid, gid := u.owner(header.Uid, header.Gid)
	return u.root.Lchown(name, uid, gid)
}

func (u *unpacker) file(name string, mode fs.FileMode, content io.Reader) error {
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
	return f.Close()
}

// replace makes way for a file that an upper layer has too.
func (u *unpacker) replace(name string) error {
	err := u.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
