// Package helper is the buildpack that puts one program into the image for all buildpacks that need it beside the app.
package helper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/helper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Buildpack returns the buildpack strata/launch-helper.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/launch-helper", Detect: detect, Build: build}
}

func detect(context.Context, bp.DetectContext) (bp.DetectResult, error) {
	return bp.Pass("for buildpacks that ask for it", bp.Plan{Provides: []string{helper.Entry}}), nil
}

// key is everything that the layer depends on.
type key struct {
	Program string `json:"program"` // SHA-256
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	// The builder has the program beside the suite, which bin/build is a link to.
	suite, err := filepath.EvalSymlinks(filepath.Join(in.Buildpack.Dir, "bin", "build"))
	if err != nil {
		return bp.BuildResult{}, fmt.Errorf("looking for the launch helper: %w", err)
	}
	program := filepath.Join(filepath.Dir(suite), helper.Program)
	data, err := os.ReadFile(program)
	if err != nil {
		return bp.BuildResult{}, fmt.Errorf("reading the launch helper: %w", err)
	}
	sum := sha256.Sum256(data)
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: helper.Layer, Flags: layer.Flags{Launch: true}, Key: key{hex.EncodeToString(sum[:])},
		Fill: func(_ context.Context, l *layer.Layer) error {
			bill, err := sbom.FromGoBinary(program, nil)
			if err != nil {
				return err
			}
			l.SBOM = &bill
			return os.WriteFile(filepath.Join(l.Path, helper.Program), data, 0o755)
		},
	})
	return bp.BuildResult{}, err
}
