package version_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// TestReplace chooses among releases of two lines, of which one is for another architecture.
func TestReplace(t *testing.T) {
	t.Parallel()
	var releases []lock.Release
	for _, v := range []string{"26.1.0", "24.22.0", "24.21.0", "24.20.1", "24.20.0", "22.9.0"} {
		arch := "amd64"
		if v == "24.22.0" {
			arch = "arm64"
		}
		releases = append(releases, lock.Release{ID: "node", Version: v, Arch: arch})
	}
	node := version.Tool{Title: "Node.js", ID: "node", Arch: "amd64", Lock: lock.Lock{Releases: releases}}
	node.Read = func(text string) []version.Range {
		if text == "lts" {
			return version.Exactly("26.1.0")
		}
		return []version.Range{{Allows: version.Semantic(text)}}
	}
	major := func(v string) string { return v[:2] }
	for _, test := range []struct{ version, asked, want string }{
		{"24.20.0", "", "24.21.0"}, {"24.20.0", ">=22", "24.21.0"}, {"24.20.0", "~24.20", "24.20.1"}, {"24.20.0", "24.20.0", "24.20.0"},
		{"24.21.0", "", "24.21.0"}, {"22.9.0", "", "22.9.0"}, {"26.1.0", "lts", "26.1.0"},
		{"24.20.0", "lts", "24.20.0"},
	} {
		was := runtimes.Runtime{ID: "node", Version: test.version, Line: major(test.version), Asked: test.asked}
		if got, err := node.Replace(was, major); err != nil || got != test.want {
			t.Errorf("%s with %q: %s, %v, want %s", test.version, test.asked, got, err, test.want)
		}
	}
	var faults strings.Builder
	for _, was := range []runtimes.Runtime{{Version: "24.22.0", Line: "24"}} {
		got, err := node.Replace(was, major)
		if err == nil {
			t.Errorf("%+v is replaced by %s", was, got)
			continue
		}
		faults.WriteString(err.Error() + "\n")
	}
	kittest.Golden(t, "replace.txt", faults.String())
}
