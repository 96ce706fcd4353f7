package rust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
)

// Detect takes part in apps that have a Cargo.toml at their root.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	info, err := os.Stat(filepath.Join(in.AppDir, cargo.Manifest))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bp.Fail("no Cargo.toml"), nil
	case err != nil:
		return bp.DetectResult{}, fmt.Errorf("looking for Cargo.toml: %w", err)
	case !info.Mode().IsRegular():
		return bp.Fail("Cargo.toml is no file"), nil
	}
	var tools []string
	if p, err := cargo.Read(in.AppDir); err == nil { // the build says what is wrong with the app
		if r, _, err := choose(in.Workspace, p); err == nil {
			tools = append(tools, r.Folder())
		}
		if folder, err := (compiler.Compiler{In: in.Workspace}).Folder(); err == nil {
			tools = append(tools, folder)
		}
	}
	return bp.Pass("Cargo.toml found", bp.Plan{Provides: []string{"rust"}, Requires: []bp.Entry{bp.Tools("rust", tools...)}}), nil
}
