package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Damage is the error of a blob that is not what its digest says.
type Damage struct {
	Digest v1.Hash
	Why    string

	file *witness // of the damaged file; nil if there is none
}

func (d *Damage) Error() string {
	if d.Digest.Hex == "" { // a manifest may name none, and then its path is the folder of all blobs
		return "a blob without a digest " + d.Why
	}
	return fmt.Sprintf("the blob %s %s", d.Digest, d.Why)
}

// Repair is the command that finds all damaged blobs.
const Repair = "`strata verify --repair`"

// Explain makes a fault of the error of reading an image if it is that of a damaged blob. remedy is how the image is made.
func (s *Store) Explain(image, remedy string, err error) error {
	if known := (fault.Fault{}); err == nil || errors.As(err, &known) || !errors.As(err, new(*Damage)) {
		return err
	}
	do := Repair + " says what else is damaged"
	if remedy != "" {
		do = remedy + "; " + do
	}
	return fault.Fault{ID: "image-damaged", What: image + " is damaged in " + s.dir, Err: err, Do: do}
}

// unreadable is the error of a blob whose file cannot be opened.
func unreadable(digest v1.Hash, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Damage{Digest: digest, Why: "is missing"}
	}
	return fmt.Errorf("reading the blob %s: %w", digest, err)
}

// Check returns the size of a good blob in bytes. It hashes a blob only if its file is not known to be good. The error of a
// damaged one is a *Damage, and then the blob is out of the way.
func (b Blobs) Check(digest v1.Hash) (int64, error) {
	info, err := os.Stat(b.Path(digest))
	if err != nil {
		return 0, unreadable(digest, err)
	}
	if b.seen.has(digest, witnessOf(info)) || b.checked(digest, witnessOf(info)) {
		return info.Size(), nil
	}
	f, err := os.Open(b.Path(digest))
	if err != nil {
		return 0, unreadable(digest, err)
	}
	defer f.Close()
	seen, err := b.compare(digest, f)
	if err != nil {
		return 0, b.setAside(err)
	}
	b.seen.add(digest, seen)
	return seen.size, nil
}

// CheckAll is Check for the configuration and the layers of an image. Their sizes have to be those that the manifest says.
func (b Blobs) CheckAll(image v1.Image) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	for _, d := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		size, err := b.Check(d.Digest)
		if err == nil && size != d.Size {
			err = wrongSize(d, size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wrongSize is the error of a manifest that says the wrong size of a good blob.
func wrongSize(d v1.Descriptor, size int64) error {
	return fmt.Errorf("the manifest says that the blob %s has %d bytes; it has %d", d.Digest, d.Size, size)
}

// compare hashes a file and returns what was hashed. The error of a file with another digest is a *Damage.
func (b Blobs) compare(digest v1.Hash, f *os.File) (witness, error) {
	info, err := f.Stat()
	if err != nil {
		return witness{}, fmt.Errorf("reading the blob %s: %w", digest, err)
	}
	sum := sha256.New()
	seen := witnessOf(info)
	if _, err := io.Copy(sum, f); err != nil {
		return seen, &Damage{digest, "cannot be read: " + fault.WithoutPath(err).Error(), &seen}
	}
	return seen, differs(digest, sum, seen)
}

// differs returns a *Damage if a file has another digest than its name says.
func differs(digest v1.Hash, sum hash.Hash, file witness) error {
	got := hex.EncodeToString(sum.Sum(nil))
	switch {
	case got == digest.Hex:
		return nil
	case file.size == 0:
		return &Damage{digest, "is empty", &file}
	}
	return &Damage{digest, fmt.Sprintf("has %d bytes with another digest, sha256:%s", file.size, got[:12]), &file}
}

// setAside moves a damaged blob out of the way, and returns its error.
func (b Blobs) setAside(err error) error {
	if b.untouched {
		return err
	}
	if moveErr := b.move(err); moveErr != nil {
		return fmt.Errorf("%w, and it is not moved aside: %w", err, moveErr)
	}
	return err
}

// move moves a damaged blob into the folder of damaged ones. A file that has replaced it since it was read stays.
func (b Blobs) move(err error) error {
	var damage *Damage
	if !errors.As(err, &damage) || damage.file == nil || damage.Digest.Hex == "" {
		return nil
	}
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	path := b.Path(damage.Digest)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && witnessOf(info) != *damage.file {
		return nil
	}
	aside := filepath.Join(b.dir, damagedFolder)
	if err == nil {
		err = os.MkdirAll(aside, 0o755)
	}
	if err == nil {
		err = os.Rename(path, filepath.Join(aside, damage.Digest.Hex))
	}
	return err
}

// open opens a blob to be read. The last bytes come only if the blob has the size and the digest of its descriptor; the error
// of any other is a *Damage.
func (b Blobs) open(d v1.Descriptor) (io.ReadCloser, error) {
	f, err := os.Open(b.Path(d.Digest))
	if err != nil {
		return nil, unreadable(d.Digest, err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != d.Size {
		defer f.Close()
		if _, err := b.compare(d.Digest, f); err != nil {
			return nil, b.setAside(err)
		}
		return nil, wrongSize(d, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the blob %s: %w", d.Digest, err)
	}
	return &verified{content: f, blobs: b, digest: d.Digest, file: witnessOf(info), sum: sha256.New(), left: d.Size}, nil
}

// read returns a blob of a few megabytes at most.
func (b Blobs) read(d v1.Descriptor) ([]byte, error) {
	r, err := b.open(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// verified is a blob that is hashed as it is read.
type verified struct {
	content *os.File
	blobs   Blobs
	digest  v1.Hash
	file    witness
	sum     hash.Hash
	left    int64 // bytes
	err     error // what the end brings
}

func (v *verified) Read(p []byte) (n int, err error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err = v.content.Read(p)
	n = int(min(int64(n), v.left))
	v.sum.Write(p[:n])
	v.left -= int64(n)
	switch {
	case err == nil && v.left > 0:
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		v.err = io.EOF
		if err := differs(v.digest, v.sum, v.file); err != nil {
			v.err = v.blobs.setAside(err)
			return 0, v.err
		}
		return n, nil
	}
	v.err = v.blobs.setAside(&Damage{v.digest, "cannot be read: " + fault.WithoutPath(err).Error(), &v.file})
	return n, v.err
}

func (v *verified) Close() error { return v.content.Close() }
