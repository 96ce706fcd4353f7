package platformtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Fault returns the line of an error that has to be a fault. Pairs of hide are what the text has, and what stands in its
// place in the line.
func Fault(t *testing.T, err error, hide ...string) string {
	t.Helper()
	if f := (fault.Fault{}); !errors.As(err, &f) {
		t.Errorf("got %v, want a fault", err)
		return ""
	}
	return strings.NewReplacer(hide...).Replace(err.Error()) + "\n"
}
