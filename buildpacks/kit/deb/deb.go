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
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
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
	members, err := unpack.NewAr(r)
	if err != nil {
		return nil, errors.New("it is not a Debian package")
	}
	version, m, err := members.Next()
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
	if err := p.member(members, "control.tar", maxControl, p.readControl); err != nil {
		return nil, err
	}
	if err := p.member(members, "data.tar", maxBytes, p.readData); err != nil {
		return nil, err
	}
	name, _, err := named(members)
	switch {
	case err == nil:
		return nil, fmt.Errorf("it has a member %q after data.tar", name)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("after data.tar: %w", err)
	}
	return p, nil
}

// member reads the next member, which must have the given name with a suffix for its compression, and unpack to
// no more than limit bytes.
func (p *Package) member(members *unpack.Ar, want string, limit int64, read func(io.Reader) error) error {
	name, m, err := named(members)
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
	plain, err := unpack.Decompress(m, suffix)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	defer plain.Close()
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

// named returns the next member that is for readers of today: deb(5) lets later ones add members whose names begin
// with an underscore. At the end of the archive the error is io.EOF.
func named(members *unpack.Ar) (string, io.Reader, error) {
	for {
		name, m, err := members.Next()
		if err != nil || !strings.HasPrefix(name, "_") {
			return name, m, err
		}
	}
}
