package platform

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestWantedTools reads what detection wrote, of a group in which the third buildpack told of two tools.
func TestWantedTools(t *testing.T) {
	t.Parallel()
	const group = "[[group]]\nid = \"x/ca\"\nversion = \"1\"\napi = \"0.10\"\n[[group]]\nid = \"x/go\"\nversion = \"2\"\napi = \"0.10\"\n[[group]]\nid = \"x/last\"\nversion = \"3\"\napi = \"0.10\"\n"
	read := func(tools string) ([]tool, error) {
		b := &build{dir: t.TempDir()}
		plan := "[[entries]]\n[[entries.providers]]\nid = \"x/go\"\nversion = \"2\"\n[[entries.requires]]\nname = \"go\"\n[entries.requires.metadata]\ntools = " + tools + "\n"
		kittest.Write(t, b.dir, map[string]string{"layers/group.toml": group, "layers/plan.toml": plan})
		return b.wantedTools()
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

// TestToolsDir has an app name another folder of tools, which a build does not see.
func TestToolsDir(t *testing.T) {
	t.Parallel()
	b := &build{dir: t.TempDir(), BuildOptions: BuildOptions{Env: map[string]string{"BP_TOOLS_DIR": "/workspace/tools"}}}
	if err := b.writePlatform(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(b.path("platform", "env", "BP_TOOLS_DIR")); err != nil || string(got) != toolsDir {
		t.Errorf("BP_TOOLS_DIR is %q (%v), want %s", got, err, toolsDir)
	}
}
