package run_test

import (
	"errors"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// TestProfile takes the profile of a label, and no other text.
func TestProfile(t *testing.T) {
	t.Parallel()
	const do = "; build "
	for label, want := range map[string]string{
		"": "app has no seccomp profile; build it with --env BP_SECCOMP_PROFILE=true",
		`{"x":1}`: "the label io.strata.seccomp of app holds no seccomp profile: the profile is no list of calls that are allowed" + do +
			"the image again with --env BP_SECCOMP_PROFILE=true",
	} {
		labels := map[string]string{seccomp.Label: label}
		if label == "" {
			labels = nil
		}
		if _, err := run.Profile("app", labels); !errors.As(err, new(fault.Fault)) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", label, err, want)
		}
	}
	text, err := seccomp.Profile{Arch: "amd64", Calls: []string{"read", "write"}}.Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := run.Profile("app", map[string]string{seccomp.Label: text})
	if err != nil || len(got.Calls) != 2 || got.Arch != "amd64" {
		t.Errorf("got %+v, %v", got, err)
	}
}
