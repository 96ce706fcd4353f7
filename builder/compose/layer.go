package compose

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// modTime is the time of every file, the same as the lifecycle's and pack's,
// one second after the earliest that all archive formats can hold.
func modTime() time.Time { return time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC) }

// entry is one file, folder or symbolic link of a layer.
type entry struct {
	kind     byte   // a tar.Type
	name     string // relative to /, without a trailing slash
	mode     int64
	uid, gid int
	target   string // of a link
	data     []byte // of a file
}

func folder(name string) entry {
	return entry{kind: tar.TypeDir, name: name, mode: 0o755}
}

func file(name string, mode int64, data []byte) entry {
	return entry{kind: tar.TypeReg, name: name, mode: mode, data: data}
}

func symlink(name string, mode int64, target string) entry {
	return entry{kind: tar.TypeSymlink, name: name, mode: mode, target: target}
}

// blob is a compressed layer in memory; partial.CompressedToLayer does the rest.
type blob struct {
	data           []byte
	digest, diffID v1.Hash
}

func (b blob) Digest() (v1.Hash, error)            { return b.digest, nil }
func (b blob) DiffID() (v1.Hash, error)            { return b.diffID, nil }
func (b blob) Size() (int64, error)                { return int64(len(b.data)), nil }
func (b blob) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (b blob) Compressed() (io.ReadCloser, error)  { return io.NopCloser(bytes.NewReader(b.data)), nil }
func (b blob) layer() (v1.Layer, error)            { return partial.CompressedToLayer(b) }
func hash(sum []byte) v1.Hash                      { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }
func digestOf(data []byte) v1.Hash                 { sum := sha256.Sum256(data); return hash(sum[:]) }

// pack writes the entries in their order, with headers as pack's. root begins their names: "/" in layers, as pack has
// it. The compressor is not the standard library's, whose output may change with each Go release.
func pack(root string, entries []entry) (blob, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return blob{}, fmt.Errorf("compressing a layer: %w", err)
	}
	plain := sha256.New()
	w := tar.NewWriter(io.MultiWriter(zip, plain))
	for _, e := range entries {
		if err := e.write(w, root); err != nil {
			return blob{}, fmt.Errorf("writing %s into a layer: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return blob{}, fmt.Errorf("writing a layer: %w", err)
	}
	if err := zip.Close(); err != nil {
		return blob{}, fmt.Errorf("compressing a layer: %w", err)
	}
	return blob{data: out.Bytes(), digest: digestOf(out.Bytes()), diffID: hash(plain.Sum(nil))}, nil
}

func (e entry) write(w *tar.Writer, root string) error {
	h := &tar.Header{
		Typeflag: e.kind, Name: root + e.name, Linkname: e.target, Mode: e.mode,
		Uid: e.uid, Gid: e.gid, Size: int64(len(e.data)), ModTime: modTime(),
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(e.data)
	return err
}
