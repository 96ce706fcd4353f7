// Package deb reads .deb files without trusting them: deb(5) ar archives with compressed tar files inside.
//
// Nothing is written to disk. What a package must not hold is an error; three things are left out instead, as
// dpkg's users expect of an image: setuid and setgid bits, extended attributes, and maintainer scripts.
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
	"github.com/therootcompany/xz"
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

// Limits on what a package may hold. All of it is in memory at once, and a small archive can unpack to anything.
const (
	// maxBytes is what data.tar may unpack to, headers included. The largest package of the stacks has 60 MB, a
	// whole Rust or LLVM toolchain 300 MB.
	maxBytes = 1 << 30
	// maxEntries is what data.tar may list; the kernel's sources, the longest list in Debian, have 90,000.
	maxEntries = 200_000
	// maxControl is what control.tar may unpack to: mostly checksums, 100 bytes for each of maxEntries.
	maxControl = 20 << 20
	// maxVersion is the size of debian-binary, "2.0" and a newline, with some room.
	maxVersion = 64
	// maxWindow is the memory that an xz block or a zstd frame may ask for, in a header of some bytes: zstd asks for no
	// more at its highest level, xz for half of it.
	maxWindow = 128 << 20
	// maxPath and maxName are what Linux can have: PATH_MAX without its NUL, and NAME_MAX.
	maxPath, maxName = 4095, 255
	// maxID is the highest uid and gid in an image: a container often has no more.
	maxID = 65535
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
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it ends where debian-binary was expected")
	}
	if err != nil {
		return nil, err
	}
	if version != "debian-binary" {
		return nil, fmt.Errorf("its first member is %q, not debian-binary", version)
	}
	b, err := io.ReadAll(&limitReader{r: m, left: maxVersion, limit: maxVersion})
	if err != nil {
		return nil, fmt.Errorf("reading debian-binary: %w", err)
	}
	if !bytes.HasPrefix(b, []byte("2.")) {
		return nil, fmt.Errorf("its format is %q, not 2.x", strings.TrimSpace(string(b)))
	}
	p := &Package{}
	if err := p.member(r, "control.tar", maxControl, p.readControl); err != nil {
		return nil, err
	}
	if err := p.member(r, "data.tar", maxBytes, p.readData); err != nil {
		return nil, err
	}
	name, _, err := named(r)
	switch {
	case err == nil:
		return nil, fmt.Errorf("it has a member %q after data.tar", name)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after data.tar: %w", err)
	}
	return p, nil
}

// member reads the next member of r, which must have the given name with a suffix for its compression, and unpack to
// no more than limit bytes.
func (p *Package) member(r io.Reader, want string, limit int64, read func(io.Reader) error) error {
	name, m, err := named(r)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it ends where %s was expected", want)
	}
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
	limited := &limitReader{r: plain, left: limit, limit: limit}
	if err := read(limited); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	// What follows the end of the tar file goes by, so that the checksum behind it is looked at and the next member
	// begins in its place.
	for _, rest := range []io.Reader{limited, m} {
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return nil
}

// limitReader fails, unlike io.LimitReader, when there is more than its limit.
type limitReader struct {
	r           io.Reader
	left, limit int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than %d bytes", l.limit)
	}
	return n, err
}

func decompress(r io.Reader, suffix string) (io.Reader, error) {
	switch suffix {
	case "":
		return r, nil
	case ".gz":
		return gzip.NewReader(r)
	case ".xz":
		return xz.NewReader(r, maxWindow)
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
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

// named returns the next member that is for readers of today: deb(5) lets later ones add members whose names begin
// with an underscore. At the end of the archive the error is io.EOF.
func named(r io.Reader) (string, io.Reader, error) {
	for {
		name, m, err := next(r)
		if err != nil || !strings.HasPrefix(name, "_") {
			return name, m, err
		}
		if _, err := io.Copy(io.Discard, m); err != nil {
			return "", nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
}

// next reads an ar header (60 bytes) and returns the member, which consumes its padding at its end.
func next(r io.Reader) (string, io.Reader, error) {
	var h [60]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", nil, fmt.Errorf("reading the next member: %w", err)
	}
	if h[58] != '`' || h[59] != '\n' {
		return "", nil, errors.New("an ar header is damaged")
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(h[48:58])), 10, 62)
	if err != nil {
		return "", nil, errors.New("an ar header has no size")
	}
	name := strings.TrimSuffix(strings.TrimSpace(string(h[:16])), "/")
	return name, &memberReader{r: r, left: int64(size), pad: int64(size % 2)}, nil
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
