package unpack_test

import (
	"archive/tar"
	"errors"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestLimit unpacks images at their limits and beyond. They take no space: they are refused before.
func TestLimit(t *testing.T) {
	t.Parallel()
	three := image(t, layer(t, file("a"), file("b")), layer(t, file("c")))
	for limit, want := range map[unpack.Limit]string{
		{}:                            "",
		{Bytes: 3 * 4096, Ratio: 200}: "",
		{Bytes: 3*4096 - 1}:           "more than 1.2287e-05 GB; if you trust the image, set X to the number of gigabytes that it may take",
	} {
		limit.Variable = "X"
		err := unpack.Image(three, t.TempDir(), nil, limit)
		if want == "" && err != nil || want != "" && (!errors.As(err, new(fault.Fault)) || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%+v: got %v, want %q", limit, err, want)
		}
	}
}

// TestRatio unpacks two gigabytes of zeros, of which a file with a hole holds none.
func TestRatio(t *testing.T) {
	t.Parallel()
	bomb := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			archive := tar.NewWriter(w)
			err := archive.WriteHeader(&tar.Header{Name: "bomb", Typeflag: tar.TypeReg, Mode: 0o644, Size: 2e9})
			if err == nil {
				_, err = io.CopyN(archive, zeros{}, 2e9)
			}
			w.CloseWithError(err)
		}()
		return r, nil
	}
	err := unpack.Image(image(t, compressed{opener: bomb}), t.TempDir(), nil, unpack.Limit{Bytes: 20e9, Ratio: 200, Variable: "X"})
	if !errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), "200 times as much as its layers, which have 2.0 MB") {
		t.Errorf("got %v, want a refusal", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// compressed is a layer of two megabytes.
type compressed struct {
	v1.Layer
	opener func() (io.ReadCloser, error)
}

func (c compressed) Size() (int64, error)                 { return 2e6, nil }
func (c compressed) Uncompressed() (io.ReadCloser, error) { return c.opener() }
func (c compressed) Digest() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("1", 64)}, nil
}
func (c compressed) DiffID() (v1.Hash, error)            { return c.Digest() }
func (c compressed) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
