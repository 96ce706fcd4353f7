package version

import (
	"fmt"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// Replace returns the newest locked version that may take the place of a runtime: of its line, and one that the app allows. It is the
// runtime's own version if there is no such one. A lock has the newest versions first.
func (t Tool) Replace(was runtimes.Runtime, line func(version string) string) (string, error) {
	versions := t.Lock.Versions(t.ID, t.Arch)
	at := slices.Index(versions, was.Version)
	if at < 0 {
		return "", fault.Fault{
			ID:   "runtime-unknown",
			What: fmt.Sprintf("%s %s of the image is not in the lock of this suite", t.Title, was.Version),
			Do:   "use a newer suite, or build the app again",
		}
	}
	asked := []Range{{Allows: func(string) bool { return true }}}
	if was.Asked != "" {
		asked = t.Read(was.Asked)
	}
	for _, v := range versions[:at+1] {
		allowed := func(r Range) bool { return r.Else == v || r.Allows != nil && r.Allows(v) }
		if line(v) == was.Line && slices.ContainsFunc(asked, allowed) {
			return v, nil
		}
	}
	return was.Version, nil
}
