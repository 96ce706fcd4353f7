package swap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// taken is a layer that takes the place of another one.
type taken struct {
	Made
	was  json.RawMessage // metadata of the other one
	same bool            // their content is the same
}

// place is a layer of a buildpack.
type place struct{ buildpack, layer string }

// forward refuses a layer of a runtime that is older than the one whose place it takes, and one that nothing says is newer. What says it
// is the release, the recipe of the buildpack and the versions of Debian's packages in the bills of materials of both images.
func (e *exchange) forward(to v1.Image) error {
	before, err := packages(e.app.image)
	if err != nil {
		return err
	}
	after, err := packages(to)
	if err != nil {
		return err
	}
	for _, one := range e.taken {
		order := []int{compareReleases(one.Runtime.Version, one.Wanted.Runtime.Version), recipe(one.Data) - recipe(one.was)}
		at := place{one.Wanted.Buildpack, one.Wanted.Layer}
		for name, version := range after[at] {
			if old, found := before[at][name]; found {
				order = append(order, archive.CompareVersions(version, old))
			}
		}
		why := ""
		switch {
		case slices.Min(order) < 0:
			why = "is older"
		case slices.Max(order) == 0 && !one.same:
			why = "is another one, and nothing says that it is newer"
		default:
			continue
		}
		return fault.Fault{
			ID: "rebase-runtime-older", Do: "name a newer builder with --builder, or rebuild it with `strata build`",
			What: fmt.Sprintf("%s stays with %s %s: the builder's %s %s", e.app.name, one.Runtime.ID, one.Wanted.Runtime.Version,
				one.Runtime.Version, why),
		}
	}
	return nil
}

// packages returns the versions of Debian's packages in the layers of an image, by their names.
func packages(image v1.Image) (map[place]map[string]string, error) {
	all := map[place]map[string]string{}
	err := attest.Components(image, func(c attest.Component) {
		if !strings.HasPrefix(c.PURL, "pkg:deb/") {
			return
		}
		at := place{c.Buildpack, c.Layer}
		if all[at] == nil {
			all[at] = map[string]string{}
		}
		all[at][c.Name] = c.Version
	})
	return all, err
}

// compareReleases compares versions of a runtime. What follows a "-" names what it is made of, and has no order.
func compareReleases(a, b string) int {
	parse := func(version string) (*semver.Version, error) {
		version, _, _ = strings.Cut(version, "-")
		return semver.NewVersion(version)
	}
	first, errA := parse(a)
	second, errB := parse(b)
	if errA != nil || errB != nil {
		return 0 // they have no order
	}
	return first.Compare(second)
}

// recipe returns the number that a buildpack of this suite has in the key of a layer, 0 for a layer without.
func recipe(data json.RawMessage) int {
	var about struct{ Key string }
	var key struct{ Recipe uint16 }
	if json.Unmarshal(data, &about) != nil || json.Unmarshal([]byte(about.Key), &key) != nil {
		return 0
	}
	return int(key.Recipe)
}
