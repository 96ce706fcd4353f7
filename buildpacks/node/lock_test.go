package node

import (
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// TestLockFile holds the committed lock to what the buildpack expects of it.
func TestLockFile(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	if l.Text() != lockFile {
		t.Error("lock.toml is not as scripts/update writes it")
	}
	for _, s := range sources {
		var last *semver.Version
		for _, r := range l.Releases {
			if npmName(r) != s.name {
				continue
			}
			v, err := semver.StrictNewVersion(r.Version)
			if err != nil || r.ID != s.id || r.Arch != s.arch || !strings.HasPrefix(r.Hash, "sha512-") {
				t.Errorf("lock.toml has %+v (%v)", r, err)
				continue
			}
			if last != nil && !last.GreaterThan(v) {
				t.Errorf("%s: %s is after %s", s.name, v, last)
			}
			last = v
		}
		if last == nil || last.Major() < s.from {
			t.Errorf("the oldest %s is %v, want one from %d on", s.name, last, s.from)
		}
	}
	for id, lines := range l.Requires {
		for line, asks := range lines {
			if version.Semantic(asks) == nil {
				t.Errorf("%s %s runs on %q, which is no range", id, line, asks)
			}
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if _, found := l.Find(nodeID, arch, l.Default[nodeID]); !found {
			t.Errorf("the default %s is not locked for %s", l.Default[nodeID], arch)
		}
	}
}

// TestSource makes a lock of what a registry says.
func TestSource(t *testing.T) {
	t.Parallel()
	release := func(node, hash string) (p published) {
		p.Engines.Node, p.Dist.Integrity = node, hash
		return p
	}
	l := lock.Lock{Requires: lock.Lines{}}
	source{id: "pnpm", name: "@a/pnpm", from: 7, before: 12, chosen: 10}.add(&l, map[string]published{
		"6.9.9": release("", "sha512-A"), "7.2.0": release(">=14", "sha512-B"), "7.10.0": release("", "sha512-C"), "7.11.0-rc.1": release("",
			"sha512-D"),
		"10.0.0": release(">=18", "sha512-E"), "11.0.0": release(">=20", "sha512-F"), "11.0.1": release(">=20", "sha1-G"), "12.0.0": release("",
			"sha512-H"),
	})
	want := lock.Lock{Requires: lock.Lines{"pnpm": {"10": ">=18", "7": "*"}}, Releases: []lock.Release{
		{ID: "pnpm", Version: "11.0.0", PURL: "pkg:npm/%40a/pnpm@11.0.0", Hash: "sha512-F"},
		{ID: "pnpm", Version: "10.0.0", PURL: "pkg:npm/%40a/pnpm@10.0.0", Hash: "sha512-E"},
		{ID: "pnpm", Version: "7.10.0", PURL: "pkg:npm/%40a/pnpm@7.10.0", Hash: "sha512-C"},
		{ID: "pnpm", Version: "7.2.0", PURL: "pkg:npm/%40a/pnpm@7.2.0", Hash: "sha512-B"},
	}}
	if got, expected := l.Text(), want.Text(); got != expected {
		t.Errorf("got\n%swant\n%s", got, expected)
	}
}
