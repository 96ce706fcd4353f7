// Package build is a Cloud Native Buildpacks platform (buildpacks/spec, platform.md, Platform API 0.15) for a machine
// without a container engine. It runs the phases of the lifecycle in sandboxes, over the image store of a home.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/export"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/restore"
	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Options say what to build and how.
type Options struct {
	App        string // folder with the source, as Folder returns it
	Image      string // name of the image to make
	Builder    *builderimage.Builder
	RunImage   string                 // "auto", a variant's name, or an image's name
	Platforms  []string               // architectures to build for, as GOARCH, each once; nil for this machine's
	Keep       func(path string) bool // whether the build sees a file or folder of App, by its path below it; nil is all
	Buildpacks []string               // ID or ID@VERSION of the buildpacks to build with, instead of the builder's order
	Pre, Post  []string               // the same, put before and after each group of the order
	Env        map[string]string      // variables of the build (platform.md, "User-Provided Variables")
	Bindings   []string               // folders bound as /platform/bindings/<base name>
	Network    sandbox.Network        // what detect and build may reach
	Allow      []egress.Rule          // what else they may reach on a network of their own, as the user says
	Machine    []egress.Rule          // the same, as the machine's configuration says
	ClearCache bool                   // forget what earlier builds of the app left
	Limits     home.Limits            // of the caches of all apps
	Bounds     sandbox.Limits         // of each phase
	Timeout    time.Duration          // of all phases; zero for none
	Unpacked   int64                  // how many bytes the files of the image may have; zero for no limit
	Proxies    []string               // NAME=value pairs of the proxy variables
	CABundle   string                 // file of certificates that a build trusts; empty for the build image's own

	// Check looks at the image before it gets its name. Its error ends the build.
	Check func(ctx context.Context, image v1.Image, log io.Writer) error

	Log   io.Writer // what the buildpacks print, and what was refused; several goroutines write to it
	Phase func(Phase)
	Note  func(text string) // what the user should know: waiting for another build, files left out
}

// Phase is one phase of the lifecycle. Took is zero when the phase begins.
type Phase struct {
	Name string
	Took time.Duration
}

// build is a build under way.
type build struct {
	Options
	store     *store.Store // as a machine of the architecture sees it
	arch      string
	image     name.Reference
	previous  v1.Image // nil if there is none of which every blob is good
	order     builderimage.Order
	lifecycle lifecycle
	source    *source
}

// App turns source into an image of the home's store, or into an index of images if there are several platforms, and returns its name
// and digest. Unless all phases pass, nothing of the store changes.
func App(ctx context.Context, h *home.Home, options Options) (name.Reference, v1.Hash, error) {
	ref, err := imagename.ParseTag(options.Image)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if err := options.Builder.CheckApp(h.Store, ref); err != nil {
		return nil, v1.Hash{}, err
	}
	caches, unlock, err := openCaches(ctx, h, ref, options)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer unlock()
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer remove()
	var digest v1.Hash
	defer func() { trimCaches(h, ref, digest, options, dir) }()
	if options.Timeout > 0 {
		limited, stop := context.WithTimeoutCause(ctx, options.Timeout, fault.Fault{
			ID: "limit-timeout", What: fmt.Sprintf("the build took longer than --timeout gives it, %s", options.Timeout),
			Do: "give it more, or see above what it waits for",
		})
		defer stop()
		ctx = limited
	}
	var made []store.Described
	for _, arch := range options.platforms() {
		b := &build{Options: options, store: h.Store.On(arch), image: ref, arch: arch}
		one, err := b.onPlatform(ctx, h, folders{
			dir: filepath.Join(dir, arch), caches: filepath.Join(caches, cachesOf(arch)), tools: h.Tools(b.Builder.Digest), locks: h.Locks(),
		})
		if err != nil {
			return nil, v1.Hash{}, err
		}
		made = append(made, one)
	}
	digest, err = h.Store.PutApps(ref, made...)
	return ref, digest, err
}

// platforms returns the architectures to build for.
func (o Options) platforms() []string {
	if len(o.Platforms) == 0 {
		return []string{runtime.GOARCH}
	}
	return o.Platforms
}

