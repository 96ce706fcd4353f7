package layout_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestSlim has files of each kind, and those that look like it and stay.
func TestSlim(t *testing.T) {
	t.Parallel()
	found := files{
		"node_modules/a/package.json": `{"scripts": {"test": "node test/run.js"}, "peerDependencies": {"typescript": "*", "b": "*"},
			"peerDependenciesMeta": {"typescript": {"optional": true}, "b": {"optional": true}}}`,
		"node_modules/a/index.js":                "if (/x/.test(y) || env === 'test') {}",
		"node_modules/a/README.md":               "12345",
		"node_modules/a/LICENSE.md":              "",
		"node_modules/a/lib/help.md":             "",
		"node_modules/a/test/run.js":             "123",
		"node_modules/a/test/LICENCE":            "",
		"node_modules/a/lib/test/index.js":       "",
		"node_modules/a/index.d.ts":              "12",
		"node_modules/a/index.js.map":            "",
		"node_modules/a/src/a.cc":                "1",
		"node_modules/a/.github/ci.yml":          "1",
		"node_modules/b/package.json":            `{"exports": {"./suite": "./tests/suite.js"}}`,
		"node_modules/b/tests/suite.js":          "",
		"node_modules/c/package.json":            `{}`,
		"node_modules/c/lib/index.js":            "require('../test/shared')",
		"node_modules/c/test/shared.js":          "",
		"node_modules/typescript/package.json":   `{}`,
		"node_modules/typescript/lib/lib.d.ts":   "",
		"node_modules/a/node_modules/d/index.js": "",
	}
	left := []string{
		"node_modules/a/README.md", "node_modules/a/test/run.js", "node_modules/a/index.d.ts", "node_modules/a/src/a.cc",
		"node_modules/a/.github/ci.yml",
		"node_modules/a/node_modules/d/index.js", // no package
	}
	tests := []struct {
		name, depends string
		kinds         []string
		gone          []string
		said          string
	}{
		{"default", `{"dependencies": {"a": "1", "b": "1", "c": "1"}, "devDependencies": {"typescript": "5"}}`, []string{"docs", "tests",
			"types", "sources"},
			append([]string{"node_modules/typescript/package.json", "node_modules/typescript/lib/lib.d.ts"}, left...),
			"docs 0.00 MB, tests 0.00 MB, types 0.00 MB, sources 0.00 MB"},
		{"with the compiler", `{"dependencies": {"a": "1", "b": "1", "c": "1", "typescript": "5"}}`, []string{"types"}, left[5:], ""},
		{"maps", `{"dependencies": {"a": "1", "b": "1", "c": "1", "typescript": "5"}}`, []string{"maps"}, []string{"node_modules/a/index.js.map",
			left[5]}, "maps 0.00 MB"},
		{"none", `{"dependencies": {"a": "1", "b": "1", "c": "1", "typescript": "5"}}`, []string{"none"}, left[5:], ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app, install, layer := t.TempDir(), t.TempDir(), t.TempDir()
			kittest.Write(t, app, files{"package.json": test.depends})
			kittest.Write(t, install, found)
			var log bytes.Buffer
			l := trees(t, app, "", install)
			l.LeaveOut, l.Log = test.kinds, report.New(&log, report.Options{})
			if _, err := l.Fill(t.Context(), layer, ""); err != nil {
				t.Fatal(err)
			}
			copied, gone := map[string]bool{}, map[string]bool{}
			for _, name := range entries(t, layer, app) {
				copied[name] = true
			}
			for name := range found {
				if !copied[name] {
					gone[name] = true
				}
			}
			want := map[string]bool{}
			for _, name := range test.gone {
				want[name] = true
			}
			if diff := cmp.Diff(want, gone); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			_, said, _ := strings.Cut(strings.TrimSpace(log.String()), "left out: ")
			if said != test.said {
				t.Errorf("it says %q, want %q", said, test.said)
			}
		})
	}
}
