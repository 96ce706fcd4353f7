package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
)

// TestPutLayer compresses a layer once, until its blob is damaged or nobody needs it.
func TestPutLayer(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	const content = "the content of a layer"
	sum := sha256.Sum256([]byte(content))
	diffID := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	times := 0
	put := func() v1.Descriptor {
		blob, err := s.Blobs().PutLayer(diffID, func(w io.Writer) error { times++; _, err := io.WriteString(w, content); return err })
		if err != nil {
			t.Fatal(err)
		}
		return blob
	}
	blob := put()
	if again := put(); again.Digest != blob.Digest || again.Size != blob.Size || times != 1 {
		t.Errorf("%v, and then %v: it was written %d times", blob, again, times)
	}
	if err := os.WriteFile(s.Blobs().Path(blob.Digest), make([]byte, blob.Size), 0o644); err != nil {
		t.Fatal(err)
	}
	if put(); times != 2 {
		t.Error("a damaged blob is taken")
	}
	if err := s.SweepWitnesses(map[v1.Hash]bool{blob.Digest: true}); err != nil {
		t.Fatal(err)
	}
	if put(); times != 2 {
		t.Error("a layer that an image needs is forgotten")
	}
	if err := s.SweepWitnesses(nil); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir(), "compressed", "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("notes stay: %v (%v)", left, err)
	}
	stop := errors.New("stopped by the test")
	for want, write := range map[string]func(io.Writer) error{
		"the layer " + diffID.String() + " changed": func(w io.Writer) error { _, err := io.WriteString(w, "another"); return err },
		stop.Error(): func(io.Writer) error { return stop },
	} {
		if _, err := s.Blobs().PutLayer(diffID, write); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
