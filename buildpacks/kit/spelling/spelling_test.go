package spelling_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"server.js", "index.mjs", "bin", "BP_GO_TARGETS", "sever.json"}
	for misspelt, want := range map[string]string{
		"Server.js": "server.js", "servr.js": "server.js", "index.js": "index.mjs", "Bin": "bin", "bon": "bin", "tin": "bin",
		"be": "", "main.js": "", "": "",
		"BP_GO_TARGET": "BP_GO_TARGETS",
	} {
		if got := spelling.Nearest(misspelt, names); got != want {
			t.Errorf("%q: got %q, want %q", misspelt, got, want)
		}
	}
	if got := spelling.Nearest("a", nil); got != "" {
		t.Errorf("of no names: %q", got)
	}
}
