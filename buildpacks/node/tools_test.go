package node_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHashOfManager installs a release that is not locked. An app that vouches for it by another hash does not get what was installed
// for this one.
func TestHashOfManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	integrity := w.registry.NPM(t, "pnpm", "10.998.0", files{"package.json": `{"bin": {"pnpm": "pnpm"}}`, "pnpm": w.manager.Text()})
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(integrity, "sha512-"))
	if err != nil {
		t.Fatal(err)
	}
	c := w.build(t, files{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n", "server.js": ""})
	told := hex.EncodeToString(sum)
	for _, hash := range []string{told, strings.Repeat("0", len(told))} {
		c.App["package.json"] = fmt.Sprintf(manifest, "pnpm@10.998.0+sha512."+hash)
		if got := kittest.Build(t, c); (got.Code == 0) != (hash == told) {
			t.Errorf("with the hash %s, code %d\n%s", hash, got.Code, got.Log())
		}
	}
}
