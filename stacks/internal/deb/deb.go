// Package deb reads .deb files without trusting them: deb(5) ar archives with compressed tar files inside.
package deb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Package is an unpacked .deb.
type Package struct {
	// Control is the control file as it is, with one newline at its end.
	Control []byte
	// MD5Sums maps paths (no leading slash) to what the package says their MD5 is.
	MD5Sums map[string]string
	// Files are the package's files in the order of the archive.
	Files []File
}

// File is an entry of a package's file system.
type File struct {
	// Path is clean and relative: "usr/bin/env".
	Path string
	Type Type
	// Mode holds permissions and the sticky bit as chmod(2) takes them; setuid and setgid are always off.
	Mode     int64
	UID, GID int
	// Link is the target: of a Symlink as it is, of a HardLink the path of a Regular file before it.
	Link string
	// Data is the content of a Regular file. It must not be changed.
	Data []byte
}

// Type is a kind of file.
type Type byte

// The kinds of file that a package may hold. Devices, pipes and sockets are refused.
const (
	Regular Type = iota
	Dir
	Symlink
	HardLink
)

// Limits on what a package may unpack to.
const (
	maxBytes   = 2 << 30
	maxEntries = 200_000
	maxControl = 16 << 20
)

// Open reads the package at path.
func Open(path string) (*Package, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(bufio.NewReaderSize(f, 1<<18))
}

// Read reads a package in one pass.
func Read(r io.Reader) (*Package, error) {
	if err := magic(r); err != nil {
		return nil, err
	}
	version, m, err := next(r)
	if err != nil {
		return nil, err
	}
	if version != "debian-binary" {
		return nil, fmt.Errorf("its first member is %q, not debian-binary", version)
	}
	b, err := io.ReadAll(io.LimitReader(m, 64))
	if err != nil {
		return nil, fmt.Errorf("reading debian-binary: %w", err)
	}
	if !bytes.HasPrefix(b, []byte("2.")) {
		return nil, fmt.Errorf("its format is %q, not 2.x", strings.TrimSpace(string(b)))
	}
	p := &Package{}
	if err := p.member(r, "control.tar", p.readControl); err != nil {
		return nil, err
	}
	if err := p.member(r, "data.tar", p.readData); err != nil {
		return nil, err
	}
	return p, nil
}

// member reads the next member of r, which must have the given name with a suffix for its compression.
func (p *Package) member(r io.Reader, want string, read func(io.Reader) error) error {
	name, m, err := next(r)
	if err != nil {
		return err
	}
	suffix, ok := strings.CutPrefix(name, want)
	if !ok {
		return fmt.Errorf("it has a member %q where %s was expected", name, want)
	}
	plain, err := decompress(m, suffix)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if err := read(plain); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	// What follows the end of the tar file must go by before the next member begins.
	if _, err := io.Copy(io.Discard, m); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

func decompress(r io.Reader, suffix string) (io.Reader, error) {
	switch suffix {
	case "":
		return r, nil
	case ".gz":
		return gzip.NewReader(r)
	case ".xz":
		return xz.NewReader(bufio.NewReaderSize(r, 1<<18))
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBytes))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("compression %q is not known", suffix)
}

// magic reads the line every ar archive begins with.
func magic(r io.Reader) error {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil || string(b[:]) != "!<arch>\n" {
		return errors.New("it is not a Debian package")
	}
	return nil
}

// next reads an ar header (60 bytes) and returns the member with its padding behind it consumed at its end.
func next(r io.Reader) (string, io.Reader, error) {
	var h [60]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", nil, fmt.Errorf("reading the next member: %w", err)
	}
	if h[58] != '`' || h[59] != '\n' {
		return "", nil, errors.New("an ar header is damaged")
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	if err != nil || size < 0 {
		return "", nil, errors.New("an ar header has no size")
	}
	name := strings.TrimSuffix(strings.TrimSpace(string(h[:16])), "/")
	return name, &memberReader{r: r, left: size, pad: size % 2}, nil
}

// memberReader ends at the end of its member and swallows the padding byte.
type memberReader struct {
	r         io.Reader
	left, pad int64
}

func (m *memberReader) Read(p []byte) (int, error) {
	if m.left == 0 {
		if m.pad == 1 {
			m.pad = 0
			// The last member's padding may be missing.
			_, _ = io.CopyN(io.Discard, m.r, 1)
		}
		return 0, io.EOF
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	if errors.Is(err, io.EOF) && m.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
