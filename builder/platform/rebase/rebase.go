// Package rebase moves app images to newer run images without a build: one or many, in the store or in registries. Package
// swap has the rules.
package rebase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// jobs is how many images are rebased at a time. Almost all of the time goes into waiting for a registry.
const jobs = 48

// Where an image is.
const (
	inStore    = "store"
	inRegistry = "registry"
)

// Options say which images to move, and to what.
type Options struct {
	Images   []string
	Listed   []registry.Listed // what registries list: apps among it are rebased, and nothing is said of the rest
	In       string            // "store", "registry", or "": what each name says
	To       string            // "debug", "base", or "": the newest of the same run image
	RunImage string            // the run image's name, instead of the one that the app's image names
	DryRun   bool              // check and count, but write nothing
	Undo     bool              // go back to what images were before their last rebase, as their provenance says
	Limit    int               // how many images are moved at first; 0 for all
	Check    Check             // decides then whether the others are moved; nil: they are left
	Runtimes *Runtimes         // puts newer runtimes under apps, too; nil: they stay
	Signer   *attest.Signer    // signs what is rebased in a registry; nil for nobody
	Registry registry.Options
}

// Result is what became of one image.
type Result struct {
	Image    string
	In       string           // "store" or "registry"
	Old, New string           // run images as NAME@DIGEST, digests cut to 12 digits; New is empty when none was found
	Runtimes []attest.Runtime // of the image, if newer ones were wanted
	Current  bool             // the image was on the run image already, and its runtimes were the newest
	Left     bool             // the image is left as it is, because others went first
	ByKpack  bool             // kpack built the image, and rebases it
	Moved    int64            // bytes that were written or, on a dry run, that would be
	Took     time.Duration
	Err      error // why it was not rebased
}

// Moves reports whether the image was moved or, on a dry run, would be.
func (r Result) Moves() bool { return r.Err == nil && !r.Current && !r.Left }

// Images moves images to another run image, several at a time, and returns what became of each, in their order. It
// rebases an image whole or not at all. If the error is of Check, the results are there, too.
func Images(ctx context.Context, h *home.Home, options Options) ([]Result, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return nil, err
	}
	r := rebaser{Options: options, made: new(once.Map[request, Made]), places: map[string]place{
		inStore:    &inTheStore{home: h},
		inRegistry: &inARegistry{store: h.Store, client: client, signer: options.Signer, named: options.registries()},
	}}
	list := make([]job, 0, len(options.Images)+len(options.Listed))
	for _, image := range options.Images {
		list = append(list, job{Result: Result{Image: image}})
	}
	for _, listed := range options.Listed {
		list = append(list, job{Result: Result{Image: listed.Name, In: inRegistry, Err: listed.Err}, listed: true})
	}
	err = r.run(ctx, list)
	results := make([]Result, 0, len(list))
	for _, j := range list {
		if !j.noApp {
			results = append(results, j.Result)
		}
	}
	return results, err
}

// job is an image with what becomes of it.
type job struct {
	Result
	listed bool // nobody has named it
	noApp  bool // nothing is said of it
}

// registries returns the hosts of the registries that the user names.
func (o Options) registries() map[string]bool {
	images := []string{o.RunImage}
	for _, listed := range o.Listed {
		images = append(images, listed.Name)
	}
	for _, image := range o.Images {
		if o.place(image) == inRegistry {
			images = append(images, image)
		}
	}
	hosts := map[string]bool{}
	for _, image := range images {
		if ref, err := imagename.Parse(image); err == nil { // what is no name is refused when it is used
			hosts[ref.Context().RegistryStr()] = true
		}
	}
	return hosts
}

func (o Options) validate() error {
	switch {
	case o.To != "" && o.To != "debug" && o.To != "base":
		return fault.Fault{ID: "rebase-to", What: "--to " + o.To + " is not known", Do: "write debug or base"}
	case o.In != "" && o.In != inStore && o.In != inRegistry:
		return fault.Fault{ID: "rebase-in", What: "--in " + o.In + " is not known", Do: "write store or registry"}
	case o.To != "" && o.RunImage != "":
		return fault.Fault{ID: "rebase-to", What: "--to and --run-image both name a run image", Do: "leave one out"}
	case o.Undo && (o.To != "" || o.RunImage != ""):
		return fault.Fault{ID: "rebase-undo", What: "--undo goes back to where an image was, and to no other run image", Do: "leave one out"}
	case o.Undo && len(o.Listed) > 0:
		return fault.Fault{
			ID: "rebase-undo", What: "--undo takes no --catalogue", Do: "name the images, or the list of --write-list with --from-file",
		}
	case o.Check != nil && o.Limit < 1, o.Limit < 0:
		return fault.Fault{ID: "rebase-limit", What: "--wait needs the number of images that go first", Do: "give it with --limit"}
	}
	return nil
}

// place is where an app's image is.
type place interface {
	// read returns the image of a name.
	read(ctx context.Context, ref name.Reference) (v1.Image, error)
	// base finds a run image, by its name and those of its mirrors, for an app that is at this place.
	base(ctx context.Context, app name.Reference, names []string, platform v1.Platform) (swap.Base, error)
	// earlier returns an image that the name stood for, by its digest, with what is attached to the present one.
	earlier(ctx context.Context, now name.Digest, digest func([]store.Artifact) (v1.Hash, error)) (v1.Image, error)
	// restore is replace for an image that is there with all that is attached to it.
	restore(ctx context.Context, m move) (int64, error)
	// cost returns how many bytes replace would write.
	cost(ctx context.Context, m move) (int64, error)
	// replace gives the name to the rebased image, unless the name has come to stand for another image meanwhile. It
	// returns how many bytes it has written.
	replace(ctx context.Context, m move) (int64, error)
}