// cachesOf returns the folder with the caches of builds for an architecture, in that of the app. Those of one are of no use to another.
func cachesOf(arch string) string {
	if arch == runtime.GOARCH {
		return ""
	}
	return arch
}

// onPlatform builds the app for one architecture.
func (b *build) onPlatform(ctx context.Context, h *home.Home, f folders) (store.Described, error) {
	if len(b.Platforms) > 1 {
		b.Note("building for linux/" + b.arch)
	}
	if _, err := os.Stat(filepath.Join(b.lifecycleDir(), "launcher")); err != nil && b.arch != runtime.GOARCH {
		return store.Described{}, fault.Fault{
			ID: "builder-arch", What: fmt.Sprintf("builder %s has no launcher for linux/%s", b.Builder.Ref, b.arch),
			Do: "make it again with `strata builder create`", Err: fault.WithoutPath(err),
		}
	}
	b.previous = b.earlierImage()
	candidates, err := b.Builder.RunImages(b.store, b.RunImage)
	if err != nil {
		return store.Described{}, err
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return store.Described{}, fmt.Errorf("making a folder for the build: %w", err)
	}
	if err := b.prepare(ctx, h.Dir(), f); err != nil {
		return store.Described{}, err
	}
	defer func() { _ = b.source.wait() }() // if it failed, the build has an error already
	t, manifest, err := b.run(ctx, candidates)
	if err != nil {
		return store.Described{}, err
	}
	return b.finish(ctx, t, manifest)
}

// earlierImage returns the image that has the app's name, if it is for the same platform. If a blob of it is damaged, it returns nil
// and says so: then every layer is made again.
func (b *build) earlierImage() v1.Image {
	image, err := b.store.Image(b.image)
	if err == nil {
		err = b.store.Blobs().CheckAll(image)
	}
	var config *v1.ConfigFile
	if err == nil {
		config, err = image.ConfigFile()
	}
	switch {
	case err == nil && config.Architecture == b.arch:
		return image
	case err != nil && !errors.Is(err, store.ErrNotFound):
		b.Note("all layers are made again: " + err.Error())
	}
	return nil
}

// openCaches locks the caches of an app and makes their folders. No other app can read or poison them, and two builds of
// one app take turns.
func openCaches(ctx context.Context, h *home.Home, ref name.Reference, options Options) (dir string, unlock func(), err error) {
	dir, unlock, err = h.App(ctx, ref, func() { options.Note("waiting for another build of " + ref.String()) })
	if err != nil {
		return "", nil, err
	}
	var folders []string
	for _, arch := range options.platforms() {
		folders = append(folders, filepath.Join(dir, cachesOf(arch), "build"), filepath.Join(dir, cachesOf(arch), "layers"))
	}
	for _, folder := range folders {
		if options.ClearCache && err == nil {
			err = tree.Remove(folder)
		}
	}
	if err == nil {
		err = sandbox.Own(folders...)
	}
	if err != nil {
		unlock()
		return "", nil, fmt.Errorf("opening the app's caches: %w", err)
	}
	return dir, unlock, nil
}

// trimCaches keeps the caches of all apps within their limits at the end of a build, however it ended. What fails here fails no
// build: the next one does it.
func trimCaches(h *home.Home, ref name.Reference, made v1.Hash, options Options, scratch string) {
	if err := h.NoteUse(ref, made); err != nil {
		options.Note(fault.Explain(err))
		return
	}
	dropped, err := h.Trim(options.Limits, scratch)
	if err != nil {
		options.Note(fault.Explain(err))
	}
	if len(dropped) == 0 {
		return
	}
	var bytes int64
	for _, one := range dropped {
		bytes += one.Bytes
	}
	options.Note(fmt.Sprintf("dropped the caches of apps that were built the longest ago: %d, %.2f GB; "+
		"the limits are %g GB (STRATA_CACHES_GB) and %d days",
		len(dropped), float64(bytes)/1e9, float64(options.Limits.Bytes)/1e9, options.Limits.Age/(24*time.Hour)))
}

