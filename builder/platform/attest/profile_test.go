package attest

import (
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// TestProfiles attaches the profile of a label, nothing where there is none, and refuses what a build may have written instead.
func TestProfiles(t *testing.T) {
	t.Parallel()
	text, err := seccomp.Profile{Arch: "arm64", Calls: seccomp.Engine("arm64")}.Text()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		labels map[string]string
		want   string // the content; empty for nothing
		fails  bool
	}{
		"none":      {},
		"a profile": {labels: map[string]string{seccomp.Label: " " + text}, want: text + "\n"},
		"all calls": {labels: map[string]string{seccomp.Label: `{"defaultAction":"SCMP_ACT_ALLOW"}`}, fails: true},
	} {
		image, err := mutate.Config(empty.Image, v1.Config{Labels: test.labels})
		if err != nil {
			t.Fatal(err)
		}
		attached, err := profiles("app", image)
		switch {
		case test.fails:
			if !errors.As(err, new(fault.Fault)) || len(attached) > 0 {
				t.Errorf("%s: attached %v, %v", name, attached, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want == "" && len(attached) > 0:
			t.Errorf("%s: attached %v", name, attached)
		case test.want != "" && (len(attached) != 1 || string(attached[0].Content) != test.want || attached[0].Title != "app.seccomp.json" ||
			attached[0].Type != ProfileType):
			t.Errorf("%s: attached %+v", name, attached)
		}
	}
}
