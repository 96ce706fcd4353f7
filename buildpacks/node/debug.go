package node

import (
	"context"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

// requiredToDebug is the launch helper, if the image is to open Node.js' inspector when it is told to. What is wrong with
// the variable is said at build.
func requiredToDebug(c config.Config) []bp.Entry {
	var s struct {
		Debug bool `config:"BP_DEBUG_ENABLED"`
	}
	if err := c.Decode(&s); err != nil || !s.Debug {
		return nil
	}
	return []bp.Entry{launchhelper.Required()}
}

// debug makes the layer by which the launcher asks the launch helper for the options of Node.js.
func (b build) debug(ctx context.Context) error {
	if !b.plan.Debug {
		return nil
	}
	b.Log.Decision("Inspector", "with BPL_DEBUG_ENABLED=true at launch", "BP_DEBUG_ENABLED")
	program := launchhelper.Path(b.BuildContext)
	_, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "debug", Flags: layer.Flags{Launch: true}, Key: struct {
			Program string `json:"program"`
		}{program},
		Fill: func(_ context.Context, l *layer.Layer) error {
			programs := filepath.Join(l.Path, "exec.d")
			if err := os.Mkdir(programs, 0o755); err != nil {
				return err
			}
			return os.Symlink(program, filepath.Join(programs, "inspector"))
		},
	})
	return err
}
