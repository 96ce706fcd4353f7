package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// layer is a layer of the image under way.
type layer struct {
	diffID    v1.Hash
	blob      v1.Descriptor
	createdBy string
}

// diffID returns the digest of a layer, uncompressed.
func (e *exporter) diffID(ctx context.Context, content archive) (v1.Hash, error) {
	if err := e.measure(content); err != nil {
		return v1.Hash{}, err
	}
	hash := sha256.New()
	if err := content.write(until{ctx, hash}); err != nil {
		return v1.Hash{}, err
	}
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}, nil
}

// measure counts the files of a layer, before any is read: a file without content may be larger than any disk. Its error is a fault if
// the image has more than it may.
func (e *exporter) measure(content archive) error {
	for _, one := range content {
		if one.info == nil || !one.info.Mode().IsRegular() {
			continue
		}
		e.size += one.info.Size()
		if e.Limit > 0 && e.size > e.Limit {
			return fault.Fault{
				ID: "image-size",
				What: fmt.Sprintf("the files of the image have more than %g GB; %.200q is the first beyond that, with %.1f GB",
					float64(e.Limit)/1e9, one.name, float64(one.info.Size())/1e9),
				Do: "have the build leave it out, or set " + e.LimitVariable + " to the number of gigabytes that an image may have",
			}
		}
	}
	return nil
}

// until writes until a context is done.
type until struct {
	ctx context.Context
	io.Writer
}

func (u until) Write(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Writer.Write(p)
}
