package build

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

// TestWantedTools reads what detection wrote, of a group in which the third buildpack named two tools.
func TestWantedTools(t *testing.T) {
	t.Parallel()
	group := ""
	for i, id := range []string{"x/ca", "x/go", "x/last"} {
		group += fmt.Sprintf("[[group]]\nid = %q\nversion = \"%d\"\napi = \"0.10\"\n", id, i+1)
	}
	read := func(tools string) ([]tool, error) {
		f := folders{dir: t.TempDir()}
		plan := "[[entries]]\n[[entries.providers]]\nid = \"x/go\"\nversion = \"2\"\n" +
			"[[entries.requires]]\nname = \"go\"\n[entries.requires.metadata]\ntools = " + tools + "\n"
		kittest.Write(t, f.dir, map[string]string{"platform/group.toml": group, "platform/plan.toml": plan})
		return f.wantedTools()
	}
	wanted, err := read(`["go1", "go2"]`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range wanted {
		got = append(got, one.name)
		for _, by := range one.group {
			got = append(got, by.ID+"@"+by.Version+" "+by.API)
		}
	}
	if diff := cmp.Diff([]string{"go1", "x/ca@1 0.10", "x/go@2 0.10", "go2", "x/ca@1 0.10", "x/go@2 0.10"}, got); diff != "" {
		t.Errorf("tools, and who installs them (-want +got):\n%s", diff)
	}
	for _, name := range []string{"", "..", "../go", "a/b", "/etc", ".go"} {
		if wanted, err := read(`["` + name + `"]`); err == nil {
			t.Errorf("%q is taken for a tool's name: %v", name, wanted)
		}
	}
}

// TestToolsDir has an app name other folders than the platform's, which a build does not see.
func TestToolsDir(t *testing.T) {
	t.Parallel()
	env := map[string]string{"BP_TOOLS_DIR": "/workspace/tools", verdict.Env: "/workspace", "BP_CACHE_DIR": "/elsewhere"}
	got, err := secrets(env, nil)
	want := []sandbox.Folder{{Target: "/platform/env", Files: []sandbox.File{
		{Path: "BP_CACHE_DIR", Content: []byte("/elsewhere")},
		{Path: "BP_TOOLS_DIR", Content: []byte(toolsDir)},
		{Path: verdict.Env, Content: []byte(verdicts)},
	}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("the variables of a build (%v, -want +got):\n%s", err, diff)
	}
}
