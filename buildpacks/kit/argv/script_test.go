package argv_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/argv"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	for command, want := range map[string][]string{
		"A=1 B='x y' node a C=1": {"node a C=1", "A=1", "B=x y"}, "env A= node a": {"node a", "A="}, "npx cross-env A=1 B=2 node a": {"node a", "A=1", "B=2"},
		"node a": {"node a"}, "A=$B node a": {"A=$B node a"}, "A=1": {"A=1"},
	} {
		rest, variables := argv.Variables(command)
		got := []string{rest}
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			got = append(got, name+"="+variables[name])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"npm start": "start", "npm run serve:prod": "serve:prod", "yarn start": "start", "pnpm run start": "start", "npm run-script a": "a",
		"npm test": "", "npm": "", "node start": "", "npm run a -- --port 1": "", "npm run": "", "yarn --version": "", "npx serve": "",
	} {
		if got := argv.Script(strings.Fields(command)); got != want {
			t.Errorf("%s runs the script %q, want %q", command, got, want)
		}
	}
}
