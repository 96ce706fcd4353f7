package rebase

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/builder/platform/internal/publish"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// inARegistry is the place of apps in registries. Their run images are in a registry or in the store.
type inARegistry struct {
	store  *store.Store
	client *registry.Client
	signer *attest.Signer
	named  map[string]bool // the registries that the user names

	bases once.Map[string, swap.Base]        // run images by what they were looked up with
	bills once.Map[name.Digest, attest.Base] // what run images of registries consist of
}

func (r *inARegistry) read(ctx context.Context, ref name.Reference) (v1.Image, error) {
	return r.client.Single(ctx, ref)
}

func (r *inARegistry) base(ctx context.Context, app name.Reference, names []string, platform v1.Platform) (swap.Base, error) {
	where := app.Context().RegistryStr()
	return r.bases.Get(fmt.Sprintln(where, names, platform), func() (swap.Base, error) {
		var near, far []name.Reference
		for _, text := range names {
			ref, err := imagename.Parse(text)
			if err != nil {
				return swap.Base{}, err
			}
			if ref.Context().RegistryStr() == where {
				near = append(near, ref)
			} else {
				far = append(far, ref)
			}
		}
		return r.find(ctx, names, near, far, platform)
	})
}

// find looks for a run image under the names that are in the app's registry, then in the store under every name, then in
// other registries that the user names. No other host is asked because an image says so. Once a registry does not answer
// whether it has the image, find goes no further: the store's image may be another one.
func (r *inARegistry) find(ctx context.Context, names []string, near, far []name.Reference, platform v1.Platform) (swap.Base, error) {
	inRegistry := func(ref name.Reference) (v1.Image, error) { return r.client.Image(ctx, ref, platform) }
	var errs []error
	for _, try := range []struct {
		refs     []name.Reference
		read     func(name.Reference) (v1.Image, error)
		registry bool
	}{{near, inRegistry, true}, {slices.Concat(near, far), r.store.Image, false}, {far, inRegistry, true}} {
		silent := false
		for _, ref := range try.refs {
			if host := ref.Context().RegistryStr(); try.registry && !r.named[host] {
				errs = append(errs, fmt.Errorf("%s was not asked, because only the image names it", host))
				continue
			}
			image, err := try.read(ref)
			if err == nil {
				return swap.Base{Names: names, Ref: ref, Image: image, InRegistry: try.registry}, nil
			}
			if try.registry && !errors.Is(err, registry.ErrUnknown) && !errors.Is(err, registry.ErrPlatform) {
				silent = true
			}
			errs = append(errs, cause(err))
		}
		if silent {
			return swap.Base{}, missing(names, errs, "try again when the registry answers, or name another with --run-image")
		}
	}
	return swap.Base{}, missing(names, errs, store.BuildStack(names[0])+", or name another with --run-image")
}

func missing(names []string, errs []error, do string) error {
	return fault.Fault{
		ID:   "rebase-base-missing",
		What: "the run image " + names[0] + " was not found",
		Err:  errors.Join(errs...),
		Do:   do,
	}
}

// cause leaves the next step of a fault out. What to do about one of several names is not what to do about all of them.
func cause(err error) error {
	if f := (fault.Fault{}); errors.As(err, &f) && f.Err != nil && !errors.Is(err, registry.ErrPlatform) {
		return f.Err
	}
	return err
}

// cost counts the configuration, the manifest, and the run image's layers that the app's registry lacks.
func (r *inARegistry) cost(ctx context.Context, m move) (int64, error) {
	size, err := m.size()
	if err != nil {
		return 0, err
	}
	var layers []v1.Layer
	if !m.base.InRegistry || m.base.Ref.Context().RegistryStr() != m.ref.Context().RegistryStr() {
		if layers, err = m.base.Image.Layers(); err != nil {
			return 0, fmt.Errorf("reading %s: %w", m.base.Ref, err)
		}
	}
	layers = slices.Concat(layers, m.layers)
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", m.base.Ref, err)
		}
		has, err := r.client.Has(ctx, m.ref.Context(), digest)
		if err != nil {
			return 0, err
		}
		if has {
			continue
		}
		bytes, err := layer.Size()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", m.base.Ref, err)
		}
		size += bytes
	}
	return size, nil
}

func (r *inARegistry) replace(ctx context.Context, m move) (int64, error) {
	var traffic registry.Traffic
	ctx = registry.WithTraffic(ctx, &traffic)
	var group errgroup.Group
	group.Go(func() error { return r.attach(ctx, m) })
	group.Go(func() error { return r.upload(ctx, m) })
	err := group.Wait()
	if err == nil {
		err = r.name(ctx, m)
	}
	return traffic.Sent(), err
}

// attach writes and signs what is attached to the rebased image, before the image has its name.
func (r *inARegistry) attach(ctx context.Context, m move) error {
	before, err := publish.Attached(ctx, r.client, m.ref.Context().Digest(m.old.String()), attest.StatementType)
	if err != nil {
		return err
	}
	attached, err := m.attached(before, func() (attest.Base, error) { return r.bill(ctx, m.base) })
	if err != nil {
		return err
	}
	return publish.Image{Image: m.image, Attached: attached, Signer: r.signer}.Attach(ctx, r.client, m.ref)
}

// bill returns a run image with what it consists of.
func (r *inARegistry) bill(ctx context.Context, base swap.Base) (attest.Base, error) {
	if !base.InRegistry {
		return attest.StoredBase(r.store, base.Ref, base.Image)
	}
	digest, err := base.Image.Digest()
	if err != nil {
		return attest.Base{}, fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	image := base.Ref.Context().Digest(digest.String())
	return r.bills.Get(image, func() (attest.Base, error) {
		attached, err := publish.Attached(ctx, r.client, image, sbom.TypeCycloneDX)
		if err != nil {
			return attest.Base{}, err
		}
		return attest.ReadBase(base.Ref, base.Image, attached)
	})
}

// upload writes what the rebased image has and the app's repository lacks.
func (r *inARegistry) upload(ctx context.Context, m move) error {
	layers, err := m.base.Image.Layers()
	if err != nil {
		return fmt.Errorf("reading %s: %w", m.base.Ref, err)
	}
	return r.client.Upload(ctx, m.ref, m.image, slices.Concat(layers, m.layers))
}

// name gives the app's name to the rebased image, whose blobs are there.
func (r *inARegistry) name(ctx context.Context, m move) error {
	now, err := r.client.Digest(ctx, m.ref)
	if err != nil {
		return err
	}
	if now != m.old {
		return m.replaced()
	}
	return r.client.Put(ctx, m.ref, m.image)
}
