package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// claim is what an image says of a layer.
type claim struct {
	bytes int64 // compressed
	what  string
	base  bool // it belongs to a run image
}

// vote is a claim with how many images say so.
type vote struct {
	claim
	images int
}

// votes are the claims of one layer.
type votes []vote

func (v *votes) add(c claim) {
	for i := range *v {
		if (*v)[i].claim == c {
			(*v)[i].images++
			return
		}
	}
	*v = append(*v, vote{c, 1})
}

// most returns what most images say. Of claims that as many make, it is one that does not depend on the order of images.
func (v votes) most() claim {
	ofRun := func(c vote) int {
		if c.base {
			return 1
		}
		return 0
	}
	return slices.MinFunc(v, func(a, b vote) int {
		return cmp.Or(cmp.Compare(b.images, a.images), cmp.Compare(ofRun(a), ofRun(b)), cmp.Compare(a.bytes, b.bytes),
			cmp.Compare(a.what, b.what))
	}).claim
}

// report sums up what was read.
func (r *reader) report(images []Image) *Report {
	out := &Report{
		Images: append([]Image{}, images...), Layers: append([]Layer{}, r.layers.list...), Holders: r.holders, HoldersLeft: r.left,
		Package: r.Package, Date: r.Now,
	}
	out.settle()
	seen := map[string]bool{}
	for i := range out.Images {
		image := &out.Images[i]
		image.share(out.Layers)
		out.Totals.add(image, r.Now)
		if !seen[image.Digest] {
			out.Totals.Bytes += image.Bytes
		}
		seen[image.Digest] = true
	}
	for _, layer := range out.Layers {
		out.Totals.Pulled += layer.Bytes
		if layer.Images > 1 {
			out.Totals.Shared += layer.Bytes
		}
	}
	for i, h := range out.Holders {
		if h.place >= 0 {
			out.Holders[i].Layer, out.Holders[i].What = out.Layers[h.place].Digest, out.Layers[h.place].What
		}
		out.Holders[i].place = 0
	}
	out.order()
	slices.SortFunc(out.Holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Digest, b.Digest),
			cmp.Compare(a.Package, b.Package), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Version, b.Version))
	})
	out.Holders = slices.Compact(out.Holders)
	return out
}

// settle counts the images of each layer, and takes what most of them say of it.
func (r *Report) settle() {
	all := make([]votes, len(r.Layers))
	seen := map[string]bool{}
	for _, image := range r.Images {
		if seen[image.Digest] {
			continue
		}
		seen[image.Digest] = image.Digest != ""
		counted := map[int]bool{}
		for i, layer := range image.Layers {
			if all[layer].add(image.claims[i]); !counted[layer] {
				r.Layers[layer].Images++
			}
			counted[layer] = true
		}
	}
	for i := range r.Layers {
		is := all[i].most()
		r.Layers[i].Bytes, r.Layers[i].What, r.Layers[i].Base = is.bytes, is.what, is.base
	}
	for i := range r.Images {
		image := &r.Images[i]
		for at, layer := range image.Layers {
			if says, is := image.claims[at].bytes, r.Layers[layer].Bytes; says != is {
				image.Notes = append(image.Notes, fmt.Sprintf("its manifest gives layer %s %d bytes, and those of other images %d",
					r.Layers[layer].Digest, says, is))
				break
			}
		}
	}
}

// share counts the bytes that an image has alone, as its own manifest says.
func (i *Image) share(layers []Layer) {
	counted := map[int]bool{}
	for at, layer := range i.Layers {
		if counted[layer] {
			continue
		}
		counted[layer] = true
		bytes := i.claims[at].bytes
		if i.Bytes += bytes; layers[layer].Images > 1 {
			i.Shared += bytes
		} else {
			i.Unique += bytes
		}
	}
}

// distinct returns the layers of an image, each once.
func (i *Image) distinct() []int {
	return slices.Compact(slices.Sorted(slices.Values(i.Layers)))
}

func (t *Totals) add(i *Image, now time.Time) {
	count := func(sum *int, counts bool) {
		if counts {
			*sum++
		}
	}
	count(&t.Failed, i.Err != "")
	if i.Err != "" {
		return
	}
	t.Images++
	app := i.Kind == App
	count(&t.Apps, app)
	count(&t.Runtimes, i.RuntimesDue())
	count(&t.Due, i.Base != nil && i.Base.Due)
	count(&t.Refused, i.Base != nil && i.Base.Reason != "")
	count(&t.Behind, i.Packages.behind()+i.Own.behind() > 0)
	count(&t.Security, i.SecurityUpdates() > 0)
	count(&t.NotCompared, !i.Compared())
	count(&t.Ended, slices.ContainsFunc(i.Languages, func(l Language) bool { return l.HasEnded(now) }))
	count(&t.Unsigned, app && !i.Signed && i.Unvouched == "")
	count(&t.Unattested, app && !i.Attested && i.Unvouched == "")
	count(&t.Unvouched, i.Unvouched != "")
}

// RuntimesDue reports whether a rebase of runtimes puts a newer one under the app.
func (i *Image) RuntimesDue() bool {
	return slices.ContainsFunc(i.Languages, func(l Language) bool { return l.Rebase })
}

func (p *Packages) behind() int {
	if p == nil {
		return 0
	}
	return p.Behind
}

// Compared reports whether all packages of the image were compared with what Debian offers.
func (i *Image) Compared() bool {
	return i.Packages != nil && i.Packages.Reason == "" && (i.Own == nil || i.Own.Reason == "")
}

// SecurityUpdates returns how many of the image's packages a security update is due for.
func (i *Image) SecurityUpdates() int {
	sum := 0
	for _, p := range []*Packages{i.Packages, i.Own} {
		if p != nil {
			sum += p.Security
		}
	}
	return sum
}

// Holding returns how many of the images hold the package that was asked for.
func (r *Report) Holding() int {
	holding := map[[3]string]bool{}
	for _, h := range r.Holders {
		holding[[3]string{h.Image, h.Platform, h.Digest}] = true
	}
	return len(holding)
}

// order puts the layers that most images have first, larger ones before smaller ones.
func (r *Report) order() {
	places := make([]int, len(r.Layers))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int {
		x, y := r.Layers[a], r.Layers[b]
		return cmp.Or(cmp.Compare(y.Images, x.Images), cmp.Compare(y.Bytes, x.Bytes), cmp.Compare(x.Digest, y.Digest))
	})
	sorted, now := make([]Layer, len(places)), make([]int, len(places))
	for to, from := range places {
		sorted[to], now[from] = r.Layers[from], to
	}
	r.Layers = sorted
	for _, image := range r.Images {
		for i, layer := range image.Layers {
			image.Layers[i] = now[layer]
		}
	}
}
