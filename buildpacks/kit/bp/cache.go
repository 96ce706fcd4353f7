package bp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

// EnvCacheDir names the folder in which a platform keeps an app's caches between builds, in place. It is trusted no
// more than the app itself.
const EnvCacheDir = "BP_CACHE_DIR"

// cacheKey is the key of a cache layer; a cache is never stale as a whole.
type cacheKey struct {
	Cache string `json:"cache"`
}

// Cache returns the path of a folder that the next build of the same app finds as this one leaves it: a folder of
// BP_CACHE_DIR, or else a cache layer of that name, which the lifecycle packs and unpacks each time.
func (b BuildContext) Cache(ctx context.Context, name string) (string, error) {
	root := b.Env[EnvCacheDir]
	if root == "" {
		l, err := b.Layers.Contribute(ctx, layer.Request{
			Name: name, Flags: layer.Flags{Cache: true}, Key: cacheKey{name},
			Fill: func(context.Context, *layer.Layer) error { return nil },
		})
		if err != nil {
			return "", err
		}
		return l.Path, nil
	}
	if !filepath.IsAbs(root) {
		return "", cacheFault(fmt.Sprintf("%s is %q, which is not an absolute path", EnvCacheDir, root), nil)
	}
	path := filepath.Join(root, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", cacheFault(fmt.Sprintf("%s is %q, where no cache can be kept", EnvCacheDir, root), err)
	}
	return path, nil
}

func cacheFault(what string, err error) error {
	return fault.Fault{ID: "cache-dir", What: what, Do: "set it to a folder that the build may write to, or unset it", Err: err}
}
