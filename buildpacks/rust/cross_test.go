package rust_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// TestCross compiles for another architecture: programs with its compiler of C and its linker, and what cargo starts with this machine's.
func TestCross(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	tool := cargoFor(t, other)
	c := given(t, shop(), tool)
	c.Arch = other
	tools := c.Env["BP_TOOLS_DIR"]
	folders := map[string]string{}
	for _, arch := range []string{runtime.GOARCH, other} {
		folder, err := compiler.Compiler{In: bp.Workspace{Target: bp.Target{Arch: arch}}}.Folder()
		if err != nil {
			t.Fatal(err)
		}
		folders[arch] = filepath.Join(tools, folder, "bin")
	}
	kittest.Write(t, folders[other], files{"objcopy": objcopy})
	if err := os.Remove(filepath.Join(folders[runtime.GOARCH], "objcopy")); err != nil {
		t.Fatal(err)
	}
	all, err := toolchain.Debian(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		kittest.Write(t, filepath.Join(tools, r.Folder(), "bin"), files{"cargo": tool.Text(), "rustc": "#!/bin/sh\n"})
	}
	detected := kittest.Detect(t, c).Tools()
	if len(detected) != 3 || detected[0] != all[0].Folder() {
		t.Errorf("the tools are %v", detected)
	}
	got := built(t, c)
	if !strings.Contains(kittest.Files(t, got.Layers)["targets/bin/shop"], "program shop\n") {
		t.Errorf("there is no program\n%s", got.Log())
	}
	calls := tool.Calls(t)
	last := calls[len(calls)-1]
	triple := toolchain.Triples[other]
	if want := "--target=" + triple; !strings.Contains(strings.Join(last.Args, " "), want) {
		t.Errorf("cargo is called with %q, which lacks %s", last.Args, want)
	}
	name := strings.ReplaceAll(triple, "-", "_")
	for variable, want := range map[string]string{
		"CC_" + name: folders[other] + "/cc", "CXX_" + name: folders[other] + "/c++", "CC": "cc", "PKG_CONFIG_ALLOW_CROSS": "1",
	} {
		if last.Env[variable] != want {
			t.Errorf("%s is %q, want %q", variable, last.Env[variable], want)
		}
	}
	if first, _, _ := strings.Cut(last.Env["PATH"], ":"); first != folders[runtime.GOARCH] {
		t.Errorf("PATH is %s, want %s first", last.Env["PATH"], folders[runtime.GOARCH])
	}
	linker, err := os.ReadFile(last.Env["CARGO_TARGET_"+strings.ToUpper(name)+"_LINKER"])
	if err != nil || !strings.Contains(string(linker), "exec "+folders[other]+"/cc ") {
		t.Errorf("programs are linked by %q, %v", linker, err)
	}
}
