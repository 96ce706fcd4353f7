package platformtest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// Store opens a store in a new folder.
func Store(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Put stores an image under a name.
func Put(t *testing.T, s *store.Store, ref string, image v1.Image) {
	t.Helper()
	if _, err := s.Put(Parse(t, ref), image); err != nil {
		t.Fatal(err)
	}
}

// DigestIn returns the digest of an image of a store.
func DigestIn(t *testing.T, s *store.Store, ref string) v1.Hash {
	t.Helper()
	image, err := s.Image(Parse(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	return Digest(t, image)
}

// CheckBlobs compares every file of a store's folder of blobs with its name.
func CheckBlobs(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != e.Name() {
			t.Errorf("blob %s has another digest, or is no blob", e.Name())
		}
	}
}
