package start_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// TestLoads finds the packages for development that a start cannot do without.
func TestLoads(t *testing.T) {
	t.Parallel()
	const all = `"dependencies": {"express": "5"}, "devDependencies": {"polka": "1", "@a/b": "1", "express": "4", "vite": "7"}`
	for name, tt := range map[string]struct {
		scripts string
		files   files
		want    string
	}{
		"require": {
			"", files{"server.js": "'use strict'\nconst polka = require('polka')\nrequire(\"@a/b/c\")\n"},
			"@a/b:server.js polka:server.js",
		},
		"import": {
			"", files{"server.js": "import vite, {\n  a,\n} from 'vite'\nimport '@a/b'\nexport * from \"polka\""},
			"@a/b:server.js polka:server.js vite:server.js",
		},
		"compiled": {
			"", files{"server.js": "var p = __importDefault(require(\"polka\"));\nconst { a } = require('vite');\n"},
			"polka:server.js vite:server.js",
		},
		"a dependency": {"", files{"server.js": "require('express')\nrequire('other')\n"}, ""},
		"perhaps": {
			"", files{"server.js": "if (dev) {\n  const vite = require('vite')\n}\nconst load = () => import('polka')\n"},
			"",
		},
		"types": {"", files{"server.js": "import type { A } from 'polka'\nexport type { B } from 'vite'\n"}, ""},
		"a file": {
			"", files{"server.js": "import './lib/a'\n", "lib/a.js": "import '../b.js'\nimport './none'\n", "b.ts": "import 'vite'"},
			"vite:b.ts",
		},
		"a folder": {
			"", files{"server.js": "require('./lib')\n", "lib/index.js": "require('..')\nrequire('../server')\nrequire('vite')"},
			"vite:lib/index.js",
		},
		"outside": {
			"", files{"server.js": "require('../../x')\nrequire('./node_modules/x')\n", "node_modules/x/index.js": "require('vite')"},
			"",
		},
		"beside":       {"", files{"a/b/server.js": "import 'vite'\nimport 'polka'", "a/node_modules/vite/x": ""}, "polka:a/b/server.js"},
		"of a program": {"tsx src/server.ts", files{"src/server.ts": "import polka from 'polka'\n"}, "polka:src/server.ts"},
		"several": {
			"node a.js && node --enable-source-maps b", files{"a.js": "require('vite')", "b.js": "require('polka')"},
			"polka:b.js vite:a.js",
		},
		"of a workspace": {
			"node packages/api/index.js", files{
				"packages/api/index.js":     "require('polka')\nrequire('@a/b')\nrequire('vite')\n",
				"packages/api/package.json": `{"dependencies": {"polka": "1"}, "devDependencies": {"@a/b": "1"}}`,
			},
			"@a/b:packages/api/index.js vite:packages/api/index.js",
		},
		"erased": {
			"tsx src/server.ts", files{"src/server.ts": "import { A } from 'polka'\nimport { type B } from 'vite'\n" +
				"export { C } from '@a/b'\n"},
			"@a/b:src/server.ts",
		},
		"erased by an option": {
			"node --import tsx server.ts", files{"server.ts": "export interface A { x: number }\nimport type { B } from 'vite'\n" +
				"import { A } from 'polka'"},
			"",
		},
		"not erased": {
			"node server.mts", files{"server.mts": "import { a } from 'polka'\nimport type from 'vite'"},
			"polka:server.mts vite:server.mts",
		},
		"of a server of files": {"serve dist", files{"dist/index.js": "import polka from 'polka'"}, ""},
		"arguments":            {"node a.js b", files{"a.js": "", "b/index.js": "require('polka')"}, ""},
		"hidden": {
			"", files{"server.js": "/*\nimport x from 'vite'\n*/\n// '\nconst t = `\nimport x from 'polka'\n` + '/*'\n" +
				"x = /[`'/]/\nrequire('@a/b')//*/"},
			"@a/b:server.js",
		},
		"without an extension": {
			"node ./bin/www", files{"bin/www": "#!/usr/bin/env node\nrequire('../app')", "app.js": "require('polka')"},
			"polka:app.js",
		},
		"a folder's main": {
			"node lib", files{"lib/package.json": `{"main": "srv/main"}`, "lib/srv/main.js": "require('polka')"},
			"polka:lib/srv/main.js",
		},
		"the app's folder": {"node .", files{"a/b/server.js": "require('polka')"}, "polka:a/b/server.js"},
		"assigned": {
			"", files{"server.js": "\ufeffmodule.exports = require('./a')\n", "a.ts": "import p = require('polka')\n" +
				"exports.x = exports.y = require('vite')"},
			"polka:a.ts vite:a.ts",
		},
		"dense": {
			"", files{"server.js": "import{a}from\"polka\"\nvar b = /*#__PURE__*/ c(require('vite'))\n"},
			"polka:server.js vite:server.js",
		},
		"chained": {
			"", files{"server.js": "var a = require('a'), b = require('polka')(),\n" +
				"  { c } = require('vite')\nlet d = 1, f = () => { require('@a/b') }"},
			"polka:server.js vite:server.js",
		},
		"many files":     {"", many(600), "polka:f498.js"},
		"no file at all": {"next start", files{"server.js": "require('vite')"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest := "{" + all + "}"
			switch {
			case tt.scripts != "":
				manifest = fmt.Sprintf(`{"main": "a/b/server.js", "scripts": {"start": %q}, %s}`, tt.scripts,
					strings.Replace(all, "{", `{"next": "1", "tsx": "1", "serve": "1", `, 1))
			case tt.files["server.js"] == "":
				manifest = `{"main": "a/b/server.js", ` + all + "}"
			}
			content := files{"package.json": manifest}
			maps.Copy(content, tt.files)
			a := app(t, content)
			s, err := a.Choose()
			if err != nil {
				t.Fatal(err)
			}
			loads, err := a.Loads(s)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, pkg := range []string{"@a/b", "express", "polka", "vite"} {
				if file := loads[pkg].File; file != "" {
					got = append(got, pkg+":"+file)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" || len(got) != len(loads) {
				t.Errorf("(-want +got):\n%s%v", diff, loads)
			}
		})
	}
}

// many are files of which each loads the next one. All load a package, and one that is too far away another.
func many(n int) files {
	all := files{"server.js": "require('./f0')"}
	for i := range n {
		all["f"+strconv.Itoa(i)+".js"] = fmt.Sprintf("require('./f%d')\n", i+1)
	}
	all["f498.js"] += "require('polka')\n"
	all["f499.js"] += "require('vite')\n"
	return all
}

// TestLoadsSurely tells what runs as it is written from what may be erased.
func TestLoadsSurely(t *testing.T) {
	t.Parallel()
	a := app(t, files{
		"package.json": `{"scripts": {"start": "tsx a.ts"}, "dependencies": {"tsx": "1"}, "devDependencies": {"polka": "1", "vite": "7"}}`,
		"a.ts":         "import A from 'polka'\nimport B from 'vite'\nimport './b.js'\n", "b.js": "require('vite')\n",
	})
	s, err := a.Choose()
	if err != nil {
		t.Fatal(err)
	}
	loads, err := a.Loads(s)
	want := map[string]start.Load{"polka": {File: "a.ts"}, "vite": {File: "b.js", Sure: true}}
	if diff := cmp.Diff(want, loads); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
