package compose

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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
func hashOf(sum []byte) v1.Hash                    { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }
func digestOf(data []byte) v1.Hash                 { sum := sha256.Sum256(data); return hashOf(sum[:]) }

// pack writes the entries in their order, with headers as pack's. root begins their names: "/" in layers, as pack has it.
func pack(root string, entries []entry) (blob, error) {
	p, err := newPacker(root, gzip.BestCompression)
	if err != nil {
		return blob{}, err
	}
	for _, e := range entries {
		if err := p.add(e); err != nil {
			return blob{}, err
		}
	}
	return p.finish()
}

// compress returns what the packer makes of a layer's bytes.
func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compressing a layer: %w", err)
	}
	_, err = zip.Write(data)
	if err = errors.Join(err, zip.Close()); err != nil {
		return nil, fmt.Errorf("compressing a layer: %w", err)
	}
	return out.Bytes(), nil
}

// packer makes a layer of entries. The compressor is not the standard library's, whose output may change with each Go release.
type packer struct {
	root  string
	out   *bytes.Buffer
	zip   *gzip.Writer
	plain hash.Hash
	tar   *tar.Writer
}

// newPacker makes a packer that compresses as a level of gzip says.
func newPacker(root string, level int) (packer, error) {
	p := packer{root: root, out: new(bytes.Buffer), plain: sha256.New()}
	var err error
	if p.zip, err = gzip.NewWriterLevel(p.out, level); err != nil {
		return packer{}, fmt.Errorf("compressing a layer: %w", err)
	}
	p.tar = tar.NewWriter(io.MultiWriter(p.zip, p.plain))
	return p, nil
}

func (p packer) add(e entry) error {
	if err := e.write(p.tar, p.root); err != nil {
		return fmt.Errorf("writing %s into a layer: %w", e.name, err)
	}
	return nil
}

// finish ends the layer. Nothing can be added to it then.
func (p packer) finish() (blob, error) {
	if err := p.tar.Close(); err != nil {
		return blob{}, fmt.Errorf("writing a layer: %w", err)
	}
	if err := p.zip.Close(); err != nil {
		return blob{}, fmt.Errorf("compressing a layer: %w", err)
	}
	return blob{data: p.out.Bytes(), digest: digestOf(p.out.Bytes()), diffID: hashOf(p.plain.Sum(nil))}, nil
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
