package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// settle is how long files must rest: a change often is of many, one after the other.
const settle = 100 * time.Millisecond

// interesting are the events of a folder that is watched. A file that is made counts when it is complete.
const interesting = syscall.IN_CLOSE_WRITE | syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_FROM | syscall.IN_MOVED_TO |
	syscall.IN_ONLYDIR

// watcher is told by the kernel what happens in folders (inotify(7)).
type watcher struct {
	fd      int // os.File.Fd would make the file one without deadlines
	events  *os.File
	folders map[int32]string
}

func watch(folders []string) (*watcher, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if errors.Is(err, syscall.EMFILE) {
		return nil, errors.New("the machine watches for too many programs; raise fs.inotify.max_user_instances")
	}
	if err != nil {
		return nil, fmt.Errorf("watching files: %w", err)
	}
	w := &watcher{fd: fd, events: os.NewFile(uintptr(fd), "inotify"), folders: map[int32]string{}}
	for _, dir := range folders {
		if err := w.add(dir); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// add watches a folder and all below it.
func (w *watcher) add(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != root:
			return nil // it went away meanwhile
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case path != root && ignored(entry.Name()):
			return fs.SkipDir
		}
		number, err := syscall.InotifyAddWatch(w.fd, path, interesting)
		if errors.Is(err, syscall.ENOSPC) {
			return errors.New("the machine watches too many folders; raise fs.inotify.max_user_watches")
		}
		if err != nil {
			return fmt.Errorf("watching %s: %w", path, err)
		}
		w.folders[int32(number)] = path
		return nil
	})
}

// ignored reports whether changes of a file or folder do not matter: what editors and version control keep for themselves,
// and packages.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || name == "node_modules"
}

// next waits until something has changed and rests, and returns the first file of it.
func (w *watcher) next() (string, error) {
	buffer := make([]byte, 64<<10)
	for changed := ""; ; {
		var deadline time.Time // none as long as nothing has changed
		if changed != "" {
			deadline = time.Now().Add(settle)
		}
		if err := w.events.SetReadDeadline(deadline); err != nil {
			return "", err
		}
		n, err := w.events.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return changed, nil
		}
		if err != nil {
			return "", err
		}
		file, err := w.read(buffer[:n])
		if err != nil {
			return "", err
		}
		if changed == "" {
			changed = file
		}
	}
}

// read returns the first file that one of the events is about, "" when none matters.
func (w *watcher) read(events []byte) (changed string, err error) {
	for len(events) >= syscall.SizeofInotifyEvent {
		number, mask := int32(binary.NativeEndian.Uint32(events)), binary.NativeEndian.Uint32(events[4:])
		end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name, _, _ := strings.Cut(string(events[syscall.SizeofInotifyEvent:end]), "\x00")
		events = events[end:]
		path := filepath.Join(w.folders[number], name)
		switch {
		case mask&syscall.IN_Q_OVERFLOW != 0:
			path = "more than the kernel can tell"
		case mask&syscall.IN_IGNORED != 0:
			delete(w.folders, number)
			continue
		case ignored(name):
			continue
		case mask&syscall.IN_ISDIR != 0 && mask&(syscall.IN_CREATE|syscall.IN_MOVED_TO) != 0:
			if err := w.add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		case mask&syscall.IN_CREATE != 0:
			if info, err := os.Lstat(path); err != nil || info.Mode().IsRegular() {
				continue // its end is an event of its own
			}
		}
		if changed == "" {
			changed = path
		}
	}
	return changed, nil
}
