package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Changes returns what a newer lock changes, one line for each change. A release that both have must have one hash in both: the
// registries never replace what they published.
func (l Lock) Changes(next Lock) ([]string, error) {
	before, after := l.facts(), next.facts()
	var changes, replaced []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		switch now, there := after[name]; {
		case !there:
			changes = append(changes, "- "+name)
		case now != before[name] && strings.HasPrefix(name, releasePrefix):
			replaced = append(replaced, strings.TrimPrefix(name, releasePrefix))
		case now != before[name]:
			changes = append(changes, fmt.Sprintf("! %s: %s, was %s", name, now, before[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, there := before[name]; !there {
			changes = append(changes, "+ "+name)
		}
	}
	if len(replaced) > 0 {
		return nil, fault.Fault{
			ID:   "lock-replaced",
			What: "the registry has another hash than lock.toml for " + strings.Join(replaced, ", "),
			Do:   "find out who replaced the archive, and lock nothing from this registry until then",
		}
	}
	return changes, nil
}

const releasePrefix = "release "

// facts are all that a lock says, as a name and a value for each line of it.
func (l Lock) facts() map[string]string {
	all := map[string]string{}
	for _, r := range l.Releases {
		all[releasePrefix+r.PURL] = r.Hash
	}
	add := func(what string, values map[string]string) {
		for name, value := range values {
			all[what+" "+name] = value
		}
	}
	add("default", l.Default)
	add("name", l.Names)
	for id, values := range l.Ended {
		add("end of "+id, values)
	}
	for id, values := range l.Requires {
		add("requirement of "+id, values)
	}
	return all
}
