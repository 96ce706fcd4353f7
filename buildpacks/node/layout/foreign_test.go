package layout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestForeignAddon leaves out addons for other machines that packages bring along.
func TestForeignAddon(t *testing.T) {
	t.Parallel()
	const lib = "node_modules/a/lib/"
	app, install, layer := t.TempDir(), t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "1"}}`})
	kittest.Write(t, install, files{
		"node_modules/a/package.json": "{}", "node_modules/a/prebuilds/linux-x64/node.napi.node": "",
		"node_modules/a/prebuilds/win32-x64/node.napi.node": "",
		lib + "node.abi115.musl.node":                       "", lib + "node.abi115.glibc.node": "",
		lib + "profiler-linux-arm64-glibc-108.node": "",
		lib + "profiler-linux-x64-glibc-108.node":   "", lib + "profiler-linux-x64-musl-108.node": "", lib + "bcrypt_lib.node": "",
		lib + "addon.x86_64.node": "", lib + "index.darwin-x64.node": "", lib + "musl.js": "",
	})
	if _, err := trees(t, app, "", install).Fill(t.Context(), layer, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{
		lib + "addon.x86_64.node", lib + "bcrypt_lib.node", lib + "musl.js", lib + "node.abi115.glibc.node",
		lib + "profiler-linux-x64-glibc-108.node",
		"node_modules/a/package.json", "node_modules/a/prebuilds/linux-x64/node.napi.node",
	}
	if diff := cmp.Diff(want, entries(t, layer, app)); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
}
