package project_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/project"
	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// FuzzRead reads project.toml: buildpacks are of the builder, and patterns can be asked of any path.
func FuzzRead(f *testing.F) {
	f.Add("[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nbuilder = \"b\"\nexclude = [\"*.md\", \"!a\", \"a/../b\"]\n"+
		"[[io.buildpacks.group]]\nid = \"a/b\"\nversion = \"1\"\n[[io.buildpacks.build.env]]\nname = \"A\"\nvalue = \"1\"\n", "a/b")
	f.Add("[project]\nlicenses = [{type = \"MIT\"}]\n"+
		"[build]\ninclude = [\"[a\", \"\\\\+\"]\n[[build.buildpacks]]\nuri = \"urn:cnb:builder:x\"\n", "")
	f.Add("[_]\nschema-version = \"0.2\"\n[[io.buildpacks.pre.group]]\nuri = \"https://x.test\"\n[io.buildpack]\n", ".")
	f.Add("a = "+strings.Repeat("{a=", 100)+"1"+strings.Repeat("}", 100), "x")
	f.Add("\ufeff[_]\nschema-version = 0.2\n", "\x00")
	f.Fuzz(func(t *testing.T, text, path string) {
		app := t.TempDir()
		kittest.Write(t, app, map[string]string{project.FileName: text})
		d, err := project.Read(app, "")
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if keep := d.Keep(); keep != nil {
			if first, again := keep(path), keep(path); first != again {
				t.Errorf("%q is in the build and is not", path)
			}
		}
		for _, name := range append(append(d.Buildpacks, d.Pre...), d.Post...) {
			if name == "" || len(d.Buildpacks) > 0 && len(d.Pre)+len(d.Post) > 0 {
				t.Errorf("%+v", d)
			}
		}
		if _, err := d.Variables(nil, registries.List{{}}); err != nil {
			kittest.Fault(t, err)
		}
	})
}
