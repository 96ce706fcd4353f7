package unpack

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// tar unpacks a tar file, which may be compressed.
func (w *writer) tar(r io.Reader) error {
	b := bufio.NewReaderSize(r, 1<<16)
	suffix, err := suffixOf(b)
	if err != nil {
		return err
	}
	plain, err := Decompress(b, suffix)
	if err != nil {
		return err
	}
	defer plain.Close()
	for files := tar.NewReader(plain); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.tarEntry(h, files)
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) tarEntry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	path, wanted, err := w.take(h.Name)
	if err != nil || !wanted {
		return err
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") { // a few bytes could claim any size in zeros
			return fmt.Errorf("%s is a sparse file", path)
		}
	}
	e := entry{path: path, executable: h.Mode&0o100 != 0, target: h.Linkname}
	switch h.Typeflag {
	case tar.TypeReg:
		return w.file(e, content)
	case tar.TypeDir:
		return nil
	case tar.TypeSymlink:
		return w.symlink(e)
	case tar.TypeLink:
		if e.target, err = cleanPath(h.Linkname); err != nil {
			return err
		}
		e.target = w.place(e.target)
		return w.hardLink(e)
	}
	return fmt.Errorf("%s is a device, a pipe or of another kind that is not unpacked (tar type %q)", path, h.Typeflag)
}
