package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// maxPlatforms is how many images of an index are looked at.
const maxPlatforms = 32

// Child is the image that a name stands for, or an image of the index that the name stands for.
type Child struct {
	Image    v1.Image    // nil if Err says why it cannot be read
	Digest   v1.Hash     // of the image
	Platform v1.Platform // as the index has it
	Err      error
}

// All returns the image of a name or, if that stands for an index, the index's images of all platforms, each once, and reports whether it
// is an index. It leaves out what an index has beside images, such as what BuildKit says of them under the platform "unknown". An image
// that cannot be read does not end it, and neither does an index in the index.
func (c *Client) All(ctx context.Context, ref name.Reference) (children []Child, isIndex bool, err error) {
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, false, explain("reading", ref, err)
	}
	if !descriptor.MediaType.IsIndex() {
		image, err := descriptor.Image()
		image, err = readable(ref, image, err)
		return []Child{{Image: image, Digest: descriptor.Digest}}, false, err
	}
	list, err := manifests(descriptor)
	if err != nil {
		return nil, true, explain("reading", ref, err)
	}
	var wanted []v1.Descriptor
	seen := map[v1.Hash]bool{}
	for _, d := range list {
		isImage := (d.MediaType.IsImage() || d.MediaType.IsIndex()) && (d.Platform == nil || d.Platform.OS != "unknown")
		if isImage && !seen[d.Digest] {
			wanted = append(wanted, d)
		}
		seen[d.Digest] = true
	}
	if count := len(wanted); count == 0 || count > maxPlatforms {
		return nil, true, fault.Fault{
			ID: "registry-index", What: ref.String(), Err: fmt.Errorf("its index has %d images; 1 to %d are looked at", count, maxPlatforms),
			Do: "name an image by a tag of its own",
		}
	}
	for _, d := range wanted {
		child := Child{Digest: d.Digest}
		if d.Platform != nil {
			child.Platform = *d.Platform
		}
		if child.Err = errNested; d.MediaType.IsImage() {
			child.Image, child.Err = c.child(ctx, ref, d)
		}
		children = append(children, child)
	}
	return children, true, ctx.Err()
}

var errNested = errors.New("it is an index in an index; name it by a tag of its own")

// manifests returns what an index lists, which is read once.
func manifests(descriptor *remote.Descriptor) ([]v1.Descriptor, error) {
	index, err := descriptor.ImageIndex()
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	return list.Manifests, nil
}

// child reads an image of the index that a name stands for.
func (c *Client) child(ctx context.Context, ref name.Reference, d v1.Descriptor) (v1.Image, error) {
	descriptor, err := c.puller.Get(ctx, ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	image, err := descriptor.Image()
	return readable(ref, image, err)
}
