package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// size returns how many bytes a file has, or the files in a folder. A file of another kind has none, and neither has what is removed
// meanwhile or may not be read. No depth and no length of names stops it.
func size(path string) (int64, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		if !info.Mode().IsRegular() {
			return 0, nil
		}
		return info.Size(), nil
	}
	var m measurement
	if err == nil {
		err = m.walk(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return 0, fmt.Errorf("measuring %s: %w", path, err)
	}
	return m.bytes, nil
}

// measurement is a walk through folders. It has one open at a time, and goes from each to the next by their descriptors.
type measurement struct {
	bytes int64
	above []level // the folders on the way to the open one
}

// level is a folder.
type level struct {
	id    [2]uint64 // device and inode
	below []string  // the folders in it that are not measured yet
}

func (m *measurement) walk(dir string) error {
	at, here, err := openIn(unix.AT_FDCWD, dir)
	if err != nil {
		return err
	}
	defer func() { at.Close() }()
	m.list(at, &here)
	for len(here.below) > 0 || len(m.above) > 0 {
		if last := len(here.below) - 1; last >= 0 {
			name := here.below[last]
			here.below = here.below[:last]
			if down, level, err := openIn(int(at.Fd()), name); err == nil { // else it is gone, or may not be read
				at.Close()
				m.above = append(m.above, here)
				at, here = down, level
				m.list(at, &here)
			}
			continue
		}
		up, level, err := openIn(int(at.Fd()), "..")
		if err != nil {
			return err
		}
		at.Close()
		at, here = up, m.above[len(m.above)-1]
		m.above = m.above[:len(m.above)-1]
		if level.id != here.id {
			return errors.New("a folder was moved meanwhile")
		}
	}
	return nil
}

// list adds the sizes of the files in a folder, and notes the folders in it.
func (m *measurement) list(dir *os.File, here *level) {
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			var info unix.Stat_t
			if unix.Fstatat(int(dir.Fd()), name, &info, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue // it is gone
			}
			switch info.Mode & unix.S_IFMT {
			case unix.S_IFREG:
				m.bytes += info.Size
			case unix.S_IFDIR:
				here.below = append(here.below, name)
			}
		}
		if err != nil { // io.EOF, or the folder is gone
			return
		}
	}
}

// openIn opens a folder from which a way leads back: one that may be searched.
func openIn(dir int, name string) (*os.File, level, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, level{}, err
	}
	folder := os.NewFile(uintptr(fd), name)
	var info unix.Stat_t
	if err := unix.Fstatat(fd, ".", &info, 0); err != nil {
		folder.Close()
		return nil, level{}, err
	}
	return folder, level{id: [2]uint64{info.Dev, info.Ino}}, nil
}
