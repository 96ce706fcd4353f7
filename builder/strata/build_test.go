package main

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/project"
)

// TestNotes has a builder that the app asks for and does not get told, unless the user has chosen one.
func TestNotes(t *testing.T) {
	t.Parallel()
	const ignored = `the app asks for the builder "acme/builder" and is built with strata/builder:latest; --builder takes another`
	for _, test := range []struct {
		asked string
		given bool
		want  string
	}{
		{"", false, "typo"},
		{"strata/builder", false, "typo"},
		{"strata/builder:latest", false, "typo"},
		{"acme/builder", true, "typo"},
		{"acme/builder", false, "typo\n" + ignored},
	} {
		d := project.Descriptor{Builder: test.asked, Notes: []string{"typo"}}
		if got := strings.Join(notes(d, buildFlags{builder: defaultBuilder, builderGiven: test.given}), "\n"); got != test.want {
			t.Errorf("%q\ngot  %s\nwant %s", test.asked, got, test.want)
		}
	}
}
