package archive_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	// Each list ascends.
	for _, ascending := range [][]string{
		{"1.0~~", "1.0~~a", "1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0-10", "1.0+dfsg-1", "1.0.1-1", "1:0.1"},
		{"9", "09.1", "10", "10a", "10b", "10+"},
		{"2.41-12+deb13u3", "2.41-12+deb13u4", "2.41-13"},
		{"3.5.7-1~deb13u3", "3.5.7-1", "3.5.9-1~deb13u1"},
		{"1:1.3.dfsg+really1.3.1-1", "1:1.3.dfsg+really1.3.1-1+b1", "1:1.3.dfsg+really1.3.1-1+deb13u1"},
		{"1.2-3-4", "1.2-3-5", "1.2-4-1"},
	} {
		for i, a := range ascending {
			for j, b := range ascending {
				want := 0
				switch {
				case i < j:
					want = -1
				case i > j:
					want = 1
				}
				if got := archive.CompareVersions(a, b); got != want {
					t.Errorf("%s to %s is %d, want %d", a, b, got, want)
				}
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "0:1.0"}, {"1.00", "1.0"}, {"1.0-0", "1.0"}} {
		if got := archive.CompareVersions(same[0], same[1]); got != 0 {
			t.Errorf("%s to %s is %d, want 0", same[0], same[1], got)
		}
	}
}
