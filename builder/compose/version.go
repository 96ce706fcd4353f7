package compose

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// digits is how many digits of a hash are a patch: as many as fit into a number of 32 bits with its sign.
const digits = 7

// patchOf returns the patch of every version of a suite: a number that is another one when the sources of a buildpack are. kpack
// builds an app again when the version of one of its buildpacks changes, and looks at nothing else of a suite.
//
// It is one number for all, since the buildpacks are one program and links to it: a link to another version of the suite leads
// nowhere. It is a number since versions are three numbers (Buildpack API, buildpack.toml).
func patchOf(root string) (string, error) {
	key, err := filesKey(root, nil, []string{"buildpacks"})
	if err != nil {
		return "", err
	}
	patch, err := strconv.ParseUint(key[:digits], 16, 32)
	return strconv.FormatUint(patch, 10), err
}

// written is the version of a buildpack.toml.
var written = regexp.MustCompile(`^((?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.)(?:0|[1-9][0-9]*)$`)

// version fills the patch of a buildpack's version in, in its file too.
func (b buildpack) version(patch string) (buildpack, error) {
	parts := written.FindStringSubmatch(b.Info.Version)
	if parts == nil {
		return b, fault.Fault{
			ID:   "builder-buildpack",
			What: fmt.Sprintf("%s/buildpack.toml has version %q", b.uri, b.Info.Version),
			Do:   "write it as three numbers, such as 1.2.0",
		}
	}
	line := regexp.MustCompile(`(?m)^(\s*version\s*=\s*)["']` + regexp.QuoteMeta(b.Info.Version) + `["']`)
	b.written, b.Info.Version = b.Info.Version, parts[1]+patch
	at := line.FindSubmatchIndex(b.source)
	if at == nil {
		return b, fault.Fault{
			ID:   "builder-buildpack",
			What: b.uri + "/buildpack.toml has no line with its version",
			Do:   fmt.Sprintf("write version = %q", b.written),
		}
	}
	b.source = fmt.Appendf(nil, "%s%s%q%s", b.source[:at[0]], b.source[at[2]:at[3]], b.Info.Version, b.source[at[1]:])
	return b, nil
}
