package output

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// content is what is written: an image, or an index of images for several platforms.
type content struct {
	images   []v1.Image
	attached [][]store.Artifact // to each image
	index    v1.ImageIndex      // nil for one image
}

// contentOf reads what a home has under a name, with layers compressed as the outputs shall have them.
func contentOf(h *home.Home, text string, ref name.Reference, zstd bool) (content, error) {
	var c content
	images, err := h.Store.Platforms(text, store.BuildApp)
	if err != nil {
		return c, err
	}
	for _, image := range images {
		digest, err := image.Digest()
		if err != nil {
			return c, fmt.Errorf("reading %s: %w", text, err)
		}
		attached, err := h.Store.Artifacts(digest)
		if err != nil {
			return c, h.Store.Explain(text, store.BuildApp, err)
		}
		if zstd {
			if image, attached, err = zstdImage(h, ref, image, attached); err != nil {
				return c, err
			}
		}
		c.images, c.attached = append(c.images, image), append(c.attached, attached)
	}
	if len(images) > 1 {
		c.index, err = store.IndexOf(c.images...)
	}
	return c, err
}

// top returns what a name stands for: the manifest of the image or the index.
func (c content) top() (v1.Descriptor, []byte, error) {
	var named interface {
		partial.Describable
		partial.WithRawManifest
	} = c.images[0]
	if c.index != nil {
		named = c.index
	}
	d, err := partial.Descriptor(named)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	raw, err := named.RawManifest()
	return v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}, raw, err
}
