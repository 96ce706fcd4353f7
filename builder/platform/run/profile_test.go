package run_test

import (
	"errors"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/platform/home"
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
	none, err := seccomp.Profile{Arch: "amd64"}.Text()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := run.Profile("app", map[string]string{seccomp.Label: none}); err == nil {
		t.Errorf("a profile of no calls is %+v", got)
	}
	text, err := seccomp.Profile{Arch: "amd64", Calls: seccomp.Engine("amd64")}.Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := run.Profile("app", map[string]string{seccomp.Label: text})
	if err != nil || len(got.Calls) < 30 || got.Arch != "amd64" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestForeignProfile starts no image under the profile of another machine: its names stand for other calls.
func TestForeignProfile(t *testing.T) {
	t.Parallel()
	foreign := "arm64"
	if runtime.GOARCH == foreign {
		foreign = "amd64"
	}
	text, err := seccomp.Profile{Arch: foreign, Calls: seccomp.Engine(foreign)}.Text()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{seccomp.Label: text}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := "the seccomp profile of app is for " + foreign + ", and this machine is " + runtime.GOARCH +
		"; build the image for this machine with --env BP_SECCOMP_PROFILE=true"
	err = run.Start(t.Context(), h, image, run.Options{Image: "app", Refused: func(string) {}})
	if !errors.As(err, new(fault.Fault)) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
