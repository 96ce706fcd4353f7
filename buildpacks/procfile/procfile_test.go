package procfile_test

import (
	"os"
	"path/filepath"
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

func TestBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		procfile string
		env      config.Environment
	}{
		{name: "words", procfile: "# comment\n\nweb: server --title 'Hello, \"world\"' --empty \"\" a\\ b 'a;b|c' \"1>2\" 5$\r\nrake.task_2: ./bin/x\n"},
		{name: "scripts", procfile: "web: npm start\nrelease: npm run migrate\nworker: queue"},
		{name: "variables", procfile: "web: NODE_ENV=staging A='x y' server\nworker: B=1 queue"},
		{name: "no-web", procfile: "worker: queue"},
		{name: "default-named", procfile: "web: a\nworker: b", env: config.Environment{"BP_PROCFILE_DEFAULT_PROCESS": "worker"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: map[string]string{"Procfile": test.procfile}, Env: test.env})
			if got.Code != 0 {
				t.Fatalf("exit code %d: %s", got.Code, got.Log())
			}
			launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
			if err != nil {
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
			kittest.Golden(t, test.name+".txt", text)
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
		{name: "and", procfile: "web: migrate && server"},
		{name: "pipe", procfile: "web: server | tee log"},
		{name: "redirect", procfile: "web: server > log"},
		{name: "semicolon", procfile: "web: cd x; server"},
		{name: "background", procfile: "web: server &"},
		{name: "variable", procfile: "release: x\nweb: server --port $PORT"},
		{name: "variable-in-quotes", procfile: `web: server --port "${PORT:-8080}"`},
		{name: "backticks", procfile: "web: server `hostname`"},
		{name: "substitution", procfile: "web: server $(hostname)"},
		{name: "assignment", procfile: "web: PORT=$A server"},
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
			got := kittest.Build(t, kittest.Case{App: map[string]string{"Procfile": test.procfile}, Env: test.env})
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
