package golang

import (
	_ "embed"
	"go/version"
	"runtime"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

//go:embed lock.toml
var lockFile string

// goID is the id of Go's releases in lock.toml: the newest patch of every minor that is maintained.
const goID = "go"

// newest returns the newest locked release of a language version such as "1.26".
func newest(l lock.Lock, lang string) (string, bool) {
	r, found := l.Newest(goID, runtime.GOARCH, func(v string) bool { return version.Lang("go"+v) == "go"+lang })
	return r.Version, found
}
