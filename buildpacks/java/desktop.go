package java

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// desktopKey is everything that the layer for programs that draw depends on.
type desktopKey struct {
	Recipe  int    `json:"recipe"`
	Folder  string `json:"folder"`
	Runtime string `json:"runtime"`
}

// desktop makes the layer for programs that draw, if the app is one, and returns the options by which Java finds it.
func (b build) desktop(ctx context.Context, start artifact.Start, r jdk.Runtime) ([]string, error) {
	why := start.Needs.Desktop
	switch {
	case b.plan.desktop:
		why = "BP_JVM_DESKTOP"
	case b.plan.headless || why == "":
		return nil, nil
	}
	b.Log.Decision("Draws", "with libraries and fonts of Debian", why)
	d, err := jdk.DesktopOf(b.Target.Arch)
	if err != nil {
		return nil, err
	}
	l, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "desktop", Flags: layer.Flags{Launch: true, Cache: b.plan.archive != ""}, Key: desktopKey{recipe, d.Folder(), r.Folder()},
		Fill: func(ctx context.Context, l *layer.Layer) error {
			own, err := tool.Install(ctx, b.Workspace, b.jdks.cache, d.Tool(b.jdks.source))
			if err != nil {
				return err
			}
			runtime, err := b.jdks.runtime(ctx, b.plan.java.JDK, r)
			if err != nil {
				return err
			}
			if err := tree.Copy(own, l.Path); err != nil {
				return fmt.Errorf("making the layer for drawing: %w", err)
			}
			if b.plan.java.Links() {
				if err := tree.Copy(filepath.Join(runtime, jdk.Drawing), filepath.Join(l.Path, "lib")); err != nil {
					return fmt.Errorf("making the layer for drawing: %w", err)
				}
			}
			settings := filepath.Join(l.Path, "fonts.conf")
			l.LaunchEnv.Default("FONTCONFIG_FILE", settings)
			if l.SBOM, err = d.Document(own); err != nil {
				return err
			}
			return os.WriteFile(settings, []byte(jdk.Fonts(l.Path, b.AppDir)), 0o644)
		},
	})
	if err != nil {
		return nil, err
	}
	return []string{"-Dsun.boot.library.path=" + filepath.Join(l.Path, "lib")}, nil
}
