package assemble

import (
	"archive/tar"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHostilePackage has an archive that signs a package that leads out of the file system: the error names both and
// what to do, and neither the locks nor anything beside the cache changes. What else such a package can try is in
// the tests of internal/deb.
func TestHostilePackage(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	hostile := debs()
	hostile[2].Extra = []tar.Header{
		{Name: "./usr/share/lib/evil", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../../../../../../.." + o.Dir},
		{Name: "./usr/share/lib/evil/written"},
	}
	a.Publish(t, debtest.Born.Add(time.Minute), hostile...)
	o.Names, o.Cache = []string{"high"}, filepath.Join(t.TempDir(), "cache")
	before := kittest.Tree(t, o.Dir)
	_, err := Update(t.Context(), o)
	if !errors.As(err, new(fault.Fault)) {
		t.Fatalf("got %v, want a fault", err)
	}
	kittest.Golden(t, "error-deb-hostile.txt", "deb-invalid: "+strings.ReplaceAll(err.Error(), o.Dir, "DIR")+"\n")
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
		t.Errorf("it wrote to where the package leads:\n%s", diff)
	}
	for path := range kittest.Tree(t, filepath.Dir(o.Cache)) {
		if !strings.HasPrefix(path, "cache/") {
			t.Errorf("%s is outside of the cache", path)
		}
	}
}
