package deb

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// readControl takes control and md5sums from control.tar. Maintainer scripts are not even read.
func (p *Package) readControl(r io.Reader) error {
	t := tar.NewReader(io.LimitReader(r, maxControl))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch path.Clean(h.Name) {
		case "control":
			b, err := io.ReadAll(t)
			if err != nil {
				return err
			}
			p.Control = append(bytes.TrimSpace(b), '\n')
		case "md5sums":
			b, err := io.ReadAll(t)
			if err != nil {
				return err
			}
			p.MD5Sums = parseSums(string(b))
		}
	}
	if p.Control == nil {
		return errors.New("there is no control file")
	}
	return nil
}

// parseSums reads lines of "<md5>  <path>".
func parseSums(text string) map[string]string {
	sums := map[string]string{}
	for line := range strings.Lines(text) {
		if sum, name, ok := strings.Cut(strings.TrimRight(line, "\n"), "  "); ok {
			sums[path.Clean(name)] = sum
		}
	}
	return sums
}

// readData takes the files from data.tar.
func (p *Package) readData(r io.Reader) error {
	t := tar.NewReader(r)
	// seen has every path so far, and whether it is a regular file.
	seen := map[string]bool{}
	left := int64(maxBytes)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= maxEntries {
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		f, err := newFile(h)
		if err != nil {
			return err
		}
		if _, ok := seen[f.Path]; ok {
			return fmt.Errorf("%s is there twice", f.Path)
		}
		seen[f.Path] = f.Type == Regular || f.Type == HardLink
		switch f.Type {
		case Regular:
			if left -= h.Size; left < 0 {
				return fmt.Errorf("it unpacks to more than %d bytes", int64(maxBytes))
			}
			// A header may claim any size; memory beyond a first piece is only given to bytes that are there.
			b := bytes.NewBuffer(make([]byte, 0, min(h.Size, 8<<20)+bytes.MinRead))
			if _, err := b.ReadFrom(t); err != nil {
				return fmt.Errorf("reading %s: %w", f.Path, err)
			}
			f.Data = b.Bytes()
		case HardLink:
			if f.Link == f.Path || !seen[f.Link] {
				return fmt.Errorf("%s is a hard link to %q, which is no file of this package", f.Path, f.Link)
			}
		}
		if f.Path != "." {
			p.Files = append(p.Files, f)
		}
	}
}

// newFile checks a tar header.
func newFile(h *tar.Header) (File, error) {
	name, err := relative(h.Name)
	if err != nil {
		return File{}, err
	}
	f := File{Path: name, Mode: h.Mode & 0o1777, UID: h.Uid, GID: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		f.Type = Dir
	case tar.TypeSymlink:
		f.Type, f.Mode, f.Link = Symlink, 0o777, h.Linkname
		if climbs(name, h.Linkname) {
			return File{}, fmt.Errorf("symbolic link %s leads out of the file system: %q", name, h.Linkname)
		}
	case tar.TypeLink:
		f.Type = HardLink
		if f.Link, err = relative(h.Linkname); err != nil {
			return File{}, fmt.Errorf("hard link %s: %w", name, err)
		}
	default:
		return File{}, fmt.Errorf("%s is a device, pipe or socket (tar type %q)", name, h.Typeflag)
	}
	return f, nil
}

// relative returns the clean form of a name such as "./usr/bin/env".
func relative(name string) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("the path %q is absolute", name)
	case strings.ContainsRune(name, 0), name == "":
		return "", fmt.Errorf("the path %q is not allowed", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("the path %q leads out of the package", name)
		}
	}
	return path.Clean(name), nil
}

// climbs reports whether a symbolic link has more ".." than folders above it.
func climbs(name, target string) bool {
	depth := strings.Count(name, "/")
	if strings.HasPrefix(target, "/") {
		depth = 0
	}
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "..":
			if depth--; depth < 0 {
				return true
			}
		case "", ".":
		default:
			depth++
		}
	}
	return target == ""
}
