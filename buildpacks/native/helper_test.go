package native_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compare(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// homes matches the HOME of a build, which is another one each time.
var homes = regexp.MustCompile(`/\S*strata-home-[0-9]+`)
