package golang

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// unsummed reports whether the app has required modules and no go.sum, and the checksum database vouches for all of them.
func (m modules) unsummed(dir string, env config.Environment) bool {
	for _, name := range []string{"go.sum", "vendor"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	sure := env["GOSUMDB"] != "off" && env["GOPRIVATE"]+env["GONOSUMDB"]+env["GOINSECURE"] == ""
	return sure && m.File == "go.mod" && len(m.Members[0].Requires) > 0
}

// sum writes a go.sum of what the checksum database says beside a copy of go.mod, and has the go command read both. The versions are those
// of go.mod: what that does not name is refused as ever.
func (g *compiler) sum(ctx context.Context, home string) error {
	data, err := tree.ReadFile(filepath.Join(g.dir, "go.mod"))
	if err != nil {
		return err
	}
	file := filepath.Join(home, "go.mod")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	g.env["GOFLAGS"] += " -modfile=" + file
	return g.explain(ctx, command.Run(ctx, g.command([]string{"mod", "download", "all"})))
}
