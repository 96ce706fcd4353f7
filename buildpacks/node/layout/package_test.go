package layout_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
)

// TestLeaveAddon leaves the addon, the app's code and nothing that names a folder of the build.
func TestLeaveAddon(t *testing.T) {
	t.Parallel()
	for _, built := range []files{nil, {
		"build/Release/a.node": "", "build/Release/obj.target/a.node": "", "build/Release/.deps/a.d": "", "build/Makefile": "",
		"build/a.target.mk": "", "build/config.gypi": "", "build/Release/a.a": "",
	}} {
		dir := t.TempDir()
		kittest.Write(t, dir, files{"a.cc": "", "binding.gyp": "", "Makefile": "", "index.js": "", "build/index.html": ""})
		kittest.Write(t, dir, built)
		if err := layout.LeaveAddon(dir); err != nil {
			t.Fatal(err)
		}
		want := []string{"Makefile", "a.cc", "binding.gyp", "build/index.html", "index.js"}
		if built != nil {
			want = append(want, "build/Release/a.node")
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(kittest.Files(t, dir)))); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
	}
	if err := layout.LeaveAddon(t.TempDir()); err != nil {
		t.Error(err)
	}
}
