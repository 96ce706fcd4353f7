package environment_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	environment "github.com/strata-buildpacks/strata/buildpacks/environment-variables"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m, environment.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  config.Environment
		code int
		log  string
	}{
		{"set", config.Environment{"BPE_B": "1", "BPE_DEFAULT_A": "2", "BP_X": "3"}, 0,
			"strata/environment-variables pass: BPE_B, BPE_DEFAULT_A set\n"},
		{"unset", nil, 100, "strata/environment-variables fail: no variable begins with BPE_\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{Env: test.env})
			if got.Code != test.code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), test.code, test.log)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  config.Environment
		code int
	}{
		{name: "all", env: config.Environment{
			"BPE_A": "plain", "BPE_OVERRIDE_B": "over", "BPE_DEFAULT_PORT": "8081", "BPE_APPEND_PATH": "/opt/bin", "BPE_DELIM_PATH": ":",
			"BPE_PREPEND_FLAGS": "-v ", "BPE_EMPTY": "", "BPE_DEFAULT": "a variable of that name",
		}},
		{name: "fault-twice", env: config.Environment{"BPE_A": "1", "BPE_DEFAULT_A": "2"}, code: 1},
		{name: "fault-name", env: config.Environment{"BPE_DEFAULT_1A": "1"}, code: 1},
		{name: "fault-no-name", env: config.Environment{"BPE_APPEND_": "1"}, code: 1},
		{name: "fault-delim", env: config.Environment{"BPE_DELIM_A": ":", "BPE_DEFAULT_A": "1"}, code: 1},
		{name: "fault-delims", env: config.Environment{"BPE_DELIM_B": ":", "BPE_DELIM_A": ":", "BPE_DELIM_C": ":"}, code: 1},
		{name: "fault-reserved", env: config.Environment{"BPE_CNB_APP_DIR": "/"}, code: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{Env: test.env})
			if got.Code != test.code {
				t.Errorf("exit code %d, want %d", got.Code, test.code)
			}
			text := got.Log()
			tree := kittest.Tree(t, got.Layers)
			if test.code != 0 && len(tree) != 0 {
				t.Errorf("layers after a fault: %v", tree)
			}
			for _, name := range slices.Sorted(maps.Keys(tree)) {
				if !strings.Contains(name, "/env") || strings.HasSuffix(name, "/") {
					continue
				}
				data, err := os.ReadFile(filepath.Join(got.Layers, name))
				if err != nil {
					t.Fatal(err)
				}
				text += fmt.Sprintf("%s %q\n", name, data)
			}
			kittest.Golden(t, test.name+".txt", text)
		})
	}
}
