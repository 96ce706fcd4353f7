package export

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// clock is the time of all files and images, so that one input gives one digest. Platforms agree on it
// (platform.md, "Layer Content Metadata": reproducible).
var clock = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)

// archive is a layer that is not written yet: files in the order of its tar archive.
type archive []file

// file is a file of a layer.
type file struct {
	name     string      // absolute path in the image
	path     string      // on the host, if its content comes from there
	info     fs.FileInfo // of path
	header   *tar.Header // of a file that is not on the host, instead of info
	uid, gid int
}

// folder returns a layer with a folder of the host, which is name in the image: the folders above it, then all that is below
// it in lexical order. owner owns all of it.
func folder(host, name string, owner ids) (archive, error) {
	var layer archive
	for _, above := range parents(host, name) {
		info, err := os.Lstat(above.path)
		if err != nil {
			return nil, err
		}
		layer = append(layer, file{name: above.name, path: above.path, info: info, uid: owner.uid, gid: owner.gid})
	}
	err := filepath.Walk(host, func(found string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		relative := strings.TrimPrefix(found, host)
		layer = append(layer, file{name: name + relative, path: found, info: info, uid: owner.uid, gid: owner.gid})
		return nil
	})
	return layer, err
}

type place struct{ path, name string }

// parents returns the folders above a folder, the root excepted, outermost first.
func parents(host, name string) []place {
	var above []place
	for host, name = filepath.Dir(host), path.Dir(name); name != "/"; host, name = filepath.Dir(host), path.Dir(name) {
		above = append(above, place{host, name})
	}
	slices.Reverse(above)
	return above
}

// rootFolder is a folder that belongs to root.
func rootFolder(name string) file {
	return file{name: name, header: &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
}

// rootLink is a symbolic link that belongs to root.
func rootLink(name, target string) file {
	return file{name: name, header: &tar.Header{Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o755}}
}

// write writes the layer as a tar archive. Sockets are left out: they hold nothing.
func (a archive) write(w io.Writer) error {
	out := tar.NewWriter(w)
	for _, one := range a {
		if one.info != nil && one.info.Mode()&fs.ModeSocket != 0 {
			continue
		}
		if err := one.write(out); err != nil {
			return fmt.Errorf("writing %s to a layer: %w", one.name, err)
		}
	}
	return out.Close()
}

func (f file) write(out *tar.Writer) error {
	header := f.header
	if header == nil {
		var err error
		if header, err = tar.FileInfoHeader(f.info, ""); err != nil {
			return err
		}
	} else {
		copied := *header
		header = &copied
	}
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname, header.ModTime = f.name, f.uid, f.gid, "", "", clock
	if f.info != nil && f.info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(f.path)
		if err != nil {
			return err
		}
		header.Linkname = target
	}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	// Nothing of the build runs any more, so the file is still what the walk has found.
	content, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(out, content)
	return err
}
