package unpack

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// arMagic is the line every ar archive begins with.
const arMagic = "!<arch>\n"

// Ar reads the members of an ar archive (deb(5)) in their order.
type Ar struct {
	r      io.Reader
	member io.Reader
}

// NewAr begins to read an ar archive.
func NewAr(r io.Reader) (*Ar, error) {
	var b [len(arMagic)]byte
	if _, err := io.ReadFull(r, b[:]); err != nil || string(b[:]) != arMagic {
		return nil, errors.New("it is no ar archive")
	}
	return &Ar{r: r, member: strings.NewReader("")}, nil
}

// Next passes over what is left of a member and returns the name of the next one and its content. The error is io.EOF at
// the end of the archive.
func (a *Ar) Next() (string, io.Reader, error) {
	if _, err := io.Copy(io.Discard, a.member); err != nil {
		return "", nil, fmt.Errorf("reading the next member: %w", err)
	}
	var h [60]byte
	if _, err := io.ReadFull(a.r, h[:]); err != nil {
		return "", nil, fmt.Errorf("reading the next member: %w", err)
	}
	if h[58] != '`' || h[59] != '\n' {
		return "", nil, errors.New("an ar header is damaged")
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(h[48:58])), 10, 62)
	if err != nil {
		return "", nil, errors.New("an ar header has no size")
	}
	a.member = &arMember{r: a.r, left: int64(size), pad: int64(size % 2)}
	return strings.TrimSuffix(strings.TrimSpace(string(h[:16])), "/"), a.member, nil
}

// arMember ends at the end of its member and swallows the padding byte.
type arMember struct {
	r         io.Reader
	left, pad int64
}

func (m *arMember) Read(p []byte) (int, error) {
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

// deb unpacks the files of a Debian package: those of its member data.tar.
func (w *writer) deb(r io.Reader) error {
	members, err := NewAr(r)
	if err != nil {
		return err
	}
	for {
		name, member, err := members.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("it has no member data.tar")
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, "data.tar") {
			return w.tar(member)
		}
	}
}
