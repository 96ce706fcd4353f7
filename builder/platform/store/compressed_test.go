package store_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
)

// TestCompressed finds a layer by its content until its blob is damaged or nobody needs it.
func TestCompressed(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	content, _ := v1.NewHash("sha256:" + "11" + "22334455667788990011223344556677889900112233445566778899aabb00")
	if _, found := s.Blobs().Compressed(content); found {
		t.Error("a layer is found that nobody has made")
	}
	put := func() v1.Hash {
		blob, _, err := s.Blobs().PutStream(func(w io.Writer) error { _, err := io.WriteString(w, "compressed"); return err })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Blobs().NoteCompressed(content, blob); err != nil {
			t.Fatal(err)
		}
		return blob
	}
	blob := put()
	if got, found := s.Blobs().Compressed(content); !found || got.Digest != blob || got.Size != 10 {
		t.Errorf("got %v, %t", got, found)
	}
	if err := os.WriteFile(s.Blobs().Path(blob), []byte("c0mpressed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, found := s.Blobs().Compressed(content); found {
		t.Errorf("a damaged blob is found: %v", got)
	}
	put()
	if err := s.SweepWitnesses(map[v1.Hash]bool{blob: true}); err != nil {
		t.Fatal(err)
	}
	if _, found := s.Blobs().Compressed(content); !found {
		t.Error("a layer that an image needs is forgotten")
	}
	if err := s.SweepWitnesses(nil); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir(), "compressed", "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("notes stay: %v (%v)", left, err)
	}
}
