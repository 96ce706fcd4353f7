package bp_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestCheckType(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"web": true, "a.b_c-D9": true, "...": true, "-": true, strings.Repeat("a", 255): true,
		".": false, "..": false, "": false, "a/b": false, "a\n": false, "é": false, strings.Repeat("a", 256): false,
	} {
		if err := bp.CheckType(name); (err == nil) != valid {
			t.Errorf("%.40q: got %v, want %t", name, err, valid)
		}
	}
}

// TestProcessType refuses a process type whatever buildpack gives it.
func TestProcessType(t *testing.T) {
	t.Parallel()
	got := kittest.Build(t, sample(t, kittest.Case{Env: config.Environment{"BP_SAMPLE_MODE": "type"}}))
	if want := `the process name ".." cannot be a file's in the image`; got.Code != 1 || !strings.Contains(got.Log(), want) {
		t.Errorf("code %d and %s, want %s", got.Code, got.Log(), want)
	}
}
