package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// keepCache keeps the layers of the type cache, and their bills of materials, for the next build.
func (e *exporter) keepCache(ctx context.Context) error {
	var cached cnb.Cached
	for _, member := range e.Group {
		kept := cnb.Buildpack{ID: member.ID, Version: member.Version, Layers: map[string]cnb.Layer{}}
		for _, one := range e.cached {
			if one.member.ID != member.ID {
				continue
			}
			if err := e.keep(ctx, one.content, one.diffID); err != nil {
				return err
			}
			kept.Layers[one.name] = cnb.Layer{SHA: one.diffID.String(), Types: one.types}
		}
		cached.Buildpacks = append(cached.Buildpacks, kept)
	}
	if info, err := e.root.Lstat("sbom/cache"); err == nil && info.IsDir() {
		content, err := e.folder("sbom/cache")
		if err != nil {
			return fmt.Errorf("reading bills of materials: %w", err)
		}
		sha, err := e.diffID(ctx, content)
		if err != nil {
			return err
		}
		if err := e.keep(ctx, content, sha); err != nil {
			return err
		}
		cached.SBOM.SHA = sha.String()
	}
	return e.Cache.Write(cached)
}

// keep writes a layer to the cache, unless it is there.
func (e *exporter) keep(ctx context.Context, content archive, sha v1.Hash) error {
	if _, err := os.Stat(e.Cache.Path(sha)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return whole.Replace(e.Cache.Path(sha), func(w io.Writer) error { return content.write(until{ctx, w}) })
}
