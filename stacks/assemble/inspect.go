package assemble

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

// Slice is what an image has of a package.
type Slice struct {
	// Layer is <stack>/<layer>.
	Layer, Package, Version string
	// Files counts files and links, and Size adds up the files in bytes. Folders count for neither.
	Files int
	Size  int64
	// Why says who asked for the package: "named by <stack>", or "named by <stack>: curl, libcurl4t64" with the packages
	// from the one that is named to the one that needs it.
	Why string
}

// Inspect makes the image of one stack from its lock, for the first of o.Archs, and returns its packages: lowest layer first,
// in each layer by name. What no package has, such as folders of stack.toml, is package "".
func Inspect(ctx context.Context, o Options, name string) ([]Slice, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	o.Names = []string{name}
	b := newBuilder(o)
	if _, err := b.images(ctx); err != nil {
		return nil, err
	}
	a, err := b.plan(ctx, target{name, o.Archs[0]})
	if err != nil {
		return nil, err
	}
	why, err := a.reasons()
	if err != nil {
		return nil, err
	}
	var out []Slice
	for _, l := range a.layers {
		byPackage := map[string]*Slice{}
		for pkg, known := range l.Packages() {
			text := known.Control
			byPackage[pkg] = &Slice{Layer: l.stack + "/" + l.name, Package: pkg, Version: control([]byte(text), "Version"), Why: why[pkg]}
		}
		for _, e := range l.Entries() {
			if e.Implicit || e.Type == deb.Dir {
				continue
			}
			s := byPackage[e.Package]
			if s == nil {
				s = &Slice{Layer: l.stack + "/" + l.name, Package: e.Package, Why: "written by " + l.file}
				byPackage[e.Package] = s
			}
			s.Files++
			s.Size += e.Size
		}
		var in []Slice
		for _, s := range byPackage {
			in = append(in, *s)
		}
		slices.SortFunc(in, func(a, b Slice) int { return strings.Compare(a.Package, b.Package) })
		out = append(out, in...)
	}
	return out, nil
}

// reasons returns, for each package of the image, why it is there: the shortest way from a package that is named.
func (a *assembled) reasons() (map[string]string, error) {
	controls := map[string]string{}
	providers := map[string][]string{}
	for _, l := range a.layers {
		for pkg, known := range l.Packages() {
			text := known.Control
			controls[pkg] = text
			provides, err := archive.ParseRelations(control([]byte(text), "Provides"))
			if err != nil {
				return nil, err
			}
			for _, alternatives := range provides {
				providers[alternatives[0].Name] = append(providers[alternatives[0].Name], pkg)
			}
		}
	}
	queue, why := a.named(controls)
	return why, follow(queue, why, controls, providers)
}

// named returns the packages that stack.toml files name, lowest stack first, each with its reason.
func (a *assembled) named(controls map[string]string) (queue []string, why map[string]string) {
	why = map[string]string{}
	var stacks []*Stack
	for s := a.stack; s != nil; s = s.base {
		stacks = append(stacks, s)
	}
	for _, s := range slices.Backward(stacks) {
		for _, l := range s.Layers {
			for _, pkg := range slices.Sorted(slices.Values(l.Packages)) {
				if controls[pkg] != "" && why[pkg] == "" {
					why[pkg] = "named by " + s.Name
					queue = append(queue, pkg)
				}
			}
		}
	}
	return queue, why
}

// follow adds the reasons of all that the packages in queue need.
func follow(queue []string, why, controls map[string]string, providers map[string][]string) error {
	for ; len(queue) > 0; queue = queue[1:] {
		by := queue[0]
		way := why[by] + ": " + by
		if strings.Contains(why[by], ": ") {
			way = why[by] + ", " + by
		}
		text := []byte(controls[by])
		groups, err := archive.ParseRelations(control(text, "Pre-Depends"), control(text, "Depends"))
		if err != nil {
			return err
		}
		for _, r := range slices.Concat(groups...) {
			for _, pkg := range slices.Concat([]string{r.Name}, slices.Sorted(slices.Values(providers[r.Name]))) {
				if controls[pkg] != "" && why[pkg] == "" {
					why[pkg] = way
					queue = append(queue, pkg)
				}
			}
		}
	}
	return nil
}

// PrintSlices prints a table of what Inspect found, and the sum below it.
func PrintSlices(w io.Writer, found []Slice) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAYER\tPACKAGE\tVERSION\tFILES\tBYTES\tWHY")
	var files int
	var size int64
	for _, s := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", s.Layer, cmp.Or(s.Package, "-"), cmp.Or(s.Version, "-"), s.Files, s.Size, s.Why)
		files += s.Files
		size += s.Size
	}
	fmt.Fprintf(table, "total\t-\t-\t%d\t%d\t-\n", files, size)
	return table.Flush()
}
