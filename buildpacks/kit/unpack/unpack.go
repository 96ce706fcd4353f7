// Package unpack writes the files of an archive into a folder without trusting the archive. It knows zip, tar (plain, gzip,
// xz or zstd) and Debian packages by their first bytes.
//
// Files go through os.Root: none is written outside of the folder. No symbolic link leads out of it either. Regular files
// get mode 0755 if their owner may execute them, else 0644. Folders get 0755 and are made for files alone. Owners, times,
// extended attributes, setuid and setgid bits are left out. Devices, pipes, sparse files and files that are there twice are
// refused, and so are hard links to anything but a file that was unpacked before.
//
// An archive may have 200,000 entries and unpack to 4 GB, unless Options says otherwise. Decompression takes 128 MB of
// memory at most. After an error the folder is of no use.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Options say what is unpacked.
type Options struct {
	// Strip is how many elements are cut off the beginning of each path. Entries with no more elements are left out.
	Strip int
	// Want reports whether a file or link is unpacked; nil means all. It gets the path after Strip.
	Want func(path string) bool
	// Place returns the path, clean and relative, at which a file or link is unpacked, and "" for one that is not; nil means the
	// path that it has. It gets the path after Strip. Want gets the place. Symbolic links keep their targets.
	Place func(path string) string
	// Entries and Bytes replace the limits of the package; 0 keeps them.
	Entries int
	Bytes   int64
}

const (
	// maxEntries is what an archive may list. The kernel's sources, the longest list in Debian, have 90,000 files.
	maxEntries = 200_000
	// maxBytes is what an archive may unpack to. The largest that are published, with drivers of graphics cards, have 3 GB.
	maxBytes = 4 << 30
	// maxTarget is how long the target of a symbolic link may be: Linux has no longer paths.
	maxTarget = 4095
)

// Archive unpacks an archive into a folder, which is made if it is not there.
func Archive(file, dir string, o Options) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	w := &writer{Options: o, root: root, regular: map[string]bool{}, folders: map[string]bool{}}
	if w.Entries == 0 {
		w.Entries = maxEntries
	}
	if w.Bytes == 0 {
		w.Bytes = maxBytes
	}
	if err := w.archive(f); err != nil {
		return err
	}
	return w.checkLinks()
}

// archive finds out what an archive is and unpacks it.
func (w *writer) archive(f *os.File) error {
	r := bufio.NewReaderSize(f, 1<<18)
	begin, err := r.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(begin, []byte("PK\x03\x04")), bytes.HasPrefix(begin, []byte("PK\x05\x06")): // with files, and without any
		return w.zip(f)
	case string(begin) == arMagic:
		return w.deb(r)
	}
	return w.tar(r)
}

// writer writes the files of one archive.
type writer struct {
	Options
	root    *os.Root
	entries int
	bytes   int64
	regular map[string]bool // regular files that were unpacked
	folders map[string]bool // folders that were made
	links   []string        // symbolic links that were unpacked
}

// entry is a file or a link of an archive.
type entry struct {
	path       string // clean, without what Strip left out
	executable bool
	target     string // of a link
}

// take counts an entry by its name in the archive, and returns its path and whether it is to be unpacked.
func (w *writer) take(name string) (string, bool, error) {
	if w.entries++; w.entries > w.Entries {
		return "", false, fmt.Errorf("it has more than %d entries", w.Entries)
	}
	clean, err := cleanPath(name)
	if err != nil {
		return "", false, err
	}
	clean = w.place(clean)
	return clean, clean != "" && clean != "." && (w.Want == nil || w.Want(clean)), nil
}

// place returns where a path of the archive is unpacked, "" for nowhere.
func (w *writer) place(clean string) string {
	for range w.Strip {
		_, clean, _ = strings.Cut(clean, "/")
	}
	if w.Place != nil && clean != "" && clean != "." {
		return w.Place(clean)
	}
	return clean
}

// cleanPath returns the clean form of a path of an archive, such as "./usr/bin/env". It refuses paths that lead out of the
// archive and paths that are not one line of text.
func cleanPath(name string) (string, error) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("the path %q is not printable", name)
	}
	if name == "" || path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("the path %q leads out of the archive", name)
	}
	return path.Clean(name), nil
}

// folder makes the folder of a file.
func (w *writer) folder(file string) error {
	dir := path.Dir(file)
	if w.folders[dir] {
		return nil
	}
	w.folders[dir] = true
	return w.root.MkdirAll(dir, 0o755)
}

// file writes a regular file.
func (w *writer) file(e entry, content io.Reader) error {
	if err := w.folder(e.path); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if e.executable {
		mode = 0o755
	}
	out, err := w.root.OpenFile(e.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(content, w.Bytes-w.bytes+1))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", e.path, err)
	}
	if w.bytes += n; w.bytes > w.Bytes {
		return fmt.Errorf("it unpacks to more than %d bytes", w.Bytes)
	}
	w.regular[e.path] = true
	return nil
}

// hardLink makes another name of a file that was unpacked.
func (w *writer) hardLink(e entry) error {
	if !w.regular[e.target] {
		return fmt.Errorf("%s is a hard link to %q, which is no file that was unpacked before", e.path, e.target)
	}
	if err := w.folder(e.path); err != nil {
		return err
	}
	w.regular[e.path] = true
	return w.root.Link(e.target, e.path)
}

// symlink makes a symbolic link. A target that begins with a slash starts at the folder, as in a root file system. The clean
// target has no ".." behind a name, so no later link can change whether this one stays in the folder.
func (w *writer) symlink(e entry) error {
	target := path.Clean(e.target)
	up := strings.Repeat("../", strings.Count(e.path, "/"))
	if path.IsAbs(target) {
		target = path.Clean(up + target[1:])
	}
	if e.target == "" || len(e.target) > maxTarget || strings.ContainsFunc(target, unicode.IsControl) {
		return fmt.Errorf("the symbolic link %s has no path as its target: %.40q", e.path, e.target)
	}
	if strings.HasPrefix(target+"/", up+"../") {
		return fmt.Errorf("the symbolic link %s leads out of the archive: %q", e.path, e.target)
	}
	if err := w.folder(e.path); err != nil {
		return err
	}
	w.links = append(w.links, e.path)
	return w.root.Symlink(target, e.path)
}

// checkLinks follows the symbolic links that were unpacked: several may lead out of the folder together.
func (w *writer) checkLinks() error {
	for _, link := range w.links {
		if _, err := w.root.Stat(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the symbolic link %s: %w", link, err)
		}
	}
	return nil
}
