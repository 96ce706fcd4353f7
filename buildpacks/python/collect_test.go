package python

import (
	"runtime"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// TestCheckCollect runs the app's packages on no other architecture than theirs.
func TestCheckCollect(t *testing.T) {
	t.Parallel()
	if err := checkCollect(bp.Target{Arch: runtime.GOARCH}, "STATIC_ROOT of shop.settings"); err != nil {
		t.Error(err)
	}
	err := checkCollect(bp.Target{Arch: "s390x"}, "STATIC_ROOT of shop.settings")
	want := "STATIC_ROOT of shop.settings says to collect static files, and packages for linux/s390x do not run here; " +
		"set BP_DJANGO_COLLECTSTATIC=false, or build on a machine with linux/s390x"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
