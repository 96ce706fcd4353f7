package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/internal/registry"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// rebaseJobs is how many images are rebased at a time.
const rebaseJobs = 16

// debugSuffix is what the repository of a run image's debug twin has more.
const debugSuffix = "-debug"

// RegistryOptions say how to reach registries; the zero value is what users have.
type RegistryOptions = registry.Options

// RebaseOptions says which images to move, and to what.
type RebaseOptions struct {
	Images   []string
	In       string  // "store", "registry", or "": what each name says
	To       string  // "debug", "base", or "": the run image's newest
	RunImage string  // the run image's name, instead of what the app's image says
	DryRun   bool    // check and count, write nothing
	Signer   *Signer // signs what is rebased in a registry
	Registry RegistryOptions
}

// Rebased is what became of one image.
type Rebased struct {
	Image    string
	In       string // "store" or "registry"
	Old, New string // run images as NAME@DIGEST, digests cut to 12 digits; New is empty when none was found
	Current  bool   // it was there already
	Moved    int64  // bytes that were written; on a dry run, would be
	Took     time.Duration
	Err      error // why it was not rebased
}

// Rebase moves images to another run image, several at a time, and tells what
// became of each, in their order. An image is rebased whole or not at all.
func (h *Home) Rebase(ctx context.Context, options RebaseOptions) ([]Rebased, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return nil, err
	}
	r := &rebaser{RebaseOptions: options, home: h, client: client, bases: map[string]func() (rebase.Base, error){}, bills: map[name.Digest]func() (attest.Base, error){}}
	results := make([]Rebased, len(options.Images))
	var group errgroup.Group
	group.SetLimit(rebaseJobs)
	for i, image := range options.Images {
		group.Go(func() error {
			start := time.Now()
			results[i].Image = image
			results[i].Err = r.one(ctx, &results[i])
			results[i].Took = time.Since(start)
			return nil // one image that cannot be rebased is no reason to leave the others
		})
	}
	return results, group.Wait()
}

func (o RebaseOptions) validate() error {
	switch {
	case o.To != "" && o.To != "debug" && o.To != "base":
		return fault.Fault{ID: "rebase-to", What: "--to " + o.To + " is not known", Do: "write debug or base"}
	case o.In != "" && o.In != "store" && o.In != "registry":
		return fault.Fault{ID: "rebase-in", What: "--in " + o.In + " is not known", Do: "write store or registry"}
	case o.To != "" && o.RunImage != "":
		return fault.Fault{ID: "rebase-to", What: "--to and --run-image both name a run image", Do: "leave one out"}
	}
	return nil
}

