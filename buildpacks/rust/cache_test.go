package rust_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestMakers has cargo start anew when something that it does not see makes other units: the compiler of C, or another Rust.
func TestMakers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env   config.Environment
		stays bool
	}{
		"setting of cargo": {config.Environment{"BP_RUST_FEATURES": "color"}, true},
		"hardening":        {config.Environment{"BP_NATIVE_HARDENING_ENABLED": "false"}, false},
		"older Rust":       {config.Environment{"BP_RUST_VERSION": "1.85"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := given(t, shop(), cargo(t))
			first := built(t, c)
			folder := filepath.Dir(filepath.Dir(match(t, c.Env["BP_TOOLS_DIR"]+"/*/bin/objcopy")))
			kittest.Write(t, filepath.Join(folder, "bin-plain"), files{"objcopy": objcopy})
			kittest.Write(t, first.Layers, files{"cargo-target/own": "made"})
			c.Env = c.Env.With(test.env)
			if got := kittest.Rebuild(t, first, c); got.Code != 0 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			_, err := os.Stat(filepath.Join(first.Layers, "cargo-target/own"))
			if stays := err == nil; stays != test.stays {
				t.Errorf("what cargo made is there: %v, %v, want %v", stays, err, test.stays)
			}
		})
	}
}
