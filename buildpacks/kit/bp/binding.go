package bp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2"
	"github.com/paketo-buildpacks/libpak/v2/bindings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

type (
	bindingList = libcnb.Bindings
	planEntries = libpak.PlanEntryResolver
)

// Binding is a service binding: a folder of small files, most of them secret (Service Binding Specification).
type Binding struct {
	Name     string
	Type     string
	Provider string
	Path     string            // absolute path of the folder
	Secret   map[string]string // file name -> content without white space around it
}

// Bindings returns the bindings of a type, which is compared without regard to case. It knows those types alone that the
// buildpack declares in [[metadata.bindings]] of its buildpack.toml.
func (w Workspace) Bindings(kind string) []Binding {
	var out []Binding
	for _, b := range bindings.Resolve(w.bindings, bindings.OfType(kind)) {
		out = append(out, bindingFields(b))
	}
	return out
}

// Binding returns the only binding of a type, and whether there is one; several are a fault.
func (w Workspace) Binding(kind string) (Binding, bool, error) {
	found := w.Bindings(kind)
	switch len(found) {
	case 0:
		return Binding{}, false, nil
	case 1:
		return found[0], true, nil
	}
	names := make([]string, 0, len(found))
	for _, b := range found {
		names = append(names, b.Name)
	}
	return Binding{}, false, fault.Fault{
		ID:   "binding-ambiguous",
		What: fmt.Sprintf("%d bindings have type %s: %s", len(found), kind, strings.Join(names, ", ")),
		Do:   "leave one of them",
	}
}

// Required returns the build plan's entry of a name, the metadata of all its requirements merged, and whether there is
// one.
func (b BuildContext) Required(name string) (Entry, bool, error) {
	entry, ok, err := b.plan.Resolve(name)
	if err != nil {
		return Entry{}, false, fmt.Errorf("merging plan entries %s: %w", name, err)
	}
	return Entry{Name: entry.Name, Metadata: entry.Metadata}, ok, nil
}

// entries returns the names of the build plan's entries, sorted.
func (b BuildContext) entries() []string {
	var names []string
	for _, entry := range b.plan.Plan.Entries {
		names = append(names, entry.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ofTypes returns the bindings of some types.
func ofTypes(all bindingList, kinds []string) bindingList {
	var kept bindingList
	for _, kind := range kinds {
		kept = append(kept, bindings.Resolve(all, bindings.OfType(kind))...)
	}
	return kept
}

func bindingFields(b libcnb.Binding) Binding {
	return Binding{Name: b.Name, Type: b.Type, Provider: b.Provider, Path: b.Path, Secret: b.Secret}
}
