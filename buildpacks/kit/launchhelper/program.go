package launchhelper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// programKey is everything that a layer of one program depends on.
type programKey struct {
	Program string `json:"program"` // SHA-256
}

// Contribute puts a program of the builder into a launch layer of its own, with its bill of materials, and returns its
// path there. The builder has it beside the suite, which bin/build is a link to, and those for other architectures in a folder each.
func Contribute(ctx context.Context, in bp.BuildContext, name, program string) (string, error) {
	suite, err := filepath.EvalSymlinks(filepath.Join(in.Buildpack.Dir, "bin", "build"))
	if err != nil {
		return "", fmt.Errorf("looking for the program %s: %w", program, err)
	}
	path := filepath.Join(filepath.Dir(suite), program)
	if in.Target.Foreign() {
		path = filepath.Join(filepath.Dir(suite), in.Target.Arch, program)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && in.Target.Foreign() {
		return "", fault.Fault{
			ID: "program-arch", What: fmt.Sprintf("the builder has no program %s for linux/%s", program, in.Target.Arch),
			Do: "build with `strata build`, or with a builder for linux/" + in.Target.Arch,
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading the program %s: %w", program, err)
	}
	sum := sha256.Sum256(data)
	l, err := in.Layers.Contribute(ctx, layer.Request{
		Name: name, Flags: layer.Flags{Launch: true}, Key: programKey{hex.EncodeToString(sum[:])},
		Fill: func(_ context.Context, l *layer.Layer) error {
			bill, err := sbom.FromGoBinary(path, nil)
			if err != nil {
				return err
			}
			l.SBOM = &bill
			return os.WriteFile(filepath.Join(l.Path, program), data, 0o755)
		},
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Path, program), nil
}