// Catalogue lists the app images of a registry by their names: those that a lifecycle exported, for one platform.
func (h *Home) Catalogue(ctx context.Context, host string, options RegistryOptions) ([]string, error) {
	where, err := name.NewRegistry(host)
	if err != nil {
		return nil, fault.Fault{ID: "rebase-catalogue", What: fmt.Sprintf("%q is no registry", host), Do: "write it as HOST or HOST:PORT"}
	}
	client, err := registry.New(options)
	if err != nil {
		return nil, err
	}
	tags, err := client.Tags(ctx, where)
	if f := (fault.Fault{}); errors.As(err, &f) && f.ID == registry.Unknown {
		return nil, fault.Fault{ID: "rebase-catalogue", What: host + " has no catalogue", Do: "list the images in a file for --from-file"}
	}
	if err != nil {
		return nil, err
	}
	isApp := make([]bool, len(tags))
	group, reader := errgroup.WithContext(ctx)
	group.SetLimit(rebaseJobs)
	for i, tag := range tags {
		group.Go(func() error {
			image, err := client.Single(reader, tag)
			if f := (fault.Fault{}); errors.As(err, &f) && f.ID == registry.Index {
				return nil
			}
			if err != nil {
				return err
			}
			config, err := image.ConfigFile()
			if err != nil {
				return nil // an artifact's
			}
			isApp[i] = rebase.IsApp(config)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var apps []string
	for i, tag := range tags {
		if isApp[i] {
			apps = append(apps, tag.String())
		}
	}
	return apps, nil
}

// rebaser is one run of Rebase.
type rebaser struct {
	RebaseOptions
	home   *Home
	client *registry.Client

	mu    sync.Mutex
	bases map[string]func() (rebase.Base, error)      // each run image is looked up once,
	bills map[name.Digest]func() (attest.Base, error) // and what it consists of, too
}

// one rebases one image.
func (r *rebaser) one(ctx context.Context, result *Rebased) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ref, err := ParseReference(result.Image)
	if err != nil {
		return err
	}
	if _, isTag := ref.(name.Tag); !isTag {
		return fault.Fault{ID: "rebase-digest", What: result.Image + " is named by a digest, which stays what it is", Do: "name the image by a tag"}
	}
	if result.In = r.In; result.In == "" {
		result.In = place(result.Image)
	}
	image, err := r.read(ctx, ref, result)
	if err != nil {
		return err
	}
	app, err := rebase.Open(result.Image, image)
	if err != nil {
		return err
	}
	names, err := r.names(app, result)
	if err != nil {
		return err
	}
	base, err := r.base(ctx, ref, names, app.Platform(), result.In == "registry")
	if err != nil {
		return err
	}
	digest, err := base.Image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	result.New = short(names[0], digest.String())
	moved, err := app.On(base)
	if err != nil {
		return err
	}
	if result.Current = moved == image; result.Current {
		return nil
	}
	return r.write(ctx, ref, image, moved, base, result)
}

// place tells where the image of a name is: in a registry if the name says which, else in the store.
func place(image string) string {
	host, _, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return "registry"
	}
	return "store"
}

// names are those of the run image to move to, and the old one's goes into the result.
func (r *rebaser) names(app *rebase.App, result *Rebased) ([]string, error) {
	names := app.Names()
	if len(names) > 0 {
		result.Old = short(names[0], app.BaseDigest())
	}
	if r.RunImage != "" {
		return []string{r.RunImage}, nil
	}
	if len(names) == 0 {
		return nil, fault.Fault{ID: "rebase-no-run-image", What: result.Image + " does not say which run image it stands on", Do: "name one with --run-image"}
	}
	if r.To == "" {
		return names, nil
	}
	twins := make([]string, len(names))
	for i, name := range names {
		twins[i] = twin(name, r.To == "debug")
	}
	return twins, nil
}

// twin is the name of the debug twin of a run image, or of the run image of a twin.
func twin(image string, debug bool) string {
	start := strings.LastIndex(image, "/") + 1
	repository, rest := image, ""
	if end := strings.IndexAny(image[start:], ":@"); end >= 0 {
		repository, rest = image[:start+end], image[start+end:]
	}
	repository = strings.TrimSuffix(repository, debugSuffix)
	if debug {
		repository += debugSuffix
	}
	return repository + rest
}

func short(image, digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	if len(hex) < 12 {
		return image
	}
	return image + "@" + hex[:12]
}

func (r *rebaser) read(ctx context.Context, ref name.Reference, result *Rebased) (v1.Image, error) {
	if result.In == "registry" {
		return r.client.Single(ctx, ref)
	}
	return r.home.Image(result.Image, "build it with `strata build`, or write --in registry")
}

// base finds the run image: for an app in the store there, for an app in a
// registry under that of its names which is in the same registry, then in the
// store, then wherever a name leads.
func (r *rebaser) base(ctx context.Context, app name.Reference, names []string, platform v1.Platform, remote bool) (rebase.Base, error) {
	key := fmt.Sprintln(remote, names, platform)
	if remote {
		key += app.Context().RegistryStr()
	}
	r.mu.Lock()
	find, ok := r.bases[key]
	if !ok {
		find = sync.OnceValues(func() (rebase.Base, error) {
			if !remote {
				return r.localBase(names)
			}
			return r.remoteBase(ctx, app, names, platform)
		})
		r.bases[key] = find
	}
	r.mu.Unlock()
	return find()
}

func (r *rebaser) localBase(names []string) (rebase.Base, error) {
	ref, err := ParseReference(names[0])
	if err != nil {
		return rebase.Base{}, err
	}
	image, err := r.home.Image(names[0], "make it with `strata stack build`")
	return rebase.Base{Names: names, Ref: ref, Image: image}, err
}

func (r *rebaser) remoteBase(ctx context.Context, app name.Reference, names []string, platform v1.Platform) (rebase.Base, error) {
	var near, far []name.Reference
	for _, text := range names {
		ref, err := ParseReference(text)
		if err != nil {
			return rebase.Base{}, err
		}
		if ref.Context().RegistryStr() == app.Context().RegistryStr() {
			near = append(near, ref)
		} else {
			far = append(far, ref)
		}
	}
	var errs []error
	broken := false // a registry did not answer whether it has the image
	try := func(refs []name.Reference, inRegistry bool) *rebase.Base {
		read := r.home.store.Image
		if inRegistry {
			read = func(ref name.Reference) (v1.Image, error) { return r.client.Image(ctx, ref, platform) }
		}
		for _, ref := range refs {
			image, err := read(ref)
			if err == nil {
				return &rebase.Base{Names: names, Ref: ref, Image: image, InRegistry: inRegistry}
			}
			if f := (fault.Fault{}); errors.As(err, &f) && f.Err != nil {
				broken = f.ID != registry.Unknown
				err = f.Err // what to do about one name is not what to do about all
			}
			errs = append(errs, err)
		}
		return nil
	}
	base := try(near, true)
	if base == nil && !broken { // else the store's image may be another one than the registry's
		base = try(slices.Concat(near, far), false)
	}
	if base == nil && !broken {
		base = try(far, true)
	}
	if base != nil {
		return *base, nil
	}
	do := "make it with `strata stack build`, or name another with --run-image"
	if broken {
		do = "try again when the registry answers, or name another with --run-image"
	}
	return rebase.Base{}, fault.Fault{ID: "rebase-base-missing", What: "the run image " + names[0] + " was not found", Err: errors.Join(errs...), Do: do}
}

// write gives the name to the rebased image, unless it has come to stand for another image meanwhile.
func (r *rebaser) write(ctx context.Context, ref name.Reference, before, after v1.Image, base rebase.Base, result *Rebased) error {
	old, err := before.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", ref, err)
	}
	layers, err := base.Image.Layers()
	if err != nil {
		return fmt.Errorf("reading %s: %w", base.Ref, err)
	}
	switch {
	case r.DryRun:
		result.Moved, err = r.size(ctx, ref, after, layers, base, result.In == "registry")
		return err
	case result.In == "registry":
		var traffic registry.Traffic
		counted := registry.WithTraffic(ctx, &traffic)
		err := r.attachInRegistry(counted, ref, old, after, base)
		if err == nil {
			err = r.push(counted, ref, old, after, layers)
		}
		result.Moved = traffic.Sent()
		return err
	}
	if result.Moved, err = r.size(ctx, ref, after, nil, base, false); err != nil {
		return err
	}
	attached, err := r.home.attachedAfter(ref, old, after, base)
	if err != nil {
		return err
	}
	return r.home.replace(ctx, ref, old, after, attached)
}

