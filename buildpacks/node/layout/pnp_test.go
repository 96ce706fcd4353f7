package layout_test

import (
	"archive/zip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// pnpSample is what Yarn 4.18 wrote, with an alias and a package without an archive put in.
const pnpSample = `{
  "packageRegistryData": [
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["debug", "virtual:41#npm:4.4.3"]], "linkType": "SOFT"}]]],
    ["app", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["app", "workspace:."], ["debug",
			"virtual:41#npm:4.4.3"]], "linkType": "SOFT"}]]],
    ["debug", [
      ["npm:4.4.3", {"packageLocation": "./.yarn/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/", "packageDependencies": [["debug",
			"npm:4.4.3"]], "linkType": "SOFT"}],
      ["virtual:41#npm:4.4.3", {
        "packageLocation": "./.yarn/__virtual__/debug-virtual-41/0/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/",
        "packageDependencies": [["debug", "virtual:41#npm:4.4.3"], ["@types/supports-color", null], ["milliseconds", ["ms",
			"npm:2.1.3"]]], "linkType": "HARD"
      }]
    ]],
    ["ms", [["npm:2.1.3", {"packageLocation": "./.yarn/unplugged/ms-npm-2.1.3-81ff/node_modules/ms/", "packageDependencies": [["ms",
			"npm:2.1.3"]], "linkType": "HARD"}]]]
  ]
}`

// pnp returns the layout of an app whose packages are in a folder. With pruned, Yarn took away what is for development.
func pnp(t *testing.T, app, install string, pruned bool) layout.PnP {
	t.Helper()
	p, err := project.Find(app, "")
	if err != nil {
		t.Fatal(err)
	}
	packages := layout.Packages{All: func(context.Context) (string, error) { return install, nil }}
	if pruned {
		packages.Production = func(_ context.Context, keep bool) (string, error) {
			if !keep {
				t.Error("what Yarn took away is not kept")
			}
			return install, nil
		}
	}
	return layout.PnP{Project: p, Packages: packages, Script: ".pnp.cjs"}
}

// archive writes the archive of a package, which has a program of its own name.
func archive(t *testing.T, install, file, name string) {
	t.Helper()
	kittest.Write(t, filepath.Join(install, ".yarn/cache"), nil)
	out, err := os.Create(filepath.Join(install, ".yarn/cache", file))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	packed := zip.NewWriter(out)
	about, err := packed.Create("node_modules/" + name + "/package.json")
	if err == nil {
		_, err = about.Write([]byte(`{"name": "` + name + `", "version": "1.0.0", "license": "MIT", "bin": "cli.js"}`))
	}
	if err == nil {
		err = packed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPnP(t *testing.T) {
	t.Parallel()
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{
		"package.json": `{"name": "app", "dependencies": {"debug": "4"}}`, "server.js": "",
		".yarn/cache/old.zip": "", ".yarn/patches/a.patch": "",
	})
	kittest.Write(t, install, files{
		".pnp.data.json": pnpSample, ".pnp.cjs": "", ".pnp.loader.mjs": "", ".yarn/cache/.gitignore": "",
		".yarn/unplugged/ms-npm-2.1.3-81ff/node_modules/ms/package.json": `{"name": "ms", "version": "2.1.3", "license": "MIT"}`,
	})
	archive(t, install, "debug-npm-4.4.3-0105.zip", "debug")
	l, layer := pnp(t, app, install, true), filepath.Join(filepath.Dir(app), "layer")
	kittest.Write(t, layer, nil)
	bill, err := l.Fill(t.Context(), layer, "")
	if err != nil {
		t.Fatal(err)
	}
	held := []string{".yarn/cache/debug-npm-4.4.3-0105.zip", ".yarn/unplugged/ms-npm-2.1.3-81ff/node_modules/ms/package.json"}
	if diff := cmp.Diff(held, entries(t, layer, "/none")); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
	got := map[string][]string{bill.Subject.Name: bill.Subject.Dependencies}
	for _, one := range bill.Components {
		got[one.PURL] = one.Dependencies
	}
	want := map[string][]string{
		"app": {"pkg:npm/debug@1.0.0", "pkg:npm/debug@1.0.0"}, "pkg:npm/debug@1.0.0": {"pkg:npm/ms@2.1.3"}, "pkg:npm/ms@2.1.3": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bill (-want +got):\n%s", diff)
	}
	checkLink(t, l, app, layer)
}

// checkLink links an app to the layer, looks for a program there, and unlinks it.
func checkLink(t *testing.T, l layout.PnP, app, layer string) {
	t.Helper()
	if err := l.Link(t.Context(), layer); err != nil {
		t.Fatal(err)
	}
	own := []string{".yarn/patches/a.patch", "package.json", "server.js"}
	linked := append([]string{".pnp.cjs", ".pnp.data.json", ".pnp.loader.mjs"}, own...)
	if diff := cmp.Diff(linked, entries(t, app, "/none")); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	data, err := os.ReadFile(filepath.Join(app, ".pnp.data.json"))
	if at := `"packageLocation": "../layer/.yarn/__virtual__/debug-virtual-41/0/cache/`; err != nil || !strings.Contains(string(data), at) {
		t.Errorf("the packages are not at %s: %v\n%s", at, err, data)
	}
	arguments := []string{"--require", filepath.Join(app, ".pnp.cjs"), "--experimental-loader", filepath.Join(app, ".pnp.loader.mjs")}
	if diff := cmp.Diff(arguments, l.Arguments()); diff != "" {
		t.Errorf("arguments of node (-want +got):\n%s", diff)
	}
	file, dev, err := l.Program(t.Context(), layer, "debug")
	program := filepath.Join(layer, ".yarn/__virtual__/debug-virtual-41/0/cache/debug-npm-4.4.3-0105.zip/node_modules/debug/cli.js")
	if file != program || dev || err != nil {
		t.Errorf("the program is %q, for development %t, %v; want %q", file, dev, err, program)
	}
	if err := l.Unlink(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(own, entries(t, app, "/none")); diff != "" {
		t.Errorf("the app without packages (-want +got):\n%s", diff)
	}
}

// TestPnPAddon leaves out what an addon was compiled from.
func TestPnPAddon(t *testing.T) {
	t.Parallel()
	const holder = ".yarn/unplugged/bcrypt-npm-5.1.1-c2fb"
	const at = holder + "/node_modules/bcrypt"
	app, install, layer := t.TempDir(), t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": "{}"})
	kittest.Write(t, install, files{
		".pnp.data.json": `{"packageRegistryData": [["bcrypt", [["npm:5", {"packageLocation": "./` + at + `/",
			"packageDependencies": []}]]]]}`,
		at + "/package.json": "{}", at + "/binding.gyp": "", at + "/bcrypt.js": "", at + "/src/bcrypt.cc": "",
		at + "/build/Release/bcrypt.node": "", holder + "/.ready": "", ".yarn/unplugged/other/node_modules/other/binding.gyp": "",
	})
	if _, err := pnp(t, app, install, true).Fill(t.Context(), layer, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{holder + "/.ready", at + "/bcrypt.js", at + "/build/Release/bcrypt.node", at + "/package.json"}
	if diff := cmp.Diff(want, entries(t, layer, "/none")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(layer, at, "src")); !os.IsNotExist(err) {
		t.Errorf("the folder src is there, with nothing in it: %v", err)
	}
}

// TestPnPDevelopment leaves out what is only for development, though the root is in the list twice and a peer is not there.
func TestPnPDevelopment(t *testing.T) {
	t.Parallel()
	const data = `{"packageRegistryData": [
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["kept", "npm:1"], ["tool", "npm:1"], ["both", "npm:1"]]}]]],
    ["app", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["app", "workspace:."], ["kept", "npm:1"], ["tool",
			"npm:1"], ["both", "npm:1"]]}]]],
    ["both", [["npm:1", {"packageLocation": "./.yarn/cache/both.zip/node_modules/both/", "packageDependencies": []}]]],
    ["deep", [["npm:1", {"packageLocation": "./.yarn/cache/deep.zip/node_modules/deep/", "packageDependencies": []}],
      ["npm:2", {"packageLocation": "./.yarn/cache/deep2.zip/node_modules/deep/", "packageDependencies": []}]]],
    ["kept", [["npm:1", {"packageLocation": "./.yarn/cache/kept.zip/node_modules/kept/", "packageDependencies": [["kept", "npm:1"],
			["peer", null], ["deep", "npm:1"]]}]]],
    ["tool", [["npm:1", {"packageLocation": "./.yarn/cache/tool.zip/node_modules/tool/", "packageDependencies": [["deep", "npm:2"]]}]]]
  ]}`
	app, install := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{
		"package.json": `{"name": "app", "dependencies": {"kept": "1"}, "devDependencies": {"tool": "1", "both": "1"},
			"optionalDependencies": {"both": "1"}}`,
	})
	kittest.Write(t, install, files{".pnp.data.json": data})
	for file, name := range map[string]string{"both.zip": "both", "deep.zip": "deep", "deep2.zip": "deep", "kept.zip": "kept",
		"tool.zip": "tool"} {
		archive(t, install, file, name)
	}
	for pruned, want := range map[bool][]string{
		false: {".yarn/cache/both.zip", ".yarn/cache/deep.zip", ".yarn/cache/kept.zip"},
		true:  {".yarn/cache/both.zip", ".yarn/cache/deep.zip", ".yarn/cache/deep2.zip", ".yarn/cache/kept.zip", ".yarn/cache/tool.zip"},
	} {
		layer := t.TempDir()
		if _, err := pnp(t, app, install, pruned).Fill(t.Context(), layer, ""); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, entries(t, layer, "/none")); diff != "" {
			t.Errorf("pruned by Yarn %t: the layer (-want +got):\n%s", pruned, diff)
		}
	}
	if file, dev, err := pnp(t, app, install, false).Program(t.Context(), "/layer", "tool"); file != "" || !dev || err != nil {
		t.Errorf("the program tool is %q, for development %t, %v", file, dev, err)
	}
}
