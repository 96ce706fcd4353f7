// Package debtest makes small packages and signed archives for tests.
package debtest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Tar returns a tar file with the given entries. A regular file's content is its PAX-free header's Size in the
// letter x unless content is given under its name.
func Tar(t testing.TB, content map[string]string, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		body := content[h.Name]
		h.Size = int64(len(body))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Compress packs b as the suffix of a member's name says: "", ".gz", ".xz" or ".zst". An xz file is not any smaller.
func Compress(t testing.TB, suffix string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch suffix {
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".xz":
		return stored(b)
	case ".zst":
		w, err = zstd.NewWriter(&out)
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Member is a file of an ar archive.
type Member struct {
	Name string
	Data []byte
}

// Ar returns an ar archive.
func Ar(members ...Member) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range members {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.Name, 0, 0, 0, "100644", len(m.Data))
		b.Write(m.Data)
		if len(m.Data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// Raw returns a .deb with the given control file and data.tar, packed as suffix says.
func Raw(t testing.TB, suffix, control string, data []byte) []byte {
	t.Helper()
	c := Tar(t, map[string]string{"./control": control}, tar.Header{Name: "./control"})
	return Ar(
		Member{"debian-binary", []byte("2.0\n")},
		Member{"control.tar" + suffix, Compress(t, suffix, c)},
		Member{"data.tar" + suffix, Compress(t, suffix, data)},
	)
}

// Deb is a package as a test describes it.
type Deb struct {
	Name, Version, Depends, Provides string
	// Arch is the architecture, "" for amd64.
	Arch string
	// Security puts the package into the security archive.
	Security bool
	// Files maps paths to contents: a path that ends with a slash is a folder, a content that begins with
	// "-> " a symbolic link. Parent folders are made, and a copyright file unless the folder it belongs into is a link.
	Files map[string]string
	// Extra are put behind the files as they are, empty.
	Extra []tar.Header
}

// Control returns the package's control file.
func (d Deb) Control() string {
	s := "Package: " + d.Name + "\nVersion: " + d.Version + "\nArchitecture: " + d.arch() + "\nMaintainer: Nobody <nobody@example.test>\n"
	if d.Depends != "" {
		s += "Depends: " + d.Depends + "\n"
	}
	if d.Provides != "" {
		s += "Provides: " + d.Provides + "\n"
	}
	return s + "Description: " + d.Name + " for a test\n"
}

func (d Deb) arch() string { return cmp.Or(d.Arch, "amd64") }

// Build returns the package's bytes.
func (d Deb) Build(t testing.TB) []byte {
	t.Helper()
	files := maps.Clone(d.Files)
	if files == nil {
		files = map[string]string{}
	}
	doc := "/usr/share/doc/" + d.Name
	if files[doc] == "" && files[doc+"/copyright"] == "" {
		files[doc+"/copyright"] = "nobody's\n"
	}
	headers, content := tree(files)
	return Raw(t, ".xz", d.Control(), Tar(t, content, append(headers, d.Extra...)...))
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func tree(files map[string]string) ([]tar.Header, map[string]string) {
	headers := map[string]tar.Header{}
	content := map[string]string{}
	for path, body := range files {
		name := "." + path
		for i := range strings.TrimSuffix(name, "/") {
			if name[i] == '/' {
				headers[name[:i+1]] = tar.Header{Name: name[:i+1], Typeflag: tar.TypeDir, Mode: 0o755}
			}
		}
		target, link := strings.CutPrefix(body, "-> ")
		switch {
		case strings.HasSuffix(path, "/"):
			headers[name] = tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
		case link:
			headers[name] = tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}
		default:
			headers[name] = tar.Header{Name: name, Mode: 0o644}
			content[name] = body
		}
	}
	return sorted(headers), content
}