// prepare lays out what the phases see. The app's source is copied meanwhile, without the folder home: detection waits for it.
func (b *build) prepare(ctx context.Context, home string, f folders) error {
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
	env := map[string]string{}
	if b.RunImage != "" && b.RunImage != "auto" {
		env["BP_RUN_IMAGE_CHOSEN"] = "true"
	}
	maps.Copy(env, b.Env)
	if b.lifecycle.secrets, err = secrets(env, b.Bindings); err != nil {
		return err
	}
	if b.order, err = b.Builder.Order(b.Buildpacks, b.Pre, b.Post); err != nil {
		return err
	}
	order, err := b.order.TOML()
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path("platform", "order.toml"), order, 0o644); err != nil {
		return fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	b.source = copyApp(ctx, b.App, home, f.path("workspace"), b.Keep, b.Note)
	return nil
}

// connect opens the network of the build, and returns the file with its name servers.
func (b *build) connect() (resolvConf []byte, err error) {
	switch b.Network {
	case sandbox.NoNetwork:
		return nil, nil
	case sandbox.HostNetwork:
		b.Note("the build has the network of this machine, and reaches what listens here or trusts this machine")
		return egress.HostResolvConf()
	}
	refused := func(r egress.Refusal) { fmt.Fprintln(b.Log, r) }
	if b.lifecycle.gateway, err = egress.New(slices.Concat(b.Allow, b.Machine), refused); err != nil {
		return nil, err
	}
	return b.lifecycle.gateway.ResolvConf(), nil
}

// run runs the phases in order (platform.md, "Build"), on the first run image that the app can be built for, and returns the
// manifest of the image.
func (b *build) run(ctx context.Context, candidates []string) (target, []byte, error) {
	t, err := b.choose(ctx, candidates)
	if err != nil {
		return t, nil, err
	}
	if err := b.installTools(ctx); err != nil {
		return t, nil, err
	}
	group, err := b.lifecycle.folders.group()
	if err != nil {
		return t, nil, err
	}
	earlier, err := b.earlier()
	if err != nil {
		return t, nil, err
	}
	restored := func() error { return restore.Layers(b.lifecycle.folders.dir, group, earlier) }
	if err := b.lifecycle.timed("restore", restored); err != nil {
		return t, nil, err
	}
	if err := b.lifecycle.withBuildpacks(ctx, buildPhase, b.Log); err != nil {
		return t, nil, err
	}
	var manifest []byte
	err = b.lifecycle.timed("export", func() (err error) {
		manifest, err = export.Image(ctx, b.store, b.made(t, group, earlier))
		return err
	})
	return t, manifest, err
}

// made describes what the build phase left, for the export.
func (b *build) made(t target, group []cnb.Member, earlier restore.Earlier) export.Build {
	f := b.lifecycle.folders
	return export.Build{
		Group: group, Layers: f.path("layers"), App: f.path("workspace"),
		Lifecycle: b.lifecycleDir(), Version: b.Builder.Lifecycle, API: platformAPI,
		UID: b.Builder.UID, GID: b.Builder.GID,
		Run: t.runImage, RunReference: t.reference(), RunNames: b.runNames(t),
		Previous: earlier.Image, Known: earlier.Known, Cache: earlier.Cache,
		Limit: b.Unpacked, LimitVariable: run.UnpackedVariable,
	}
}

// lifecycleDir returns the folder of the builder with the launcher for the architecture.
func (b *build) lifecycleDir() string {
	dir := filepath.Join(b.Builder.Root, "cnb", "lifecycle")
	if b.arch == runtime.GOARCH {
		return dir
	}
	return filepath.Join(dir, b.arch)
}

// runNames returns the names under which a rebase looks for a newer run image: those that the builder has for it, or else its
// own (platform.md, "run.toml").
func (b *build) runNames(t target) cnb.RunImage {
	for _, run := range b.Builder.Run {
		if slices.ContainsFunc(run.Names(), func(text string) bool {
			ref, err := imagename.Parse(text)
			return err == nil && ref.Name() == t.run.Name()
		}) {
			return cnb.RunImage{Image: run.Image, Mirrors: run.Mirrors}
		}
	}
	return cnb.RunImage{Image: t.run.String()}
}
