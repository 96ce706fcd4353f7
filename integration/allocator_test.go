package integration

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestAllocator asks an app which allocator it has in its memory, with what the image says and with what undoes it.
func TestAllocator(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name := t.TempDir(), image(t)
	kittest.Write(t, app, map[string]string{
		"package.json": `{"scripts": {"start": "node server.js"}}`,
		"server.js": `const maps = require("fs").readFileSync("/proc/self/maps", "utf8")
			const found = /[^/]*(jemalloc|mimalloc|scudo)[^/]*$/m.exec(maps)
			require("http").createServer((q, s) => s.end(found ? found[1] : "glibc")).listen(process.env.PORT || 8080)`,
	})
	for allocator, want := range map[string]string{"jemalloc": "jemalloc", "mimalloc": "mimalloc", "hardened": "scudo"} {
		log := build(t, app, name, "-e", "BP_ALLOCATOR="+allocator)
		if body := strings.TrimSpace(ask(t, name, "/")); body != want {
			t.Errorf("%s: the app has %s in its memory\n%s", allocator, body, log)
		}
		if body := strings.TrimSpace(ask(t, name, "/", "-e", "BPL_ALLOCATOR=glibc")); body != "glibc" {
			t.Errorf("%s, undone: the app has %s in its memory", allocator, body)
		}
	}
}
