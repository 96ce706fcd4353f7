package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/export"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// Runtimes returns what makes layers of runtimes for images of the home and of registries, one at a time, and puts them into a store. Of
// the options, those that say how buildpacks run count.
func Runtimes(h *home.Home, options Options, layers *store.Store) *rebase.Runtimes {
	var turn sync.Mutex
	return &rebase.Runtimes{
		Builder: attest.Image{Ref: options.Builder.Ref, Digest: options.Builder.Digest},
		Make: func(ctx context.Context, wanted rebase.Wanted) (rebase.Made, error) {
			turn.Lock()
			defer turn.Unlock()
			made, err := makeRuntime(ctx, h, options, layers, wanted)
			if errors.Is(err, ErrBuild) {
				err = fault.Fault{
					ID: "rebase-runtime-made", Do: "see the reason above",
					What: fmt.Sprintf("%s made no layer in place of %s %s", wanted.Buildpack, wanted.Runtime.ID, wanted.Runtime.Version),
				}
			}
			return made, err
		},
	}
}

// makeRuntime has a buildpack make the layer that takes the place of a runtime.
func makeRuntime(ctx context.Context, h *home.Home, options Options, layers *store.Store, wanted rebase.Wanted) (rebase.Made, error) {
	by, err := member(options, wanted.Buildpack)
	if err != nil {
		return rebase.Made{}, err
	}
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return rebase.Made{}, err
	}
	defer remove()
	b := &build{Options: options, store: h.Store}
	b.Env = map[string]string{}
	maps.Copy(b.Env, options.Env)
	was, err := json.Marshal(wanted.Runtime)
	if err != nil {
		return rebase.Made{}, fmt.Errorf("naming the runtime: %w", err)
	}
	b.Env[runtimes.Env] = string(was)
	f := folders{dir: dir, caches: dir, tools: h.Tools(options.Builder.Digest), locks: h.Locks()}
	if err := b.prepareRuntime(f, by, wanted); err != nil {
		return rebase.Made{}, err
	}
	if err := b.lifecycle.withBuildpacks(ctx, buildPhase, options.Log); err != nil {
		return rebase.Made{}, err
	}
	single, err := export.Layer(ctx, layers, export.Build{
		Group: []cnb.Member{by}, Layers: f.path("layers"), UID: options.Builder.UID, GID: options.Builder.GID,
		Limit: options.Unpacked, LimitVariable: run.UnpackedVariable,
	})
	if err != nil {
		return rebase.Made{}, err
	}
	return madeRuntime(layers, wanted, single)
}

// member returns a buildpack of the builder.
func member(options Options, id string) (cnb.Member, error) {
	version, api, found := options.Builder.Buildpack(id)
	if !found {
		return cnb.Member{}, fault.Fault{
			ID: "rebase-runtime-buildpack", What: fmt.Sprintf("builder %s has no buildpack %s", options.Builder.Ref, id),
			Do: "name the builder that has it with --builder",
		}
	}
	return cnb.Member{ID: id, Version: version, API: api}, nil
}

// prepareRuntime lays out what the build phase sees: no app, one buildpack, and the run image that the layer is to stand on.
func (b *build) prepareRuntime(f folders, by cnb.Member, wanted rebase.Wanted) error {
	if err := sandbox.Own(filepath.Join(f.caches, "build")); err != nil {
		return err
	}
	b.lifecycle = lifecycle{
		builder: b.Builder, folders: f, network: b.Network, bounds: b.Bounds, proxies: b.Proxies, caBundle: b.CABundle, report: b.Phase,
	}
	resolvConf, err := b.connect()
	if err != nil {
		return err
	}
	if err := f.prepare(resolvConf); err != nil {
		return err
	}
	if b.lifecycle.secrets, err = secrets(b.Env, nil); err != nil {
		return err
	}
	analyzed, err := analyzedOn(wanted.Run, wanted.RunImage)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path(analyzedFile), analyzed, 0o644); err != nil {
		return fmt.Errorf("describing the run image: %w", err)
	}
	if err := f.writePlan(tool{group: []cnb.Member{by}}, f.path(analyzedFile)); err != nil {
		return fmt.Errorf("preparing to make a runtime: %w", err)
	}
	return nil
}

// analyzedOn returns what a build phase has to know of a run image.
func analyzedOn(on name.Reference, image v1.Image) ([]byte, error) {
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", on, err)
	}
	return target{run: on, runImage: image, runDigest: digest}.analyzed()
}

// madeRuntime checks what the buildpack made, and returns it as a rebase takes it.
func madeRuntime(layers *store.Store, wanted rebase.Wanted, single export.Single) (rebase.Made, error) {
	data, err := json.Marshal(single.Data)
	if err != nil {
		return rebase.Made{}, fmt.Errorf("writing the metadata of layer %s: %w", single.Name, err)
	}
	var says struct{ Runtime *runtimes.Runtime }
	if err := json.Unmarshal(data, &says); err != nil || says.Runtime == nil || single.Name != wanted.Layer {
		return rebase.Made{}, fault.Fault{
			ID: "rebase-runtime-made", Do: "rebuild the app with `strata build`", Err: err,
			What: fmt.Sprintf("%s made the layer %s, and the image has %s in the layer %s",
				wanted.Buildpack, single.Name, wanted.Runtime.ID, wanted.Layer),
		}
	}
	layer, err := layers.Layer(single.Blob, single.DiffID)
	return rebase.Made{Wanted: wanted, Runtime: *says.Runtime, Layer: layer, Data: data, Bills: single.Bills}, err
}
