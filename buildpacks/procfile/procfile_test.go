package procfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/procfile"
)

func TestMain(m *testing.M) { kittest.Main(m, procfile.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		app  map[string]string
		code int
		log  string
	}{
		{"found", map[string]string{"Procfile": "web: x"}, 0, "strata/procfile pass: Procfile found\n"},
		{"absent", nil, 100, "strata/procfile fail: no Procfile\n"},
		{"broken", map[string]string{"Procfile": "x"}, 0, "strata/procfile pass: Procfile found\n"},
		{"folder", map[string]string{"Procfile/readme": ""}, 100, "strata/procfile fail: Procfile is not a file\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app})
			if got.Code != test.code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), test.code, test.log)
			}
		})
	}
}

// plan returns a buildpack plan that asks for process types.
func plan(types ...string) string {
	text := ""
	for _, name := range types {
		text += fmt.Sprintf("[[entries]]\nname = %q\n", "procfile-"+name)
	}
	return text
}

// types returns what the lines of a Procfile begin with.
func types(text string) []string {
	var names []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if name, _, found := strings.Cut(line, ":"); found {
			names = append(names, name)
		}
	}
	return names
}

func TestBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		procfile string
		started  []string // by another buildpack
		env      config.Environment
		app      map[string]string // beside the Procfile
	}{
		{name: "words", procfile: "# comment\n\nweb: server --title 'Hello, \"world\"' " +
			"--empty \"\" a\\ b 'a;b|c' \"1>2\" 5$\r\nrake.task_2: ./bin/x\n"},
		{name: "byte-order-mark", procfile: "\ufeffweb: server\n"},
		{name: "started", procfile: "web: NODE_ENV=staging npm start\nrelease: npm run migrate\nworker: queue", started: []string{"web"}},
		{name: "started-all", procfile: "web: npm start", started: []string{"web"},
			env: config.Environment{"BP_PROCFILE_DEFAULT_PROCESS": "web"}},
		{name: "variables", procfile: "web: NODE_ENV=staging A='x y' server\nworker: env B=1 queue"},
		{name: "exec", procfile: "web: exec server\nworker: A=1 exec env B=2 queue"},
		{name: "built", procfile: "a: bin/server -x\nb: ./server\nc: ./bin/server\nd: bin/own\ne: bin/typo\nf: cmd/server\ng: server\nh: ./own",
			app: map[string]string{"bin/own": "#!"}},
		{name: "list", procfile: "web: NODE_ENV=production migrate 'a b' && server --port \"${PORT:-8080}\"\n" +
			"worker: cd jobs && A=1 queue $ARGS; report"},
		{name: "folder", procfile: "web: cd server && exec ./bin/x\nworker: cd /srv && x"},
		{name: "no-web", procfile: "worker: queue"},
		{name: "default-named", procfile: "web: a\nworker: b", env: config.Environment{"BP_PROCFILE_DEFAULT_PROCESS": "worker"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asked := slices.DeleteFunc(types(test.procfile), func(name string) bool { return slices.Contains(test.started, name) })
			app := map[string]string{"Procfile": test.procfile}
			maps.Copy(app, test.app)
			layers := filepath.Join(t.TempDir(), "strata_procfile")
			kittest.Write(t, filepath.Dir(layers), map[string]string{
				"strata_go/launch.toml": "[[processes]]\ntype = \"server\"\ncommand = [\"/layers/strata_go/targets/bin/server\"]\n" +
					"[[processes]]\ntype = \"own\"\ncommand = [\"/layers/strata_go/targets/bin/own\"]\n",
			})
			kittest.Write(t, layers, nil)
			got := kittest.Build(t, kittest.Case{App: app, Env: test.env, Plan: plan(asked...), Layers: layers})
			if got.Code != 0 {
				t.Fatalf("exit code %d: %s", got.Code, got.Log())
			}
			launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			text := got.Log() + "--- launch.toml\n" + string(launch)
			variables, err := filepath.Glob(filepath.Join(got.Layers, "variables", "env.launch", "*", "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range variables {
				value, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				text += "--- " + strings.TrimPrefix(file, got.Layers+"/") + "\n" + string(value) + "\n"
			}
			paths := strings.NewReplacer(filepath.Dir(got.Layers), "<layers>", got.AppDir, "<app>")
			kittest.Golden(t, test.name+".txt", paths.Replace(text))
		})
	}
}

func TestBuildFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		procfile string
		env      config.Environment
	}{
		{name: "pipe", procfile: "web: server | tee log"},
		{name: "redirect", procfile: "web: server > log"},
		{name: "or", procfile: "web: migrate || true; server"},
		{name: "shell-variable", procfile: "web: A=1; server $A"},
		{name: "folder-of-variable", procfile: "web: cd $DIR && server"},
		{name: "background", procfile: "web: server &"},
		{name: "backticks", procfile: "web: server `hostname`"},
		{name: "substitution", procfile: "web: server $(hostname)"},
		{name: "pattern", procfile: "web: server *.html"},
		{name: "home", procfile: "web: ~/server"},
		{name: "trailing-comment", procfile: "web: server # the server"},
		{name: "open-quote", procfile: "web: server 'x"},
		{name: "no-colon", procfile: "web: server\n\nworker"},
		{name: "bad-name", procfile: "we b: server"},
		{name: "no-command", procfile: "web:"},
		{name: "twice", procfile: "web: a\nweb: b"},
		{name: "empty", procfile: "# nothing\n"},
		{name: "default-unknown", procfile: "web: a", env: config.Environment{"BP_PROCFILE_DEFAULT_PROCESS": "wbe"}},
		{name: "misspelt-variable", procfile: "web: a b'", env: config.Environment{"BP_PROCFILE_DEFAULT_PROCESSES": "web"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: map[string]string{"Procfile": test.procfile}, Env: test.env,
				Plan: plan(types(test.procfile)...) + kittest.First})
			if got.Code != 1 {
				t.Errorf("exit code %d, want 1", got.Code)
			}
			if tree := kittest.Tree(t, got.Layers); len(tree) != 0 {
				t.Errorf("layers after a fault: %v", tree)
			}
			kittest.Golden(t, "fault-"+test.name+".txt", got.Log())
		})
	}
}
