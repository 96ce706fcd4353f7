// Suite is every buildpack in one binary. The lifecycle starts it by the symbolic links bin/detect and bin/build of a
// buildpack; which buildpack that is stands in $CNB_BUILDPACK_DIR/buildpack.toml.
package main

import (
	"os"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

func main() {
	os.Exit(bp.Main(table(), os.Args))
}
