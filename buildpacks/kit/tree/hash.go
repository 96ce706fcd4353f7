// Package tree reads, copies and removes whole folders.
package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Entry is something below a folder: a file, a folder, a link, a pipe.
type Entry struct {
	fs.DirEntry
	Path string // that opens it
	Rel  string // relative to the folder, with slashes
}

// Hash returns a hash, in hexadecimal, of all below a folder: names, kinds, executable bits and contents. What skip reports is left
// out, a folder with all that is in it; skip may be nil. Files are never held in memory.
func Hash(dir string, skip func(Entry) bool) (string, error) {
	sums, err := Each(dir, skip, func(e Entry) (string, error) { return e.Sum() })
	if err != nil {
		return "", err
	}
	all := sha256.New()
	for _, s := range sums {
		fmt.Fprintf(all, "%q %s\n", s.Entry.Rel, s.Value)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

// Of is what was made of an entry.
type Of[T any] struct {
	Entry Entry
	Value T
}

// Each calls read with each entry below a folder, several at a time, and returns the results in the lexical order of paths. skip
// works as in Hash.
func Each[T any](dir string, skip func(Entry) bool, read func(Entry) (T, error)) ([]Of[T], error) {
	dir, err := filepath.EvalSymlinks(dir) // else the walk would end at the link
	if err != nil {
		return nil, err
	}
	var all []*Of[T]
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0) * 2)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		e := Entry{d, path, filepath.ToSlash(rel)}
		if skip != nil && skip(e) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		one := &Of[T]{Entry: e}
		all = append(all, one)
		group.Go(func() (err error) {
			one.Value, err = read(e)
			return err
		})
		return nil
	})
	// It waits whatever the walk says: the goroutines write into the results.
	if readErr := group.Wait(); err == nil {
		err = readErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	results := make([]Of[T], len(all))
	for i, one := range all {
		results[i] = *one
	}
	return results, nil
}

// buffers are for reading files.
var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// Sum returns the entry's kind, and of a link where it leads, of a file its executable bit and the hash of its content. The
// content is written to the given writers too.
func (e Entry) Sum(also ...io.Writer) (string, error) {
	switch {
	case e.IsDir():
		return "dir", nil
	case e.Type() == fs.ModeSymlink:
		to, err := os.Readlink(e.Path)
		return fmt.Sprintf("link %q", to), err
	case !e.Type().IsRegular():
		return e.Type().String(), nil
	}
	f, err := os.Open(e.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	buffer := buffers.Get().(*[128 << 10]byte)
	defer buffers.Put(buffer)
	// The file alone would bring its own way of copying along, and a buffer for it.
	_, err = io.CopyBuffer(io.MultiWriter(append(also, hash)...), struct{ io.Reader }{f}, buffer[:])
	return fmt.Sprintf("file %v %x", info.Mode()&0o100 != 0, hash.Sum(nil)), err
}
