package unpack

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Limit bounds how much space the files of an image take. The zero Limit bounds nothing.
type Limit struct {
	Bytes int64
	// Ratio bounds the size of the files by that of the compressed layers, too, once they have more than a gigabyte. What programs
	// are made of has a ratio of at most 20. Zero is no bound.
	Ratio    int64
	Variable string // that raises the limit
}

const (
	ratioFrom = 1e9  // bytes
	perFile   = 4096 // bytes that each entry counts as at least
)

// size is how much of an image was unpacked, in bytes.
type size struct {
	limit      Limit
	compressed int64
	unpacked   int64
}

// of returns the size of an image of which nothing was unpacked.
func (l Limit) of(layers []v1.Layer) (size, error) {
	s := size{limit: l}
	for _, layer := range layers {
		compressed, err := layer.Size()
		if err != nil {
			return s, fmt.Errorf("reading a layer: %w", err)
		}
		s.compressed += compressed
	}
	return s, nil
}

// add counts an entry. Its error is a fault if the image is larger than the limit allows.
func (s *size) add(bytes int64) error {
	s.unpacked += max(bytes, perFile)
	what := ""
	switch l := s.limit; {
	case l.Bytes > 0 && s.unpacked > l.Bytes:
		what = fmt.Sprintf("its files take more than %g GB", float64(l.Bytes)/1e9)
	case l.Ratio > 0 && s.unpacked > max(ratioFrom, l.Ratio*s.compressed):
		what = fmt.Sprintf("its files take more than %d times as much as its layers, which have %.1f MB", l.Ratio, float64(s.compressed)/1e6)
	default:
		return nil
	}
	return fault.Fault{
		ID: "image-size", What: what,
		Do: "if you trust the image, set " + s.limit.Variable + " to the number of gigabytes that it may take",
	}
}
