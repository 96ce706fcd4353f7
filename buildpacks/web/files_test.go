package web

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCompress compresses a file that is larger than what may be in memory, and writes through no link. It is alone, as it counts what is
// allocated.
func TestCompress(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	const size = 64 << 20
	kittest.Write(t, dir, map[string]string{"large.json": "", "linked.js": strings.Repeat("a", minCompressed), "short.css": "a"})
	if err := os.Truncate(filepath.Join(dir, "large.json"), size); err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, filepath.Dir(outside), map[string]string{"outside": "mine"})
	if err := os.Symlink(outside, filepath.Join(dir, "linked.js"+gzipSuffix)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := compress(dir)
	runtime.ReadMemStats(&after)
	if err != nil || got.files != 2 || got.before != size+minCompressed || got.after == 0 || got.after > size/100 {
		t.Errorf("got %+v (%v)", got, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > size/4 {
		t.Errorf("%d bytes were allocated for a file of %d", used, size)
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "mine" {
		t.Errorf("what a link leads to is %q now (%v)", data, err)
	}
}
