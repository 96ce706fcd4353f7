package java

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// runtimeKey is everything that the layer of the runtime depends on.
type runtimeKey struct {
	Recipe int    `json:"recipe"`
	Folder string `json:"folder"`
	Linked bool   `json:"linked"` // it trusts whom the run image trusts
}

// imageStore is where the run images of ours have the authorities that they trust, as a key store.
const imageStore = "/etc/ssl/certs/java/cacerts"

// runtime makes the layer of the runtime, the same for every app that needs the same.
func (b build) runtime(ctx context.Context, start artifact.Start) (jdk.Runtime, error) {
	r, why := b.plan.runtime(start.Needs, len(start.ClassPath))
	b.Log.Decision("Runtime", r.Kind(), why)
	key := runtimeKey{Recipe: recipe, Folder: r.Folder(), Linked: b.Target.Ours()}
	_, err := b.Layers.Contribute(ctx, layer.Request{
		Name: jdk.Home, Flags: layer.Flags{Launch: true, Cache: b.plan.archive != ""}, Key: key,
		Fill: func(ctx context.Context, l *layer.Layer) error {
			dir, err := b.jdks.runtime(ctx, b.plan.java.JDK, r)
			if err != nil {
				return err
			}
			if err := tree.Copy(dir, l.Path); err != nil {
				return fmt.Errorf("making the layer of Java: %w", err)
			}
			if err := tree.Remove(filepath.Join(l.Path, jdk.Drawing)); err != nil {
				return fmt.Errorf("making the layer of Java: %w", err)
			}
			if key.Linked {
				if err := link(filepath.Join(l.Path, "lib", "security", "cacerts"), imageStore); err != nil {
					return fmt.Errorf("making the layer of Java: %w", err)
				}
			}
			l.LaunchEnv.Default("JAVA_HOME", l.Path)
			l.SBOM, err = r.Document(dir)
			return err
		},
	})
	return r, err
}

// link puts a link in place of a file.
func link(path, target string) error {
	if err := tree.Remove(path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}
