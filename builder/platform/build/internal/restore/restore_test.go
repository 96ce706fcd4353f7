package restore

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
)

// TestDamagedCache has a layer of the cache with another content: it is not restored, and makes room for the one that is made again.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	r := restorer{dir: t.TempDir(), cache: cnb.Cache(t.TempDir())}
	sha := "sha256:" + strings.Repeat("0", 64)
	digest, err := v1.NewHash(sha)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.cache.Path(digest), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if restored, err := r.content(sha); restored || err != nil {
		t.Errorf("it is restored: %t, %v", restored, err)
	}
	if _, err := os.Stat(r.cache.Path(digest)); !os.IsNotExist(err) {
		t.Errorf("the damaged layer is still there: %v", err)
	}
}

// TestDamagedBills has a layer of bills of materials whose sum, at its end, is wrong.
func TestDamagedBills(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	if err := tar.NewWriter(&archive).Close(); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("wrong sum")
	if err := (restorer{}).billsOf(io.MultiReader(&archive, iotest.ErrReader(wrong)), nil); !errors.Is(err, wrong) {
		t.Errorf("got %v, want %v", err, wrong)
	}
}
