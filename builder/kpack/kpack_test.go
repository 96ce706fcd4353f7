package kpack_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/builder/kpack"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestYAML has no versions in the order and every image by its digest.
func TestYAML(t *testing.T) {
	t.Parallel()
	suite := kpack.Suite{
		Account:   kpack.Account{Namespace: "kpack", Name: "strata"},
		Lifecycle: "r.example.com/lifecycle@sha256:1", Store: "r.example.com/suite@sha256:2",
		Stacks: []kpack.Stack{
			{Name: "static", ID: "io.strata.stacks.static", Build: "r.example.com/build@sha256:3", Run: "r.example.com/run@sha256:4"},
			{Name: "musl", ID: "io.strata.stacks.musl", Build: "r.example.com/build@sha256:5", Run: "r.example.com/run@sha256:6"},
		},
		Builders: "r.example.com/builder",
		Order: []compose.Group{{Group: []compose.GroupRef{
			{ID: "strata/launch-helper", Version: "0.1.1", Optional: true}, {ID: "strata/languages"},
		}}},
	}
	text, err := suite.YAML()
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "suite.yaml", string(text))
}