func (r *rebaser) push(ctx context.Context, ref name.Reference, old v1.Hash, image v1.Image, layers []v1.Layer) error {
	now, err := r.client.Digest(ctx, ref)
	if err != nil {
		return err
	}
	if now != old {
		return replaced(ref)
	}
	return r.client.PushOver(ctx, ref, image, layers)
}

func replaced(ref name.Reference) error {
	return fault.Fault{ID: "rebase-replaced", What: ref.String() + " was replaced by somebody else meanwhile", Do: "rebase it again"}
}

// replace is a store's Put that leaves an image alone which is not the one that was read.
func (h *Home) replace(ctx context.Context, ref name.Reference, old v1.Hash, image v1.Image, attached []store.Artifact) error {
	_, unlock, err := h.lockApp(ctx, ref, nil)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := h.store.Image(ref)
	if err != nil {
		return err
	}
	if digest, err := now.Digest(); err != nil {
		return err
	} else if digest != old {
		return replaced(ref)
	}
	_, err = h.store.Put(ref, image, attached...)
	return err
}

// size is what writing the image takes: its configuration and manifest, and
// the layers of the base that are neither there nor elsewhere in the registry.
func (r *rebaser) size(ctx context.Context, ref name.Reference, image v1.Image, layers []v1.Layer, base rebase.Base, remote bool) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", ref, err)
	}
	size, err := image.Size()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", ref, err)
	}
	size += manifest.Config.Size
	if !remote || base.InRegistry && base.Ref.Context().RegistryStr() == ref.Context().RegistryStr() {
		return size, nil
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", base.Ref, err)
		}
		has, err := r.client.Has(ctx, ref.Context(), digest)
		if err != nil {
			return 0, err
		}
		if has {
			continue
		}
		bytes, err := layer.Size()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", base.Ref, err)
		}
		size += bytes
	}
	return size, nil
}
