package python

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// TestLock finds the uv that builds take, for each architecture.
func TestLock(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if r, found := l.Find(install.UVID, arch, l.Default[install.UVID]); !found {
			t.Errorf("no uv is locked for %s: %+v", arch, r)
		}
	}
}

// TestStandaloneBuilds has the newest and the oldest minor version for both architectures, Python 3.12 among what is chosen from, and
// Debian's Python before others of its minor version.
func TestStandaloneBuilds(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		k, err := known(arch)
		if err != nil {
			t.Fatal(err)
		}
		for text, standalone := range map[string]bool{
			"": false, "3.13": false, "3.11": false, "3.11.2": false, ">=3.11": false, "3.10": true, "3.12": true, "3.14": true, "3.15": true,
			"3.12.1": true, "~=3.12.0": true, ">=3.14": true,
		} {
			p, chosen, err := k.choose(arch, version.Ask{Text: text, From: "BP_CPYTHON_VERSION"})
			if err != nil || p.Standalone() != standalone || p.Version != chosen.Version {
				t.Errorf("%q on %s gives Python %s, standalone: %t, want %t, %v", text, arch, p.Version, p.Standalone(), standalone, err)
			}
		}
		for _, text := range []string{"3.9", "2.7", "3.99", "3.13.99"} {
			if _, chosen, err := k.choose(arch, version.Ask{Text: text, From: "BP_CPYTHON_VERSION"}); err == nil {
				t.Errorf("%q on %s gives Python %s", text, arch, chosen.Version)
			}
		}
	}
	if k, err := known("riscv64"); err != nil || len(k.all) > 0 {
		t.Errorf("riscv64 has %d, %v", len(k.all), err)
	}
}
