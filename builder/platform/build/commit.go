package build

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// finish checks an exported image, and returns it with what is to be attached to it.
func (b *build) finish(ctx context.Context, t target, manifest []byte) (store.Described, error) {
	image, err := b.store.Loose(manifest)
	if err != nil {
		return store.Described{}, fmt.Errorf("reading the exported image: %w", err)
	}
	if err := b.store.Blobs().CheckAll(image); err != nil {
		return store.Described{}, b.store.Explain(b.image.String(), store.BuildApp, fmt.Errorf("checking what was exported: %w", err))
	}
	if b.Check != nil {
		b.Phase(Phase{Name: "check"})
		start := time.Now()
		if err := b.Check(ctx, image, b.Log); err != nil {
			return store.Described{}, err
		}
		b.Phase(Phase{Name: "check", Took: time.Since(start)})
	}
	attached, err := b.attached(t, image)
	return store.Described{Image: image, Attached: attached}, err
}

// attached returns what is attached to the image: bills of materials, and what the build publishes of itself.
func (b *build) attached(t target, image v1.Image) ([]store.Artifact, error) {
	base, err := attest.StoredBase(b.store, t.run, t.runImage)
	if err != nil {
		return nil, err
	}
	var allowed []string
	for _, rule := range b.Allow {
		allowed = append(allowed, rule.String())
	}
	how := attest.Build{
		RunImage: b.RunImage, Platform: b.platform(), Network: string(b.Network), Allowed: allowed, Env: b.Env, Bindings: b.Bindings,
		Buildpacks: b.Buildpacks, Pre: b.Pre, Post: b.Post,
		Builder: attest.Image{Ref: b.Builder.Ref, Digest: b.Builder.Digest}, Run: attest.Image{Ref: t.run, Digest: t.runDigest},
		Source: b.source.hash,
	}
	return attest.App(b.image, image, base, how.Provenance())
}

// platform returns the platform that the build was asked for, "" if it was asked for none.
func (b *build) platform() string {
	if len(b.Platforms) == 0 {
		return ""
	}
	return "linux/" + b.arch
}
