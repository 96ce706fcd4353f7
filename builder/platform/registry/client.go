// Package registry reads and writes images in registries (OCI distribution-spec), with the credentials of the user's
// docker configuration.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	// jobs is how many blobs are sent or read at a time.
	jobs = 16
	// patience is how long nothing may move between a registry and us.
	patience = time.Minute
)

// Options say how to reach registries; the zero value is what users have.
type Options struct {
	Keychain  authn.Keychain    // nil: the docker configuration and its credential helpers
	Backoff   remote.Backoff    // between tries; zero: three tries, 1 s and then 3 s apart
	Transport http.RoundTripper // nil: the network
}

// Client reaches any number of registries. It tries again what may pass: a status 408, 429 or 5xx, a broken connection, a
// minute in which nothing moves.
type Client struct {
	puller *remote.Puller
	pusher *remote.Pusher
}

// New returns a client, which has reached no registry yet.
func New(options Options) (*Client, error) {
	if options.Keychain == nil {
		options.Keychain = credentials{}
	}
	if options.Backoff.Steps == 0 {
		options.Backoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3}
	}
	if options.Transport == nil {
		options.Transport = network()
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

// network returns the transport of registries. It keeps as many connections as blobs of a fleet are sent at a time, so that few are made
// again.
func network() http.RoundTripper {
	shared, ok := remote.DefaultTransport.(*http.Transport)
	if !ok { // a program may have replaced it
		return remote.DefaultTransport
	}
	own := shared.Clone()
	own.MaxIdleConns, own.MaxIdleConnsPerHost = 1000, 250
	return own
}

// Image returns the image of a name. If the name stands for an index, it is the index's image for the platform, and
// ErrPlatform if there is none. Layers are read when somebody asks for them.
func (c *Client) Image(ctx context.Context, ref name.Reference, platform v1.Platform) (v1.Image, error) {
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	if !descriptor.MediaType.IsIndex() {
		image, err := descriptor.Image()
		return readable(ref, image, err)
	}
	list, err := manifests(descriptor)
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	for _, d := range list {
		if d.MediaType.IsImage() && d.Platform != nil && d.Platform.Satisfies(platform) {
			return c.child(ctx, ref, d)
		}
	}
	return nil, fault.Fault{
		ID:   "image-platform",
		What: ref.String(),
		Err:  fmt.Errorf("%w %s", ErrPlatform, platform),
		Do:   "name another image",
	}
}

// Single is Image for a name that has to stand for one image. The error of an index is ErrIndex.
func (c *Client) Single(ctx context.Context, ref name.Reference) (v1.Image, error) {
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	if descriptor.MediaType.IsIndex() {
		return nil, fault.Fault{
			ID:   "image-index",
			What: ref.String(),
			Err:  ErrIndex,
			Do:   "name the image of one platform by a tag of its own",
		}
	}
	image, err := descriptor.Image()
	return readable(ref, image, err)
}

// readable returns an image that was found, if its configuration fits into memory.
func readable(ref name.Reference, image v1.Image, err error) (v1.Image, error) {
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	manifest, err := image.Manifest()
	if err == nil && manifest.Config.Size > largest {
		err = largeError{ref.Context().RegistryStr()}
	}
	if err != nil {
		return nil, explain("reading", ref, err)
	}
	return image, nil
}

// Digest returns the digest that a name stands for.
func (c *Client) Digest(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	descriptor, err := c.puller.Head(ctx, ref)
	if err != nil {
		return v1.Hash{}, explain("reading", ref, err)
	}
	return descriptor.Digest, nil
}

// Has reports whether a repository has a blob.
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

// Find is Single, but returns nil for a name that the registry does not have.
func (c *Client) Find(ctx context.Context, ref name.Reference) (v1.Image, error) {
	image, err := c.Single(ctx, ref)
	if errors.Is(err, ErrUnknown) {
		return nil, nil
	}
	return image, err
}
