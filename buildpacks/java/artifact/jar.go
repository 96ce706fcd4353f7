package artifact

import (
	"archive/zip"
	"cmp"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// jarEntry is an entry of a jar that is made: a file, or else bytes.
type jarEntry struct {
	name   string
	member member
	data   []byte
}

// writeJar writes a jar that depends on its entries alone: the manifest first, the others by name, each of 1980 and not compressed. A layer
// is compressed as a whole, which makes less of classes than each by itself, and Java has nothing to unpack. Folders have entries too:
// without them nobody finds a package's classes by its name, as Spring does.
func writeJar(to string, entries []jarEntry) error {
	sorted := slices.Clone(entries)
	has := map[string]bool{".": true}
	for _, e := range entries {
		for folder := path.Dir(e.name); !has[folder]; folder = path.Dir(folder) {
			has[folder] = true
			sorted = append(sorted, jarEntry{name: folder + "/", data: []byte{}})
		}
	}
	slices.SortFunc(sorted, func(a, b jarEntry) int { return cmp.Or(a.rank()-b.rank(), strings.Compare(a.name, b.name)) })
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	z := zip.NewWriter(out)
	for _, e := range sorted {
		if err := writeEntry(z, e); err != nil {
			return errors.Join(jarFault(e.member.String(), "it cannot be read", err), out.Close())
		}
	}
	return errors.Join(z.Close(), out.Close())
}

// rank is 0 for the manifest's folder, 1 for the manifest, where Java looks for it, and 2 for the rest.
func (e jarEntry) rank() int {
	switch e.name {
	case path.Dir(manifestName) + "/":
		return 0
	case manifestName:
		return 1
	}
	return 2
}

// writeEntry writes an entry with its length and checksum before it, so that it can be read as a stream too. For this it is read twice.
func writeEntry(z *zip.Writer, e jarEntry) error {
	sum := crc32.NewIEEE()
	size, err := e.copy(sum)
	if err != nil {
		return err
	}
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: e.name, Method: zip.Store, CRC32: sum.Sum32(), CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
		ModifiedDate: 1<<5 | 1, // the first of January 1980
	})
	if err != nil {
		return err
	}
	_, err = e.copy(w)
	return err
}

func (e jarEntry) copy(to io.Writer) (int64, error) {
	if e.data != nil {
		n, err := to.Write(e.data)
		return int64(n), err
	}
	return e.member.copy(to)
}
