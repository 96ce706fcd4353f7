package platformtest

import (
	"maps"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Builder makes a builder image with some files, path -> content. Its run image is RunName unless the files have a
// cnb/run.toml, its user is 1001:1000, and its lifecycle 1.2.3.
func Builder(t *testing.T, files map[string]string) v1.Image {
	t.Helper()
	all := map[string]string{"cnb/run.toml": "[[images]]\nimage = \"" + RunName + "\"\n"}
	maps.Copy(all, files)
	var adds []mutate.Addendum
	for _, path := range slices.Sorted(maps.Keys(all)) {
		adds = append(adds, addendum(t, path, all[path], "a test"))
	}
	return image(t, empty.Image, adds, func(config *v1.ConfigFile) {
		config.Config.Env = []string{"CNB_USER_ID=1001", "CNB_GROUP_ID=1000"}
		config.Config.Labels = map[string]string{"io.buildpacks.builder.metadata": `{"lifecycle": {"version": "1.2.3"}}`}
	})
}
