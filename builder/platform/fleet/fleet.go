// Package fleet says of all images of a team what built them, what they stand on and how far that is behind, what they have in common and
// what is due. It reads registries, changes nothing there, and believes no image: one that cannot be read has a row with the reason.
package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// How many images are read at a time, and of how many the bills of materials: one may have 16 MiB.
const (
	jobs  = 32
	bills = 16
)

// Options say which images to look at.
type Options struct {
	Places   []string // as registry.Client.List has them
	Package  string   // whose holders are wanted; empty for nobody's
	Registry registry.Options
	Offers   Offers    // nil: packages are counted and not compared
	Locked   Locked    // versions of languages that builds take; nil if they are not known
	Now      time.Time // by which languages have ended
}

// Offers returns what the signed index of one of Debian's releases offers, by the names of packages.
type Offers func(ctx context.Context, codename, arch string) (map[string][]archive.Offer, error)

// What an image is.
const (
	App        = "app"         // a lifecycle exported it
	RunImage   = "run image"   // apps stand on it
	Builder    = "builder"     // it builds apps
	BuildImage = "build image" // builders stand on it
	Other      = "image"       // no buildpack knows it
)

// Report says what the images of a fleet are.
type Report struct {
	Images      []Image   `json:"images"`
	Layers      []Layer   `json:"layers"`            // of all images: those that most images have first
	Totals      Totals    `json:"totals"`            // of the images that could be read
	Holders     []Holder  `json:"holders,omitempty"` // of the package that was asked for
	HoldersLeft int       `json:"holdersLeft,omitempty"`
	Package     string    `json:"package,omitempty"`
	Date        time.Time `json:"date"`
}

// Image is one image of a fleet, of one platform. What is not known of it has a reason; the rest stands.
type Image struct {
	Name      string     `json:"name"`
	Digest    string     `json:"digest,omitempty"`
	Platform  string     `json:"platform,omitempty"`
	OfIndex   bool       `json:"ofIndex,omitempty"` // the name stands for an index, which has this image
	Kind      string     `json:"kind,omitempty"`
	Err       string     `json:"error,omitempty"`   // why it could not be read; all below is empty then
	BuiltBy   []string   `json:"builtBy,omitempty"` // buildpacks as ID@VERSION, in their order
	ByKpack   bool       `json:"byKpack,omitempty"`
	Base      *Base      `json:"runImage,omitempty"` // of an app
	Packages  *Packages  `json:"packages,omitempty"` // of the run image
	Own       *Packages  `json:"ownPackages,omitempty"`
	Languages []Language `json:"languages,omitempty"`
	Layers    []int      `json:"layers,omitempty"` // lowest first, as places in the report's list
	Bytes     int64      `json:"bytes"`            // of all layers, compressed, as its manifest says
	Shared    int64      `json:"sharedBytes"`      // of the layers that other images have too
	Unique    int64      `json:"uniqueBytes"`
	Signed    bool       `json:"signed"`   // somebody's signature is there; whose it is nobody has checked
	Attested  bool       `json:"attested"` // there is provenance
	Described bool       `json:"described"`
	Unvouched string     `json:"vouchingUnknown,omitempty"` // why there may be signatures or provenance that were not seen
	Blind     []string   `json:"notLookedInto,omitempty"`   // why it may have packages that were not seen
	Notes     []string   `json:"notes,omitempty"`           // what is wrong with it

	claims []claim // what it says of its layers
}

// Base is the run image that an app stands on.
type Base struct {
	Name   string `json:"name"`   // NAME@DIGEST, the digest cut to 12 digits
	Newest string `json:"newest"` // the same of what its name stands for now
	Due    bool   `json:"due"`    // a rebase would move the app
	Reason string `json:"reason,omitempty"`
}

// Packages says how far packages of Debian are behind.
type Packages struct {
	Count       int      `json:"count"`
	Behind      int      `json:"behind"`
	Security    int      `json:"security"`    // of those behind
	NotCompared int      `json:"notCompared"` // of Count: nobody knows whether they are behind
	Updates     []Update `json:"updates,omitempty"`
	Reason      string   `json:"reason,omitempty"` // why packages were not compared, or not even counted
}

// Update is a newer version of a package.
type Update struct {
	Package   string `json:"package"`
	Installed string `json:"installed"`
	Newest    string `json:"newest"`
	Security  bool   `json:"security"`
}

