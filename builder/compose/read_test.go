package compose_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestRegistries has what the buildpacks of builder.toml and members of composites say.
func TestRegistries(t *testing.T) {
	t.Parallel()
	builder, err := compose.Read(options(t, "testdata/tiny"))
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"ONE_INDEX", "THREE_INDEX"} {
		if !builder.Registries().Reserves(variable) {
			t.Errorf("%s is not known", variable)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	const order = "version = \"0.1.0\"\n\n[[order]]\n  [[order.group]]\n    id = \"tiny/one\""
	for _, test := range []struct {
		name   string
		change func(t *testing.T, root string)
	}{
		{"order-unknown", replacing("builder.toml", `id = "tiny/two"`, `id = "tiny/four"`)},
		{"order-version", replacing("builder.toml", `version = "1.2.3"`, `version = "9.9.9"`)},
		{"config-unknown-key", replacing("builder.toml", "description =", "descriptions =")},
		{"config-not-toml", replacing("builder.toml", `description = "`, "description = ")},
		{"config-empty", func(t *testing.T, root string) {
			t.Helper()
			write(t, root, "builder.toml", "")
		}},
		{"config-no-uri", replacing("builder.toml", `uri = "buildpacks/one"`, "")},
		{"buildpack-missing", removing("buildpacks/one/buildpack.toml")},
		{"buildpack-not-toml", replacing("buildpacks/one/buildpack.toml", "[buildpack]", "[buildpack")},
		{"buildpack-id", replacing("buildpacks/one/buildpack.toml", `"tiny/one"`, `"tiny/1"`)},
		{"buildpack-version", replacing("buildpacks/one/buildpack.toml", `"1.2.3"`, `"1.2.4"`)},
		{"buildpack-api", replacing("buildpacks/one/buildpack.toml", `"0.10"`, `"0.99"`)},
		{"buildpack-target", replacing("buildpacks/one/buildpack.toml", `"amd64"`, `"arm64"`)},
		{"buildpack-version-form", replacing("buildpacks/three/buildpack.toml", `"3.0.0"`, `"3.0"`)},
		{"buildpack-no-version", replacing("buildpacks/three/buildpack.toml", `version = "3.0.0"`, "")},
		{"composite-unknown", removing("buildpacks/three/buildpack.toml")},
		{"composite-twice", func(t *testing.T, root string) {
			t.Helper()
			if err := os.Mkdir(filepath.Join(root, "buildpacks/four"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, root, "buildpacks/four/buildpack.toml", read(t, root, "buildpacks/three/buildpack.toml"))
		}},
		{"composite-version", replacing("buildpacks/choice/buildpack.toml", `"1.2.3"`, `"9.9.9"`)},
		{"composite-target", replacing("buildpacks/choice/buildpack.toml", "[[order]]", "[[targets]]\n  os = \"linux\"\n\n[[order]]")},
		{"composite-first", replacing("buildpacks/two/buildpack.toml", `version = "0.1.0"`, order)},
		{"registries", replacing("buildpacks/one/buildpack.toml", `"onerc"`, `""`)},
		{"build-image-target", replacing("builder.toml", `arch = "amd64"`, `arch = "arm64"`)},
		{"lifecycle-version", replacing("builder/lifecycle/lifecycle.toml", `"0.21.0"`, `"0.22.0"`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := copied(t)
			test.change(t, root)
			cfg, err := compose.ReadConfig(filepath.Join(root, "builder.toml"))
			cacheDir := filepath.Join(t.TempDir(), "cache")
			if err == nil {
				_, err = compose.Read(compose.Options{
					Root: root, Config: cfg, BuildImage: buildImage(t), CacheDir: cacheDir, Environ: os.Environ(),
				})
			}
			if f := (fault.Fault{}); !errors.As(err, &f) {
				t.Fatalf("want a fault, got %v", err)
			}
			golden(t, "error-"+test.name+".txt", err.Error()+"\n")
			if _, err := os.Stat(cacheDir); !errors.Is(err, fs.ErrNotExist) {
				t.Error("wrote to the cache before all was checked")
			}
		})
	}
}
