package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// made are the folders that tools for front ends write to, by default; * is one that is named after the project.
var made = []string{
	"dist", "dist/browser", "dist/*/browser", "dist/*", "build", "build/client", "out", "_site", ".vitepress/dist", "docs/.vitepress/dist",
	".output/public", "public", "www",
}

// program is the server's name, in the builder beside the suite and in the image.
const program = "serve"

// key is everything that the layer of the server depends on.
type key struct {
	Program string `json:"program"` // SHA-256
}

// build keeps of the app the folder that is served, and adds the server.
func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	if err := s.check(); err != nil {
		return bp.BuildResult{}, err
	}
	root, why, err := s.find(in.AppDir)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Serves", root, why)
	if s.SinglePage {
		in.Log.Decision("Other paths", "the page at /", "BP_WEB_SERVER_ENABLE_PUSH_STATE")
	}
	if root, err = keepOnly(in.AppDir, root); err != nil {
		return bp.BuildResult{}, err
	}
	saved, err := compress(filepath.Join(in.AppDir, root))
	if err != nil {
		return bp.BuildResult{}, err
	}
	if saved.files > 0 {
		in.Log.Bullet("%d files compressed: %.2f MB instead of %.2f MB over the wire", saved.files, float64(saved.after)/1e6, float64(saved.before)/1e6)
	}
	server, err := contribute(ctx, in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	command := []string{server}
	if s.SinglePage {
		command = append(command, "-single-page")
	}
	command = append(command, filepath.Join(in.AppDir, root))
	return bp.BuildResult{Processes: []bp.Process{{Type: "web", Command: command, Default: true}}}, nil
}

// find returns the folder to serve and why it is that one.
func (s settings) find(app string) (root, why string, err error) {
	if s.Root != "" {
		if !isFile(filepath.Join(app, s.Root, index)) {
			return "", "", fault.Fault{ID: "web-root", What: fmt.Sprintf("BP_WEB_SERVER_ROOT is %s, and there is no %s in it", s.Root, index), Do: "name the folder that the build writes to"}
		}
		return filepath.Clean(s.Root), "BP_WEB_SERVER_ROOT", nil
	}
	candidates := made
	if !isFile(filepath.Join(app, "package.json")) {
		candidates = plain
	}
	for _, pattern := range candidates {
		found, err := filepath.Glob(filepath.Join(app, pattern, index))
		if err != nil {
			return "", "", err
		}
		for _, file := range found {
			if isFile(file) {
				root, err := filepath.Rel(app, filepath.Dir(file))
				return root, "has an " + index, err
			}
		}
	}
	return "", "", fault.Fault{ID: "web-root", What: "the build made no " + index + " in " + strings.Join(made, ", "), Do: "set BP_WEB_SERVER_ROOT to the folder that it writes to"}
}

// contribute puts the server into a layer and returns its path there.
func contribute(ctx context.Context, in bp.BuildContext) (string, error) {
	// The builder has the program beside the suite, which bin/build is a link to.
	suite, err := filepath.EvalSymlinks(filepath.Join(in.Buildpack.Dir, "bin", "build"))
	if err != nil {
		return "", fmt.Errorf("looking for the web server: %w", err)
	}
	path := filepath.Join(filepath.Dir(suite), program)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the web server: %w", err)
	}
	sum := sha256.Sum256(data)
	l, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "server", Flags: layer.Flags{Launch: true}, Key: key{hex.EncodeToString(sum[:])},
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
