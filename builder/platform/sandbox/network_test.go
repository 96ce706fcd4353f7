package sandbox

import (
	"errors"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestParseNetwork(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Network{"": OwnNetwork, "default": OwnNetwork, "none": NoNetwork, "host": HostNetwork} {
		if got, err := ParseNetwork(text); got != want || err != nil {
			t.Errorf("%q: got %q and %v, want %q", text, got, err, want)
		}
	}
	_, err := ParseNetwork("bridge")
	if !errors.As(err, new(fault.Fault)) {
		t.Fatalf("got %v, want a fault", err)
	}
	kittest.Golden(t, "network.txt", err.Error()+"\n")
}

// TestLinkRefused says what to do on a machine whose kernel has no such devices.
func TestLinkRefused(t *testing.T) {
	t.Parallel()
	kittest.Golden(t, "link.txt", setupFault(linkStep+": operation not supported").Error()+"\n")
}
