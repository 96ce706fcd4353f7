// Package registry reads and writes images in registries (OCI distribution-spec)
// with the credentials that the user's docker configuration has.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	// jobs is how many blobs are sent or read at a time.
	jobs = 16
	// patience is how long a registry may send and take nothing.
	patience = time.Minute
)

// emptyType is that of the configuration of what is no image (image-spec, manifest.md, "Guidance for an Empty Descriptor").
const emptyType = "application/vnd.oci.empty.v1+json"

// Options say how to reach registries; the zero value is what users have.
type Options struct {
	Keychain  authn.Keychain    // nil: the docker configuration and its credential helpers
	Backoff   remote.Backoff    // between tries; zero: three tries, 1 s and then 3 s apart
	Transport http.RoundTripper // nil: the network
}

// Client reaches any number of registries. What is temporary (a status 408, 429
// or 5xx, a broken connection, a minute in which nothing moves) is tried again.
type Client struct {
	puller *remote.Puller
	pusher *remote.Pusher
}

// New makes a client. It reaches no registry yet.
func New(options Options) (*Client, error) {
	if options.Keychain == nil {
		options.Keychain = authn.DefaultKeychain
	}
	if options.Backoff.Steps == 0 {
		options.Backoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3}
	}
	if options.Transport == nil {
		options.Transport = remote.DefaultTransport
	}
	transport := steady{options.Transport, patience}
	common := []remote.Option{
		remote.WithAuthFromKeychain(options.Keychain), remote.WithRetryBackoff(options.Backoff),
		remote.WithTransport(waiting{counting{transport}}), remote.WithJobs(jobs), remote.WithUserAgent("strata"),
	}
	puller, err := remote.NewPuller(common...)
	if err != nil {
		return nil, fmt.Errorf("preparing to reach registries: %w", err)
	}
	pusher, err := remote.NewPusher(common...)
	if err != nil {
		return nil, fmt.Errorf("preparing to reach registries: %w", err)
	}
	return &Client{puller, pusher}, nil
}

// Image returns the image of that name, which for an index is the one for the
// platform. Its layers are read when they are asked for.
func (c *Client) Image(ctx context.Context, ref name.Reference, platform v1.Platform) (v1.Image, error) {
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	if !descriptor.MediaType.IsIndex() {
		image, err := descriptor.Image()
		if err != nil {
			return nil, explain("reading", ref, err)
		}
		return image, nil
	}
	index, err := descriptor.ImageIndex()
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	images, err := partial.FindImages(index, func(d v1.Descriptor) bool { return d.Platform != nil && d.Platform.Satisfies(platform) })
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	if len(images) == 0 {
		return nil, fault.Fault{ID: "image-platform", What: fmt.Sprintf("%s has no image for %s", ref, platform), Do: "name another image"}
	}
	return images[0], nil
}

// Single is Image for a name that must be one image, not an index.
func (c *Client) Single(ctx context.Context, ref name.Reference) (v1.Image, error) {
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	if descriptor.MediaType.IsIndex() {
		return nil, fault.Fault{ID: Index, What: ref.String() + " is an index of images for several platforms", Do: "name the image of one platform by a tag of its own"}
	}
	image, err := descriptor.Image()
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	return image, nil
}

// Digest asks a registry what a name stands for.
func (c *Client) Digest(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	descriptor, err := c.puller.Head(ctx, ref)
	if err != nil {
		return v1.Hash{}, explain("reading", ref, err)
	}
	return descriptor.Digest, nil
}

// Has tells whether a repository has a blob.
func (c *Client) Has(ctx context.Context, repository name.Repository, digest v1.Hash) (bool, error) {
	ref := repository.Digest(digest.String())
	layer, err := c.puller.Layer(ctx, ref)
	if err != nil {
		return false, explain("reading", ref, err)
	}
	exists, err := partial.Exists(layer)
	if err != nil {
		return false, explain("reading", ref, err)
	}
	return exists, nil
}

