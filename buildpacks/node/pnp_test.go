package node

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// pnpSample is what Yarn 4.18 wrote, with an alias and a package without an archive put in.
const pnpSample = `{
  "packageRegistryData": [
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["debug", "virtual:41#npm:4.4.3"]], "linkType": "SOFT"}]]],
    ["app", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["app", "workspace:."], ["debug", "virtual:41#npm:4.4.3"]], "linkType": "SOFT"}]]],
    ["debug", [
      ["npm:4.4.3", {"packageLocation": "./.yarn/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/", "packageDependencies": [["debug", "npm:4.4.3"]], "linkType": "SOFT"}],
      ["virtual:41#npm:4.4.3", {
        "packageLocation": "./.yarn/__virtual__/debug-virtual-41/0/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/",
        "packageDependencies": [["debug", "virtual:41#npm:4.4.3"], ["@types/supports-color", null], ["milliseconds", ["ms", "npm:2.1.3"]]], "linkType": "HARD"
      }]
    ]],
    ["ms", [["npm:2.1.3", {"packageLocation": "./.yarn/unplugged/ms-npm-2.1.3-81ff/node_modules/ms/", "packageDependencies": [["ms", "npm:2.1.3"]], "linkType": "HARD"}]]]
  ]
}`

func TestPnP(t *testing.T) {
	t.Parallel()
	install := t.TempDir()
	kittest.Write(t, install, map[string]string{
		".pnp.data.json": pnpSample, ".pnp.cjs": "", ".yarn/cache/.gitignore": "",
		".yarn/unplugged/ms-npm-2.1.3-81ff/node_modules/ms/package.json": `{"name": "ms", "version": "2.1.3", "license": "MIT"}`,
	})
	archive, err := os.Create(filepath.Join(install, ".yarn/cache/debug-npm-4.4.3-0105.zip"))
	if err != nil {
		t.Fatal(err)
	}
	files := zip.NewWriter(archive)
	about, err := files.Create("node_modules/debug/package.json")
	if err == nil {
		_, err = about.Write([]byte(`{"name": "debug", "version": "4.4.3", "license": "MIT"}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	var all pnpData
	if err := json.Unmarshal([]byte(pnpSample), &all); err != nil {
		t.Fatal(err)
	}
	holders := map[string]string{"cache/debug-npm-4.4.3-0105.zip": "node_modules/debug", "unplugged/ms-npm-2.1.3-81ff": "node_modules/ms"}
	if diff := cmp.Diff(holders, all.holders()); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
	bill, err := all.bill(filepath.Join(install, ".yarn"), sbom.Component{Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{bill.Subject.Name: bill.Subject.Dependencies}
	for _, one := range bill.Components {
		got[one.PURL] = one.Dependencies
	}
	want := map[string][]string{
		"app": {"pkg:npm/debug@4.4.3", "pkg:npm/debug@4.4.3"}, "pkg:npm/debug@4.4.3": {"pkg:npm/ms@2.1.3"}, "pkg:npm/ms@2.1.3": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bill (-want +got):\n%s", diff)
	}

	b := &builder{decision: decision{Project: project.Project{Root: t.TempDir()}}}
	kittest.Write(t, b.Root, map[string]string{".yarn/cache/old.zip": "", ".yarn/patches/a.patch": "", "server.js": ""})
	if err := b.linkPnP(install, filepath.Join(filepath.Dir(b.Root), "layers", "modules")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".pnp.cjs", ".pnp.data.json", ".yarn/patches/a.patch", "server.js"}, entries(t, b.Root, "/none")); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	data, err := os.ReadFile(filepath.Join(b.Root, ".pnp.data.json"))
	if err != nil {
		t.Fatal(err)
	}
	var linked pnpData
	if err := json.Unmarshal(data, &linked); err != nil {
		t.Fatal(err)
	}
	if at := linked.Packages[2].value[1].value.Location; at != "../layers/modules/.yarn/__virtual__/debug-virtual-41/0/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/" {
		t.Errorf("debug is at %s", at)
	}
}

// TestCopyHolder leaves out what an addon was compiled from.
func TestCopyHolder(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	const holder, at = "unplugged/bcrypt-npm-5.1.1-c2fb", "unplugged/bcrypt-npm-5.1.1-c2fb/node_modules/bcrypt"
	kittest.Write(t, from, map[string]string{
		at + "/binding.gyp": "", at + "/bcrypt.js": "", at + "/src/bcrypt.cc": "", at + "/build/Release/bcrypt.node": "", holder + "/.ready": "",
		"unplugged/other/node_modules/other/binding.gyp": "",
	})
	if err := copyHolder(to, from, holder, at); err != nil {
		t.Fatal(err)
	}
	want := []string{holder + "/.ready", at + "/bcrypt.js", at + "/build/Release/bcrypt.node"}
	if diff := cmp.Diff(want, entries(t, to, "/none")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(to, at, "src")); !os.IsNotExist(err) {
		t.Errorf("the folder src is there, with nothing in it: %v", err)
	}
}

// TestReach leaves out what is only for development, though the root is in the list twice and a peer is not there.
func TestReach(t *testing.T) {
	t.Parallel()
	const sample = `{"packageRegistryData": [
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["kept", "npm:1"], ["tool", "npm:1"], ["both", "npm:1"]]}]]],
    ["app", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["app", "workspace:."], ["kept", "npm:1"], ["tool", "npm:1"], ["both", "npm:1"]]}]]],
    ["both", [["npm:1", {"packageLocation": "./.yarn/cache/both.zip/node_modules/both/", "packageDependencies": []}]]],
    ["deep", [["npm:1", {"packageLocation": "./.yarn/cache/deep.zip/node_modules/deep/", "packageDependencies": []}],
      ["npm:2", {"packageLocation": "./.yarn/cache/deep2.zip/node_modules/deep/", "packageDependencies": []}]]],
    ["kept", [["npm:1", {"packageLocation": "./.yarn/cache/kept.zip/node_modules/kept/", "packageDependencies": [["kept", "npm:1"], ["peer", null], ["deep", "npm:1"]]}]]],
    ["tool", [["npm:1", {"packageLocation": "./.yarn/cache/tool.zip/node_modules/tool/", "packageDependencies": [["deep", "npm:2"]]}]]]
  ]}`
	var all pnpData
	if err := json.Unmarshal([]byte(sample), &all); err != nil {
		t.Fatal(err)
	}
	first, _, found := all.workspace(".")
	if want := [2]string{"app", "workspace:."}; first != want || !found {
		t.Fatalf("the app is %v, want %v", first, want)
	}
	m := project.Manifest{Dependencies: map[string]string{"kept": "1"}, Dev: map[string]string{"tool": "1", "both": "1"}, Optional: map[string]string{"both": "1"}}
	want := map[string]string{"cache/both.zip": "node_modules/both", "cache/deep.zip": "node_modules/deep", "cache/kept.zip": "node_modules/kept"}
	if diff := cmp.Diff(want, all.reach(first, func(folder, name string) bool { return folder == "./" && m.OnlyDev(name) }).holders()); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
	if _, _, found := all.workspace("packages/absent"); found {
		t.Error("there is a workspace that nobody has")
	}
}
