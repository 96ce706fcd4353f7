package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHeaders gives addons an ObjectWrap without cleanup hooks, beside the other headers of Node.js.
func TestHeaders(t *testing.T) {
	t.Parallel()
	const header = `class ObjectWrap {
 public:
  ObjectWrap() {
    refs_ = 0;
    AddCleanupHook();
  }

  virtual ~ObjectWrap() {
    RemoveCleanupHook();
    persistent().Reset();
  }
};
`
	node := t.TempDir()
	kittest.Write(t, node, map[string]string{
		"include/node/" + objectWrap: header, "include/node/node.h": "node", "include/node/uv/unix.h": "unix",
	})
	i := &Installer{home: t.TempDir()}
	for range 2 {
		dir, err := i.headers(node)
		if err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			t.Helper()
			data, err := os.ReadFile(filepath.Join(dir, "include", "node", name))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		want := strings.NewReplacer("    AddCleanupHook();\n", "", "    RemoveCleanupHook();\n", "").Replace(header)
		if got := read(objectWrap); got != want {
			t.Errorf("ObjectWrap is\n%s\nwant\n%s", got, want)
		}
		if read("node.h") != "node" || read("uv/unix.h") != "unix" {
			t.Error("the other headers are not those of the release")
		}
		if got, err := os.ReadFile(filepath.Join(node, "include", "node", objectWrap)); err != nil || string(got) != header {
			t.Errorf("Node.js' own header was changed: %s (%v)", got, err)
		}
	}
}
