package native

import (
	"encoding/json"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
)

// TestKeyNames makes the layer again where other packages are named, although the same ones are installed: the bill has those that are
// named.
func TestKeyNames(t *testing.T) {
	t.Parallel()
	of := func(names ...string) string {
		b := build{builder: &builders[0], named: names, packages: debian.Packages{}}
		text, err := json.Marshal(b.key("source"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if of("libevent-dev") == of("libevent-2.1-7t64", "libevent-dev") {
		t.Error("the key does not know the packages that are named")
	}
}
