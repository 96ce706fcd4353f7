package layout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestTypes leaves out what only a compiler reads, and keeps what a package may serve to an editor in a browser.
func TestTypes(t *testing.T) {
	t.Parallel()
	packages := map[string]struct{ gone, kept files }{
		"beside": {files{
			"lib/a.d.ts": "", "lib/a.d.ts.map": "", "lib/b.d.mts": "", "lib/c.js.flow": "", "lib/d.d.ts": "",
		}, files{
			"package.json": "{}", "lib/a.js": "", "lib/b.mjs": "", "lib/c.js": "", "lib/d.cjs": "", "lib/e.d.ts": "", "lib/f/index.js": "",
			"lib/f.d.ts": "",
		}},
		"@types/alone": {files{"index.d.ts": "", "ts5.6/index.d.ts": "", "globals.global.d.ts": ""}, files{"package.json": "{}"}},
		"field": {files{
			"dist/types/index.d.ts": `export * from "./a"; import { B } from '../b.js'; type C = import("./c").C;`,
			"dist/types/a.d.ts":     `/// <reference path="globals.d.ts" />`, "dist/types/globals.d.ts": "", "dist/b.d.ts": "",
			"dist/types/c/index.d.ts": "",
		}, files{"package.json": `{"types": "./dist/types/index.d.ts"}`, "dist/types/other.d.ts": ""}},
		"no-extension": {files{"types/main.d.ts": ""}, files{"package.json": `{"typings": "types/main"}`}},
		"exports": {files{"esm/index.d.mts": "", "x/one.d.ts": "", "x/two.d.ts": ""}, files{
			"package.json": `{"exports": {".": {"import": {"types": "./esm/index.d.mts"}}, "./x/*": [{"types": "./x/*.d.ts"}]}}`, "y/three.d.ts": "",
		}},
		"default": {files{"index.d.ts": ""}, files{"package.json": `{"types": 1}`}},
		"served": {files{}, files{
			"package.json": `{"types": "public/types/a.d.ts"}`, "public/types/a.d.ts": "", "public/a.js": "", "dist/assets/b.js": "",
			"dist/assets/b.d.ts": "",
			"static/c.js":        "", "static/c.d.ts": "",
			"templates/d.d.ts": "", "templates/d.js": "", "public/a.js.map": "", "editor/func.d.ts": "",
		}},
	}
	app, install, layer := t.TempDir(), t.TempDir(), t.TempDir()
	var depends, want []string
	for name, p := range packages {
		depends = append(depends, `"`+name+`": "1"`)
		for file, content := range p.gone {
			kittest.Write(t, install, files{"node_modules/" + name + "/" + file: content})
		}
		for file, content := range p.kept {
			kittest.Write(t, install, files{"node_modules/" + name + "/" + file: content})
			want = append(want, "node_modules/"+name+"/"+file)
		}
	}
	kittest.Write(t, app, files{"package.json": `{"dependencies": {` + strings.Join(depends, ", ") + `}}`})
	l := trees(t, app, "", install)
	l.LeaveOut = []string{"types", "maps"}
	if _, err := l.Fill(t.Context(), layer, ""); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range kittest.Files(t, layer) {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
}
