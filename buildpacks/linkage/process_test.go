package linkage_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// process is a command of a process "web" that line 3 of a Procfile gave, and what is known at build.
type process struct {
	command string            // words; "|" in one is a space
	text    bool              // the command is one for a shell, as before API 0.9
	app     map[string]string // "#!…" and ELF files are programs
	links   map[string]string // in the app, to where
	dir     string            // working folder
	distro  string            // default: strata-static
	reused  string            // metadata of a launch layer of strata/node that is taken from the previous image
	layers  map[string]string // more files in the folder of all layers; those in a folder exec.d or bin are programs
	alone   bool              // the launch helper has no layer
	env     config.Environment
	want    string // what the error says behind the process; "" if it starts
	log     string // what the log says of it
}

// TestProcesses looks for what processes start. A layer has bin/hello, bin/node and env.launch/PATH.
func TestProcesses(t *testing.T) {
	t.Parallel()
	for name, test := range processes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.build(t)
			want := "error: process web (Procfile line 3) " + test.want + "\n"
			if test.want == "" {
				want = ""
			}
			if got.Stderr != want || (got.Code != 0) != (want != "") {
				t.Errorf("got code %d and %q, want %q", got.Code, got.Stderr, want)
			}
			if test.log != "" && !strings.Contains(got.Stdout, "process web (Procfile line 3) "+test.log) {
				t.Errorf("the log does not say %q:\n%s", test.log, got.Stdout)
			}
		})
	}
}

// build builds an image with the process.
func (p process) build(t *testing.T) kittest.Result {
	t.Helper()
	app, layers := filepath.Join(t.TempDir(), "app"), filepath.Join(t.TempDir(), "layers")
	place := strings.NewReplacer("<app>", app, "<layers>", layers, "<helper>", layers+"/strata_launch-helper/helper/launch")
	files := map[string]string{}
	for name, content := range p.app {
		files[name] = place.Replace(content)
	}
	kittest.Write(t, app, files)
	for link, target := range p.links {
		if err := os.Symlink(place.Replace(target), filepath.Join(app, link)); err != nil {
			t.Fatal(err)
		}
	}
	var words []string
	for word := range strings.SplitSeq(place.Replace(p.command), " ") {
		words = append(words, strings.ReplaceAll(word, "|", " "))
	}
	command, err := json.Marshal(words)
	if p.text {
		command, err = json.Marshal(words[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, layers, map[string]string{
		"strata_go/targets.toml": "[types]\nlaunch = true\n", "strata_go/targets/bin/hello": program, "strata_go/targets/bin/node": program,
		"strata_go/targets/bin/text": "#", "strata_go/targets/opt/tool": program,
		"strata_go/targets/env.launch/PATH.append": layers + "/strata_go/targets/opt",
		"strata_go/targets/env.launch/PATH.delim":  ":", "strata_go/tools.toml": "[types]\nbuild = true\n", "strata_go/tools/bin/go": program,
		"strata_launch-helper/helper.toml": "[types]\nlaunch = true\n", "strata_launch-helper/helper/launch": program,
		"strata_procfile/launch.toml": "[[processes]]\ntype = \"web\"\ncommand = " + string(command) +
			"\nworking-dir = \"" + place.Replace(p.dir) + "\"\n",
		"strata_procfile/origins.json": `{"web": "Procfile line 3"}`,
	})
	kittest.Write(t, filepath.Join(layers, "strata_linkage"), nil)
	kittest.Write(t, layers, p.layers)
	for name := range p.layers {
		if strings.Contains(name, "/exec.d/") || strings.Contains(name, "/bin/") {
			makeExecutable(t, filepath.Join(layers, name))
		}
	}
	if p.alone {
		for _, name := range []string{"helper.toml", "helper"} {
			if err := os.RemoveAll(filepath.Join(layers, "strata_launch-helper", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p.reused != "" {
		kittest.Write(t, layers, map[string]string{"strata_node/reused.toml": "[types]\nlaunch = true\n" + place.Replace(p.reused)})
	}
	for name := range p.app {
		if content := files[name]; strings.HasPrefix(content, "#!") || strings.HasPrefix(content, "\x7fELF") {
			makeExecutable(t, filepath.Join(app, name))
		}
	}
	makeExecutable(t, filepath.Join(layers, "strata_go", "targets"))
	if !p.alone {
		makeExecutable(t, filepath.Join(layers, "strata_launch-helper", "helper"))
	}
	distro := p.distro
	if distro == "" {
		distro = "strata-static"
	}
	got := kittest.Build(t, kittest.Case{
		AppDir: app, Layers: filepath.Join(layers, "strata_linkage"), Distro: distro, Arch: "amd64", Env: p.env,
	})
	got.Stderr = strings.ReplaceAll(got.Stderr, layers, "<layers>")
	return got
}

// TestNoProcess stops a build whose image nothing could start.
func TestNoProcess(t *testing.T) {
	t.Parallel()
	layers := filepath.Join(t.TempDir(), "strata_linkage")
	kittest.Write(t, layers, nil)
	got := kittest.Build(t, kittest.Case{Layers: layers, Distro: "strata-static"})
	want := "error: no buildpack says how to start the app, so nothing could start its image; " +
		"add a Procfile with the line \"web: PROGRAM\", where PROGRAM is in the image\n"
	if got.Code != 1 || got.Stderr != want {
		t.Errorf("got code %d and %q, want %q", got.Code, got.Stderr, want)
	}
}
