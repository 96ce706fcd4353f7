// Package rebase moves app images to newer run images without a build: one or many, in the store or in registries. Package
// swap has the rules.
package rebase

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// jobs is how many images are rebased at a time.
const jobs = 16

// Where an image is.
const (
	inStore    = "store"
	inRegistry = "registry"
)

// Options say which images to move, and to what.
type Options struct {
	Images   []string
	In       string         // "store", "registry", or "": what each name says
	To       string         // "debug", "base", or "": the newest of the same run image
	RunImage string         // the run image's name, instead of the one that the app's image names
	DryRun   bool           // check and count, but write nothing
	Signer   *attest.Signer // signs what is rebased in a registry; nil for nobody
	Registry registry.Options
}

// Result is what became of one image.
type Result struct {
	Image    string
	In       string // "store" or "registry"
	Old, New string // run images as NAME@DIGEST, digests cut to 12 digits; New is empty when none was found
	Current  bool   // the image was on the run image already
	ByKpack  bool   // kpack built the image, and rebases it
	Moved    int64  // bytes that were written or, on a dry run, that would be
	Took     time.Duration
	Err      error // why it was not rebased
}

// Images moves images to another run image, several at a time, and returns what became of each, in their order. It
// rebases an image whole or not at all.
func Images(ctx context.Context, h *home.Home, options Options) ([]Result, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return nil, err
	}
	r := rebaser{options, map[string]place{
		inStore:    &inTheStore{home: h},
		inRegistry: &inARegistry{store: h.Store, client: client, signer: options.Signer, named: options.registries()},
	}}
	results := make([]Result, len(options.Images))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, image := range options.Images {
		group.Go(func() error {
			start := time.Now()
			results[i].Image = image
			results[i].Err = r.rebase(ctx, &results[i])
			results[i].Took = time.Since(start)
			return nil // the others go on
		})
	}
	return results, group.Wait()
}

// registries returns the hosts of the registries that the user names.
func (o Options) registries() map[string]bool {
	images := []string{o.RunImage}
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
	}
	return nil
}

// place is where an app's image is.
type place interface {
	// read returns the image of a name.
	read(ctx context.Context, ref name.Reference) (v1.Image, error)
	// base finds a run image, by its name and those of its mirrors, for an app that is at this place.
	base(ctx context.Context, app name.Reference, names []string, platform v1.Platform) (swap.Base, error)
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
}

func (r rebaser) rebase(ctx context.Context, result *Result) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := imagename.Parse(result.Image); err != nil {
		return err
	}
	tag, _, _ := strings.Cut(result.Image, "@") // a digest says which image the tag has to stand for
	ref, err := imagename.ParseTag(tag)
	if err != nil {
		return err
	}
	result.In = r.place(result.Image)
	where := r.places[result.In]
	m, err := r.move(ctx, where, ref, result)
	if err != nil || result.Current {
		return err
	}
	act := where.replace
	if r.DryRun {
		act = where.cost
	}
	result.Moved, err = act(ctx, m)
	return err
}

// move puts another run image under the app. It notes in the result which one, and whether it was there already.
func (r rebaser) move(ctx context.Context, where place, ref name.Reference, result *Result) (move, error) {
	before, err := where.read(ctx, ref)
	if err != nil {
		return move{ref: ref}, err
	}
	return r.onto(ctx, where, ref, before, result)
}

// onto is move for an image that was read.
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
	result.New = short(names[0], digest.String())
	if m.image, err = app.On(m.base); err != nil {
		return m, err
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
	if len(names) > 0 {
		result.Old = short(names[0], app.BaseDigest())
	}
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

// short returns NAME@DIGEST with the digest cut to 12 digits, whatever digest the name itself has.
func short(image, digest string) string {
	image, _, _ = strings.Cut(image, "@")
	_, hex, _ := strings.Cut(digest, ":")
	if len(hex) < 12 {
		return image
	}
	return image + "@" + hex[:12]
}
