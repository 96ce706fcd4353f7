package covered_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest/testdata/covered"
)

func TestMain(m *testing.M) { kittest.Main(m, covered.Buildpack()) }

func TestDetect(t *testing.T) {
	if got := kittest.Detect(t, kittest.Case{}); got.Code != 100 {
		t.Errorf("code %d, want 100", got.Code)
	}
}