// Tags lists all that a registry has a name for, but for what belongs to another image by its tag: signatures and lists
// of referrers. The catalogue is an extension of the Docker registry that most others have (distribution-spec, "Backwards Compatibility").
func (c *Client) Tags(ctx context.Context, host name.Registry) ([]name.Tag, error) {
	repositories, err := c.puller.Catalog(ctx, host)
	if err != nil {
		return nil, explainAt("listing the catalogue of "+host.String(), host.RegistryStr(), err)
	}
	lists := make([][]name.Tag, len(repositories))
	group, lister := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, path := range repositories {
		group.Go(func() error {
			repository := host.Repo(path)
			tags, err := c.puller.List(lister, repository)
			if err != nil {
				return explainAt("listing the tags of "+repository.String(), host.RegistryStr(), err)
			}
			for _, tag := range tags {
				if !strings.HasPrefix(tag, "sha256-") {
					lists[i] = append(lists[i], repository.Tag(tag))
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return slices.Concat(lists...), err
}

// Push writes an image under several names. Blobs that a repository has are not
// sent, those that another repository of the registry has are mounted. A name
// stands for the whole image or for what it stood for before.
func (c *Client) Push(ctx context.Context, refs []name.Reference, image v1.Image) error {
	for i, ref := range refs {
		pushed := image
		if i > 0 && ref.Context().RegistryStr() == refs[0].Context().RegistryStr() {
			pushed = mountable{image, refs[0]}
		}
		if err := c.pusher.Push(ctx, ref, pushed); err != nil {
			return explain("pushing", ref, err)
		}
	}
	return nil
}

// Attach writes artifacts beside an image, by their digests. They go one after the other: in a registry without the
// referrers API each is added to a list under a tag (distribution-spec, "Pushing Manifests with Subject").
func (c *Client) Attach(ctx context.Context, repository name.Repository, artifacts []v1.Image) error {
	for _, artifact := range artifacts {
		digest, err := artifact.Digest()
		if err != nil {
			return fmt.Errorf("reading what is attached to %s: %w", repository, err)
		}
		ref := repository.Digest(digest.String())
		if err := c.pusher.Push(ctx, ref, artifact); err != nil {
			return explainArtifact(ref, err)
		}
	}
	return nil
}

// Attached returns the artifacts of these types that have an image as their subject.
func (c *Client) Attached(ctx context.Context, image name.Digest, artifactTypes ...string) ([]v1.Image, error) {
	index, err := remote.Referrers(image, remote.WithContext(ctx), remote.Reuse(c.puller))
	if err != nil {
		return nil, explain("reading", image, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, explain("reading", image, err)
	}
	var found []v1.Image
	for _, d := range list.Manifests {
		// Some registries list the type of the configuration, which all artifacts have, instead of the artifact's.
		if d.ArtifactType != "" && d.ArtifactType != emptyType && !slices.Contains(artifactTypes, d.ArtifactType) {
			continue
		}
		artifact, err := c.Single(ctx, image.Digest(d.Digest.String()))
		if err != nil {
			return nil, err
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			return nil, explain("reading", image, err)
		}
		if slices.Contains(artifactTypes, manifest.ArtifactType) {
			found = append(found, artifact)
		}
	}
	return found, nil
}

// Find is Single for a name that need not be there: then it returns nil.
func (c *Client) Find(ctx context.Context, ref name.Reference) (v1.Image, error) {
	image, err := c.Single(ctx, ref)
	if f := new(fault.Fault); errors.As(err, f) && f.ID == Unknown {
		return nil, nil
	}
	return image, err
}

// mountable is an image whose layers a repository of the registry has already.
type mountable struct {
	v1.Image
	from name.Reference
}

func (m mountable) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	for i := range layers {
		layers[i] = &remote.MountableLayer{Layer: layers[i], Reference: m.from}
	}
	return layers, err
}

// PushOver is Push to a name whose repository has all layers but those given.
func (c *Client) PushOver(ctx context.Context, ref name.Reference, image v1.Image, layers []v1.Layer) error {
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	group, blobs := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for _, layer := range append([]v1.Layer{config}, layers...) {
		group.Go(func() error { return c.pusher.Upload(blobs, ref.Context(), layer) })
	}
	if err := group.Wait(); err != nil {
		return explain("pushing", ref, err)
	}
	if err := c.pusher.Put(ctx, ref, image); err != nil {
		return explain("pushing", ref, err)
	}
	return nil
}

// Traffic counts the bytes of bodies that went to a registry.
type Traffic struct{ sent atomic.Int64 }

// Sent is the number of bytes.
func (t *Traffic) Sent() int64 { return t.sent.Load() }

type trafficKey struct{}

// WithTraffic has what is sent under a context counted.
func WithTraffic(ctx context.Context, traffic *Traffic) context.Context {
	return context.WithValue(ctx, trafficKey{}, traffic)
}

// counting counts for the traffic of a request's context.
type counting struct{ inner http.RoundTripper }

func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	traffic, ok := request.Context().Value(trafficKey{}).(*Traffic)
	if ok && request.Body != nil && request.Body != http.NoBody {
		request = request.Clone(request.Context())
		request.Body = countingBody{request.Body, traffic}
	}
	return c.inner.RoundTrip(request)
}

type countingBody struct {
	io.ReadCloser
	traffic *Traffic
}

func (b countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.traffic.sent.Add(int64(n))
	return n, err
}
