package argv_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/argv"
)

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
