package archive

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Resolve returns the packages of names and all that they need (Pre-Depends and Depends), sorted by name. The packages of have,
// with their versions, are there already: Resolve returns neither them nor what they need. It leaves out the packages of omit,
// with what only they need, and returns those for which nothing asked as idle. The answer depends on the index and the
// arguments alone. Of several alternatives Resolve takes one that is there or chosen already, then the first one that exists,
// then the provider whose name sorts first.
func (ix *Index) Resolve(names, omit []string, have map[string]string) (closure []*Package, idle []string, err error) {
	r := resolver{ix: ix, chosen: map[string]*Package{}, have: have, omit: map[string]bool{}}
	for _, n := range omit {
		r.omit[n] = false
	}
	for _, n := range names {
		if _, ok := have[n]; ok {
			continue
		}
		p := ix.Newest(n)
		if p == nil {
			return nil, nil, fault.Fault{
				ID:   "package-unknown",
				What: "package " + n,
				Err:  errors.New("the archive does not have it"),
				Do:   "correct its name in stack.toml",
			}
		}
		r.take(p)
	}
	for i := 0; i < len(r.queue); i++ {
		for _, group := range r.queue[i].Depends {
			if err := r.satisfy(r.queue[i], group); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, n := range omit {
		if !r.omit[n] {
			idle = append(idle, n)
		}
	}
	closure = slices.SortedFunc(maps.Values(r.chosen), func(a, b *Package) int { return strings.Compare(a.Name, b.Name) })
	return closure, idle, nil
}

type resolver struct {
	ix     *Index
	chosen map[string]*Package
	queue  []*Package
	have   map[string]string
	// omit has the packages to leave out, and whether anything asked for them.
	omit map[string]bool
}

func (r *resolver) take(p *Package) {
	if r.chosen[p.Name] == nil {
		r.chosen[p.Name] = p
		r.queue = append(r.queue, p)
	}
}

// satisfy chooses one alternative of a group, unless one is chosen or there already.
func (r *resolver) satisfy(by *Package, group []Relation) error {
	for _, alt := range group {
		if _, ok := r.omit[alt.Name]; ok {
			r.omit[alt.Name] = true
			return nil
		}
		if p := r.chosen[alt.Name]; p != nil && alt.allows(p.Version) {
			return nil
		}
		if v, ok := r.have[alt.Name]; ok && alt.allows(v) {
			return nil
		}
		for _, p := range r.ix.providers(alt) {
			if _, ok := r.omit[p.Name]; ok {
				r.omit[p.Name] = true
				return nil
			}
			if v, ok := r.have[p.Name]; r.chosen[p.Name] != nil || ok && v == p.Version {
				return nil
			}
		}
	}
	for _, alt := range group {
		if _, ok := r.have[alt.Name]; ok {
			continue
		}
		if p := r.ix.Newest(alt.Name); p != nil && alt.allows(p.Version) {
			r.take(p)
			return nil
		}
	}
	for _, alt := range group {
		for _, p := range r.ix.providers(alt) {
			if _, ok := r.have[p.Name]; !ok {
				r.take(p)
				return nil
			}
		}
	}
	for _, alt := range group {
		if v, ok := r.have[alt.Name]; ok {
			return fault.Fault{
				ID:   "package-below",
				What: "package " + by.Name,
				Err:  fmt.Errorf("it needs %s, and the layers below have %s %s", describe(group), alt.Name, v),
				Do:   "lock the stack's base again, then the stack",
			}
		}
	}
	return fault.Fault{
		ID:   "package-dependency",
		What: "package " + by.Name,
		Err:  fmt.Errorf("nothing satisfies its dependency %s", describe(group)),
		Do:   "the mirror is incomplete: try another one",
	}
}

// providers returns the packages whose newest version provides what a relation asks for, sorted by name.
func (ix *Index) providers(want Relation) []*Package {
	var out []*Package
	for _, p := range ix.provides[want.Name] {
		if p != ix.Newest(p.Name) {
			continue
		}
		if slices.ContainsFunc(p.Provides, func(has Relation) bool {
			return has.Name == want.Name && (want.Op == "" || has.Op == "=" && want.allows(has.Version))
		}) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Package) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// allows reports whether a version meets the relation's condition.
func (rel Relation) allows(version string) bool {
	c := CompareVersions(version, rel.Version)
	switch rel.Op {
	case "<<":
		return c < 0
	case "<=":
		return c <= 0
	case "=":
		return c == 0
	case ">=":
		return c >= 0
	case ">>":
		return c > 0
	}
	return true
}

func describe(group []Relation) string {
	var parts []string
	for _, rel := range group {
		s := rel.Name
		if rel.Op != "" {
			s += " (" + rel.Op + " " + rel.Version + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " | ")
}
