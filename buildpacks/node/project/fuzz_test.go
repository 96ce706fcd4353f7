package project_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// FuzzManifest reads a package.json: nothing that it names is outside of the app, and variables have names that files may have.
func FuzzManifest(f *testing.F) {
	f.Add(`{"name": "a", "version": "1", "main": "x.js", "scripts": {"start": "node x"}, "config": {"a": {"b": [1, null]}}, "type": "module",
		"exports": {".": {"import": "./a.js"}}, "module": "../../a.js", "workspaces": {"packages": ["*", "!b"]}, "bin": {"x": "../../x.js"}}`)
	f.Add(`{"workspaces": ["{a,b}/{c,d}", "../*", "**/**/x"],
		"engines": {"node": ">=22", "a/b": "1"}, "devEngines": {"runtime": {"name": "node"}}}`)
	f.Add("\ufeff{\"name\": 1, \"dependencies\": {\"a\": \"file:../x\", \"b\": \"link:./member\"}, \"workspaces\": \"member\"}")
	f.Add(`{"workspaces": ["` + strings.Repeat("{a,b}", 30) + `"]}`)
	f.Add(`{"workspaces": ["` + strings.Repeat("**/member/", 15) + `x", "member"]}`)
	deep := "app/" + strings.Repeat("member/", 40) + "package.json"
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"app/package.json": text, "app/member/package.json": "{}", "package.json": "{}", deep: "{}"})
		p, err := project.Find(filepath.Join(dir, "app"), "")
		if err == nil {
			p, err = p.WithLocal(true)
		}
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if notMember := func(m string) bool { return strings.Trim(m+"/", "mebr/") != "" }; slices.ContainsFunc(p.Members, notMember) {
			t.Errorf("workspaces %q", p.Members)
		}
		for _, one := range slices.Concat(p.Copied, p.Manifest.Starts(project.Extensions)) {
			if !filepath.IsLocal(one) {
				t.Errorf("%q is outside of the app", one)
			}
		}
		for name := range p.Manifest.Variables("start") {
			if name == "" || strings.ContainsAny(name, "/=\x00") {
				t.Errorf("variable %q", name)
			}
		}
	})
}

// FuzzPnpmWorkspace reads a pnpm-workspace.yaml in the same way.
func FuzzPnpmWorkspace(f *testing.F) {
	f.Add("packages:\n  - '*'\n  - '!member'\noverrides:\n  a: file:../x\npatchedDependencies:\n  a: patches/a\n")
	f.Add("packages: 1\n")
	f.Add("packages: ['', '[']\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"package.json": "{}", "member/package.json": "{}", project.PnpmWorkspace: text})
		p, err := project.Find(dir, "")
		if err == nil {
			p, err = p.WithLocal(true)
		}
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if len(p.Members) > 1 || len(p.Members) == 1 && p.Members[0] != "member" {
			t.Errorf("workspaces %q", p.Members)
		}
	})
}
