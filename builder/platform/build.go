package platform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// BuildOptions says what to build and how.
type BuildOptions struct {
	App        string                 // folder with the source
	Image      string                 // name of the image to make
	Builder    string                 // name of the builder image
	RunImage   string                 // "auto", a variant's name, or an image's name
	Keep       func(path string) bool // which files and folders of App are built, by their path below it; nil is all
	Buildpacks []string               // ID or ID@VERSION of the buildpacks of the builder to build with, if not in the builder's order
	Pre, Post  []string               // the same, put before and after each group of the order
	Env        map[string]string      // variables of the build (platform.md, "User-Provided Variables")
	Bindings   []string               // folders bound as /platform/bindings/<base name>
	Network    sandbox.Network        // what detect and build may reach
	ClearCache bool                   // forget what earlier builds of the app left
	Proxies    []string               // NAME=value pairs of the proxy variables
	CABundle   string                 // file of certificates that a build trusts; empty for the build image's own

	Log   io.Writer // what the buildpacks print
	Phase func(Phase)
	Note  func(text string) // what the user should know: waiting for another build, files left out
}

// Phase is one phase of the lifecycle; Took is zero when it begins.
type Phase struct {
	Name string
	Took time.Duration
}

// Build turns source into an image of the store and returns its name and digest.
// Nothing of the store changes unless all phases pass.
func (h *Home) Build(ctx context.Context, options BuildOptions) (name.Reference, v1.Hash, error) {
	ref, err := appReference(options.Image)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	builder, err := h.openBuilder(ctx, options.Builder)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	candidates, err := h.runImages(builder, options.RunImage)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	caches, unlock, err := h.appCaches(ctx, ref, options)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer unlock()
	dir, remove, err := h.scratch(ctx)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer remove()

	b := &build{BuildOptions: options, home: h, builder: builder, dir: dir, caches: caches, tools: builder.tools, image: ref}
	if err := b.prepare(); err != nil {
		return nil, v1.Hash{}, err
	}
	defer func() { _ = b.source() }() // a build that failed before it asked has another error to tell
	if err := b.run(ctx, candidates); err != nil {
		return nil, v1.Hash{}, err
	}
	digest, err := b.commit()
	return ref, digest, err
}

// build is a build under way.
type build struct {
	BuildOptions
	home     *Home
	builder  *unpackedBuilder
	dir      string // scratch
	caches   string
	tools    string // of all apps
	installs bool   // it is a build of no app, which installs a tool
	image    name.Reference
	order    order
	runRef   name.Reference
	registry *store.Registry

	source     func() error // waits until the app is in the workspace
	sourceHash string       // of the app as the buildpacks found it, in hexadecimal; to be read after source
}

// appReference reads the name of the image to make; a digest cannot be one.
func appReference(text string) (name.Reference, error) {
	ref, err := ParseReference(text)
	if err != nil {
		return nil, err
	}
	if _, isTag := ref.(name.Tag); !isTag {
		return nil, fault.Fault{ID: "image-name", What: fmt.Sprintf("%q has a digest, which the build is yet to find out", text), Do: "name the image by a tag"}
	}
	return ref, nil
}

// CheckTag tells whether an image can have that name.
func CheckTag(text string) error {
	_, err := appReference(text)
	return err
}

// appCaches locks and returns the folder of an app's caches: no other app can
// read or poison them, and two builds of one app take turns.
func (h *Home) appCaches(ctx context.Context, ref name.Reference, options BuildOptions) (dir string, unlock func(), err error) {
	dir, unlock, err = h.lockApp(ctx, ref, func() { options.Note("waiting for another build of " + ref.String()) })
	if err != nil {
		return "", nil, err
	}
	if options.ClearCache {
		if err := clearCaches(dir); err != nil {
			unlock()
			return "", nil, err
		}
	}
	if err := own(filepath.Join(dir, "build"), filepath.Join(dir, "layers")); err != nil {
		unlock()
		return "", nil, err
	}
	return dir, unlock, nil
}

// lockApp makes and locks the folder of an app image.
func (h *Home) lockApp(ctx context.Context, ref name.Reference, waiting func()) (dir string, unlock func(), err error) {
	dir = filepath.Join(h.dir, "apps", appKey(ref.Name()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("making the app's caches: %w", err)
	}
	unlock, err = store.Lock(ctx, filepath.Join(dir, "lock"), waiting)
	return dir, unlock, err
}

// appKey is the name of the folder of an app image.
func appKey(image string) string {
	key := sha256.Sum256([]byte(image))
	return hex.EncodeToString(key[:16])
}

func clearCaches(dir string) error {
	for _, cache := range []string{"build", "layers"} {
		if err := removeAll(filepath.Join(dir, cache)); err != nil {
			return fmt.Errorf("clearing the app's caches: %w", err)
		}
	}
	return nil
}

// openRegistry shows the run image and, when there is one, the app's previous image to the build.
func (b *build) openRegistry(runRef string) error {
	runImage, err := b.home.Image(runRef, missingRunImage)
	if err != nil {
		return err
	}
	if b.runRef, err = ParseReference(runRef); err != nil {
		return err
	}
	shown := map[name.Reference]v1.Image{b.runRef: runImage}
	if previous, err := b.home.store.Image(b.image); err == nil {
		shown[b.image] = previous
	}
	b.registry, err = store.NewRegistry(b.home.store, b.image, shown)
	return err
}

// commit checks what the export left and makes it the app's image, with what is attached to it.
func (b *build) commit() (v1.Hash, error) {
	exported, err := b.registry.Manifest()
	if err != nil {
		return v1.Hash{}, err
	}
	manifest, err := b.home.finish(exported)
	if err != nil {
		return v1.Hash{}, err
	}
	image, err := b.home.store.Loose(manifest)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the exported image: %w", err)
	}
	attached, err := b.attested(image)
	if err != nil {
		return v1.Hash{}, err
	}
	return b.home.store.PutManifest(b.image, types.OCIManifestSchema1, manifest, attached...)
}
