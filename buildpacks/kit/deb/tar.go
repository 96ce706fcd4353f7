package deb

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readControl takes control and md5sums from control.tar. Maintainer scripts are not even read.
func (p *Package) readControl(r io.Reader) error {
	var sums []byte
	texts := map[string]*[]byte{"control": &p.Control, "md5sums": &sums}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		text, ok := texts[name]
		if !ok {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is no file (tar type %q)", name, h.Typeflag)
		}
		if *text != nil {
			return fmt.Errorf("%s is there twice", name)
		}
		if *text, err = io.ReadAll(t); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	if p.Control == nil {
		return errors.New("there is no control file")
	}
	p.Control = append(bytes.TrimSpace(p.Control), '\n')
	if err := checkControl(string(p.Control)); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	var err error
	if p.MD5Sums, err = parseSums(string(sums)); err != nil {
		return fmt.Errorf("md5sums: %w", err)
	}
	return nil
}

// checkControl makes sure that the text is one stanza of fields: it becomes a part of dpkg's list of packages, which
// an empty line in it would add a package to.
func checkControl(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it is not UTF-8")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		name, _, field := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
			return errors.New("it has an empty line")
		case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
			return fmt.Errorf("line %q has a control character", line)
		case line[0] != ' ' && line[0] != '\t' && (!field || name == "" || strings.ContainsAny(name, " \t")):
			return fmt.Errorf("line %q is no field", line)
		}
	}
	return nil
}

// parseSums reads lines of "<md5>  <path>".
func parseSums(text string) (map[string]string, error) {
	sums := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		sum, name, _ := strings.Cut(line, "  ")
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 16 || name == "" {
			return nil, fmt.Errorf("line %q is not a hash and a path", line)
		}
		sums[path.Clean(name)] = sum
	}
	return sums, nil
}

// readData takes the files from data.tar.
func (p *Package) readData(r io.Reader) error {
	t := tar.NewReader(r)
	s := seen{}
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
		if err := s.add(f); err != nil {
			return err
		}
		if f.Type == Regular {
			if h.Size > maxBytes {
				return fmt.Errorf("%s has %d bytes, and the limit is %d", f.Path, h.Size, int64(maxBytes))
			}
			// A header may claim any size; memory beyond a first piece is only given to bytes that are there.
			b := bytes.NewBuffer(make([]byte, 0, min(h.Size, 8<<20)+bytes.MinRead))
			if _, err := b.ReadFrom(t); err != nil {
				return fmt.Errorf("reading %s: %w", f.Path, err)
			}
			f.Data = b.Bytes()
		}
		if f.Path != "." {
			p.Files = append(p.Files, f)
		}
	}
}

// seen has every path so far. One that is only known as the parent of another is a Dir that may still come.
type seen map[string]struct {
	Type
	parent bool
}

// add refuses a path that is there already, one below something that is no folder, and a hard link to no file.
func (s seen) add(f File) error {
	if e, ok := s[f.Path]; ok && (!e.parent || f.Type != Dir) {
		if e.parent {
			return fmt.Errorf("%s is no folder, and there are files below it", f.Path)
		}
		return fmt.Errorf("%s is there twice", f.Path)
	}
	if to, ok := s[f.Link]; f.Type == HardLink && (!ok || to.Type != Regular && to.Type != HardLink) {
		return fmt.Errorf("%s is a hard link to %q, which is no file of this package", f.Path, f.Link)
	}
	for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
		e, ok := s[dir]
		if ok && e.Type != Dir {
			return fmt.Errorf("%s is below %s, which is no folder", f.Path, dir)
		}
		if !ok {
			e.Type, e.parent = Dir, true
			s[dir] = e
		}
	}
	e := s[f.Path]
	e.Type, e.parent = f.Type, false
	s[f.Path] = e
	return nil
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
		if err := allowed(f.Link); err != nil {
			return File{}, fmt.Errorf("symbolic link %s: %w", name, err)
		}
		if climbs(name, f.Link) {
			return File{}, fmt.Errorf("symbolic link %s leads out of the file system: %q", name, f.Link)
		}
	case tar.TypeLink:
		f.Type = HardLink
		if f.Link, err = relative(h.Linkname); err != nil {
			return File{}, fmt.Errorf("hard link %s: %w", name, err)
		}
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return File{}, fmt.Errorf("%s is a device or a pipe (tar type %q)", name, h.Typeflag)
	default:
		return File{}, fmt.Errorf("%s is of a kind that packages do not have (tar type %q)", name, h.Typeflag)
	}
	switch {
	case name == "." && f.Type != Dir:
		return File{}, errors.New("the package's root is no folder")
	case f.UID < 0 || f.UID > maxID || f.GID < 0 || f.GID > maxID:
		return File{}, fmt.Errorf("%s belongs to %d:%d, and the highest id is %d", name, f.UID, f.GID, maxID)
	}
	for key := range h.PAXRecords {
		// A few bytes could claim any size in zeros; dpkg does not know such files either.
		if strings.HasPrefix(key, "GNU.sparse.") {
			return File{}, fmt.Errorf("%s is a sparse file", name)
		}
	}
	return f, nil
}

// relative returns the clean form of a name such as "./usr/bin/env".
func relative(name string) (string, error) {
	if err := allowed(name); err != nil {
		return "", err
	}
	if strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("the path %q is absolute", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("the path %q leads out of the package", name)
		}
	}
	return path.Clean(name), nil
}

// allowed refuses paths that cannot be unpacked and those that are more than one line, or not text, in the lists of
// files that images and this repository have.
func allowed(name string) error {
	if len(name) > maxPath {
		return fmt.Errorf("the path %q… has %d bytes, and the limit is %d", name[:32], len(name), maxPath)
	}
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("the path %q is empty or not printable", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return fmt.Errorf("the path has a name %q… of %d bytes, and the limit is %d", part[:32], len(part), maxName)
		}
	}
	return nil
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
	return false
}
