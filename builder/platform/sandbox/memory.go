package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folder is a folder of files that are in memory alone, or in the machine's swap space. They are gone when the last process of the
// sandbox is, even if it was killed: nothing of them reaches a file system of the host. The command cannot write there.
type Folder struct {
	Target string // absolute path inside; it has to exist in the root, or in what is bound there
	Files  []File
}

// File is a file or a link of a Folder.
type File struct {
	Path       string // in the folder, with slashes
	Content    []byte
	Link       string // where a link leads; empty for a file
	Executable bool
}

// inMemory returns a file in memory with what a value says, to be read from its beginning.
func inMemory(value any) (*os.File, error) {
	fd, err := unix.MemfdCreate("strata-sandbox", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "configuration")
	err = json.NewEncoder(file).Encode(value)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// mountFolder makes a folder in memory. The file system's ids are those of the command.
func mountFolder(f Folder) error {
	target := filepath.Join(".", f.Target)
	if err := inside(target); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mounting %s: %w", f.Target, err)
	}
	if err := f.fill(target); err != nil {
		return fmt.Errorf("writing to %s: %w", f.Target, err)
	}
	return protect(target, false)
}

// fill writes the files. None is written where a link of another leads.
func (f Folder) fill(target string) error {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range f.Files {
		if err := root.MkdirAll(path.Dir(file.Path), 0o755); err != nil {
			return err
		}
		if file.Link != "" {
			err = root.Symlink(file.Link, file.Path)
		} else {
			mode := os.FileMode(0o644)
			if file.Executable {
				mode = 0o755
			}
			err = root.WriteFile(file.Path, file.Content, mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