// move is the rebase of one image.
type move struct {
	ref   name.Reference
	old   v1.Hash // the image before
	image v1.Image
	base  swap.Base

	layers   []v1.Layer // with runtimes and their bills of materials, that are new
	runtimes []attest.Runtime
	maker    attest.Image // the builder that made them
}

// replaced is the fault of an image that a rebase leaves alone.
func (m move) replaced() error {
	return fault.Fault{
		ID:   "rebase-replaced",
		What: m.ref.String() + " was replaced by somebody else meanwhile",
		Do:   "rebase it again",
	}
}

// size returns how many bytes the image's configuration and manifest have.
func (m move) size() (int64, error) {
	manifest, err := m.image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", m.ref, err)
	}
	size, err := m.image.Size()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", m.ref, err)
	}
	return size + manifest.Config.Size, nil
}

// rebaser is one run of Images.
type rebaser struct {
	Options
	places map[string]place
	made   *once.Map[request, Made]
}

// plan finds out what is to be done with one image. act does it, and is nil if nothing is to be done.
func (r rebaser) plan(ctx context.Context, j *job) (act func() error) {
	if j.Err != nil {
		return nil
	}
	m, where, err := r.find(ctx, j)
	if j.Err = err; err != nil || j.Current || j.noApp {
		return nil
	}
	return func() error {
		act := where.replace
		switch {
		case r.DryRun && r.Undo:
			act = func(_ context.Context, m move) (int64, error) { return m.size() }
		case r.DryRun:
			act = where.cost
		case r.Undo:
			act = where.restore
		}
		var err error
		j.Moved, err = act(ctx, m)
		return err
	}
}

// find returns what an image would be moved to, and where it is.
func (r rebaser) find(ctx context.Context, j *job) (move, place, error) {
	if err := ctx.Err(); err != nil {
		return move{}, nil, err
	}
	if _, err := imagename.Parse(j.Image); err != nil {
		return move{}, nil, err
	}
	tag, _, _ := strings.Cut(j.Image, "@") // a digest says which image the tag has to stand for
	ref, err := imagename.ParseTag(tag)
	if err != nil {
		return move{}, nil, err
	}
	if j.In == "" {
		j.In = r.place(j.Image)
	}
	where := r.places[j.In]
	before, err := where.read(ctx, ref)
	if j.listed && errors.Is(err, registry.ErrIndex) {
		j.noApp = true
		return move{}, where, nil
	}
	if err != nil {
		return move{}, where, err
	}
	if j.listed {
		config, err := before.ConfigFile()
		if j.noApp = err != nil || !store.IsApp(config); j.noApp { // what has no configuration is an artifact
			return move{}, where, nil
		}
	}
	look := r.onto
	if r.Undo {
		look = r.back
	}
	m, err := look(ctx, where, ref, before, &j.Result)
	return m, where, err
}

// onto puts another run image under an app. It notes in the result which one, and whether it was there already.
func (r rebaser) onto(ctx context.Context, where place, ref name.Reference, before v1.Image, result *Result) (move, error) {
	m := move{ref: ref}
	var err error
	if m.old, err = before.Digest(); err != nil {
		return m, fmt.Errorf("reading %s: %w", ref, err)
	}
	if _, digest, found := strings.Cut(result.Image, "@"); found && digest != m.old.String() {
		return m, fault.Fault{
			ID:   "rebase-moved",
			What: fmt.Sprintf("%s is not %s, but %s", ref, digest, m.old),
			Do:   "name the tag of the image, or leave the digest out",
		}
	}
	app, err := swap.Open(result.Image, before)
	if err != nil {
		return m, err
	}
	result.ByKpack = app.ByKpack()
	names, err := r.names(app, result)
	if err != nil {
		return m, err
	}
	if m.base, err = where.base(ctx, ref, names, app.Platform()); err != nil {
		return m, err
	}
	digest, err := m.base.Image.Digest()
	if err != nil {
		return m, fmt.Errorf("reading %s: %w", m.base.Ref, err)
	}
	result.New = swap.Short(names[0], digest.String())
	if m.image, err = app.On(m.base); err != nil {
		return m, err
	}
	if r.Runtimes != nil {
		if err := r.renew(ctx, &m, result); err != nil {
			return m, err
		}
	}
	result.Current = m.image == before
	return m, nil
}

// place returns where the image of a name is. Unless the options say it, the name does: a name with a registry is there.
func (o Options) place(image string) string {
	switch {
	case o.In != "":
		return o.In
	case imagename.SaysRegistry(image):
		return inRegistry
	}
	return inStore
}

// names returns the names of the run image to move to, and notes the old one in the result.
func (r rebaser) names(app *swap.App, result *Result) ([]string, error) {
	names := app.Names()
	result.Old = app.Standing()
	if r.RunImage != "" {
		return []string{r.RunImage}, nil
	}
	if len(names) == 0 {
		return nil, fault.Fault{
			ID:   "rebase-no-run-image",
			What: result.Image + " does not say which run image it stands on",
			Do:   "name one with --run-image",
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "@") })
	if len(names) == 0 {
		return nil, fault.Fault{
			ID:   "rebase-no-tag",
			What: result.Image + " names its run image by a digest, which always means the same image: " + result.Old,
			Do:   "name one with --run-image",
		}
	}
	if r.To == "" {
		return names, nil
	}
	twins := make([]string, len(names))
	for i, name := range names {
		twins[i] = imagename.WithoutDebug(name)
		if r.To == "debug" {
			twins[i] = imagename.DebugTwin(name)
		}
	}
	return twins, nil
}