// Layer is a layer of the fleet. Images may say different things of one: what most of them say counts.
type Layer struct {
	Digest   string `json:"digest"`
	What     string `json:"what,omitempty"` // what made it
	Bytes    int64  `json:"bytes"`          // compressed
	Images   int    `json:"images"`         // how many have it, each digest once
	Base     bool   `json:"ofRunImage"`
	Compared bool   `json:"compared"` // all packages in it were compared with what Debian offers
	Behind   int    `json:"behind"`
	Security int    `json:"security"`
}

// Totals are the sums of a report. Images of one digest count once in bytes, and for each name elsewhere.
type Totals struct {
	Images      int   `json:"images"`
	Failed      int   `json:"failed"`
	Apps        int   `json:"apps"`
	Due         int   `json:"due"`         // apps that a rebase would move
	Runtimes    int   `json:"runtimes"`    // apps that `strata rebase --runtimes` puts newer runtimes under
	Refused     int   `json:"refused"`     // apps of which it would not, or of which that is not known
	Behind      int   `json:"behind"`      // images with packages that are behind
	Security    int   `json:"security"`    // images with packages that a security update is due for
	NotCompared int   `json:"notCompared"` // images with packages that were not compared, or that nobody looked into
	Ended       int   `json:"ended"`       // images with a language that nobody maintains any more
	Unsigned    int   `json:"unsigned"`    // apps
	Unattested  int   `json:"unattested"`  // apps
	Unvouched   int   `json:"vouchingUnknown"`
	Bytes       int64 `json:"bytes"` // of all images one by one
	Pulled      int64 `json:"pulledBytes"`
	Shared      int64 `json:"sharedBytes"` // of layers that several images have, each once
}

// Holder is a package in a layer of an image.
type Holder struct {
	Image    string `json:"image"`
	Digest   string `json:"digest"` // of the image
	Platform string `json:"platform"`
	Package  string `json:"package"`
	Version  string `json:"version"`
	Newest   string `json:"newest,omitempty"`
	Layer    string `json:"layer"` // its digest, empty if the image does not say it
	What     string `json:"what,omitempty"`

	place int // of the layer, -1 if it is not known
}

// Names returns the names of the images at some places, each once, and of the repositories and places that cannot be listed. It does not
// say where there may be more below a path (registry.ErrMore).
func Names(ctx context.Context, places []string, options registry.Options) ([]registry.Listed, error) {
	all, err := list(ctx, places, options)
	return slices.DeleteFunc(all, func(l registry.Listed) bool { return errors.Is(l.Err, registry.ErrMore) }), err
}

// list is Names with the places where there may be more.
func list(ctx context.Context, places []string, options registry.Options) ([]registry.Listed, error) {
	client, err := registry.New(options)
	if err != nil {
		return nil, err
	}
	all, err := client.ListAll(ctx, places)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b registry.Listed) int { return strings.Compare(a.Name, b.Name) })
	all = slices.CompactFunc(all, func(a, b registry.Listed) bool { return a.Name == b.Name })
	if len(all) == 0 {
		return nil, fault.Fault{
			ID: "fleet-empty", What: "there is no image at " + strings.Join(places, ", "), Do: "name another registry or path",
		}
	}
	return all, nil
}

// Read looks at all images, several at a time.
func Read(ctx context.Context, h *home.Home, options Options) (*Report, error) {
	names, err := list(ctx, options.Places, options.Registry)
	if err != nil {
		return nil, err
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return nil, err
	}
	images := make([]string, len(names))
	for i, listed := range names {
		images[i] = listed.Name
	}
	r := &reader{
		Options: options, client: client, dues: rebase.NewDues(h, client, rebase.Options{Images: images}), bills: make(chan struct{}, bills),
	}
	rows := make([][]Image, len(names))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, listed := range names {
		group.Go(func() error {
			if listed.Err != nil {
				rows[i] = failed(listed.Name, listed.Err)
			} else if ctx.Err() == nil {
				rows[i] = r.read(ctx, listed.Name)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return r.report(slices.Concat(rows...)), nil
}

// failed returns the row of what could not be read.
func failed(image string, err error) []Image {
	return []Image{{Name: short(image, maxReason), Err: short(err.Error(), maxReason)}}
}

// How long texts of others may be in a report, in bytes.
const (
	maxReason = 500
	maxText   = 200
)

// short cuts a text of others to one line of a length.
func short(text string, most int) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
