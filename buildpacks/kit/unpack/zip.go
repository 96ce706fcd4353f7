package unpack

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// zip unpacks a zip. Where it was not made on Unix it has no modes, and no file is executable.
func (w *writer) zip(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	files, err := zip.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	for _, file := range files.File {
		if err := w.zipEntry(file); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) zipEntry(file *zip.File) error {
	path, wanted, err := w.take(file.Name)
	if err != nil || !wanted || strings.HasSuffix(file.Name, "/") {
		return err
	}
	mode := file.Mode()
	if mode.Type() != 0 && mode.Type() != fs.ModeSymlink {
		return fmt.Errorf("%s is neither a file nor a link (%s)", path, mode)
	}
	content, err := file.Open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer content.Close()
	e := entry{path: path, executable: mode&0o100 != 0}
	if mode.IsRegular() {
		return w.file(e, content)
	}
	target, err := io.ReadAll(io.LimitReader(content, maxTarget+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	e.target = string(target)
	return w.symlink(e)
}
