package main

import (
	"strings"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestFleetTable(t *testing.T) {
	t.Parallel()
	const older, newer = "strata/run-static:13@0123456789ab", "strata/run-static:13@ba9876543210"
	base := &fleet.Packages{Count: 14, Behind: 3, Security: 2}
	report := &fleet.Report{
		Date: time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC), Package: "openssl",
		Images: []fleet.Image{
			{
				Name: "registry.example.com/app:1", Kind: fleet.App, BuiltBy: []string{"strata/node@1", "strata/linkage@1"}, Packages: base,
				Base: &fleet.Base{Name: older, Newest: newer, Due: true}, Own: &fleet.Packages{Count: 2, Behind: 1, Security: 1},
				Languages: []fleet.Language{
					{Name: "Node.js", Version: "20.1.0", Ended: "2026-04-30"},
					{Name: "Python", Version: "3.13.5", Ended: "2029-10-31", Newest: "3.13.7", Rebase: true},
				},
				Bytes: 50e6, Unique: 2e6, Signed: true, Attested: true,
			},
			{
				Name: "registry.example.com/kpack:1", Kind: fleet.App, BuiltBy: []string{"strata/go@1"}, ByKpack: true,
				Base: &fleet.Base{Name: newer, Newest: newer}, Packages: &fleet.Packages{Count: 5}, Own: &fleet.Packages{}, Bytes: 4e6, Unique: 1e6,
			},
			{Name: "registry.example.com/lost:1", Err: "reading it failed: 403; ask for the right"},
			{
				Name: "registry.example.com/other:1", Kind: fleet.Other, Bytes: 7e6, Unique: 7e6,
				Blind: []string{"it is no app and no run image: its kind is image"},
			},
			{
				Name: "registry.example.com/pinned:1", Kind: fleet.App, Base: &fleet.Base{Name: newer, Reason: "it names its run image by a digest"},
				Packages: &fleet.Packages{Count: 5, NotCompared: 5, Reason: "no mirror"}, Unvouched: "the registry says 405",
			},
			{
				Name: "registry.example.com/platforms:1", Platform: "linux/amd64", Kind: fleet.App, OfIndex: true, Packages: base,
				Base: &fleet.Base{Name: older, Newest: newer, Reason: "a rebase moves no index"}, Digest: "sha256:a",
				Own: &fleet.Packages{Count: 4, Behind: 1, NotCompared: 3, Reason: "of another release"}, Signed: true,
			},
			{
				Name: "registry.example.com/platforms:1", Platform: "linux/arm64", Kind: fleet.App, OfIndex: true, Digest: "sha256:b",
				Packages: &fleet.Packages{Reason: "no layer"}, Base: &fleet.Base{Reason: "no layer"},
				Blind: []string{"its run image: no layer", "its own layers: they have no bill of materials"},
			},
			{Name: "registry.example.com/platforms:1", Platform: "linux/riscv64", Err: "it is gone"},
			{Name: "registry.example.com/run:13", Kind: fleet.RunImage, Packages: base, Bytes: 7e6},
		},
		Totals: fleet.Totals{
			Images: 7, Apps: 5, Failed: 2, Due: 1, Runtimes: 1, Security: 3, Ended: 1, NotCompared: 4, Unvouched: 1,
			Pulled: 40e6, Bytes: 70e6,
		},
		HoldersLeft: 3,
		Holders: []fleet.Holder{
			{Image: "registry.example.com/app:1", Package: "libssl3t64", Version: "3.5.1-1", Newest: "3.5.4-1",
				Layer: "sha256:" + strings.Repeat("a", 64), What: "strata: glibc/ssl"},
			{Image: "registry.example.com/app:1", Package: "openssl", Version: "1"},
			{Image: "registry.example.com/platforms:1", Platform: "linux/amd64", Digest: "sha256:a", Package: "openssl", Version: "1"},
			{Image: "registry.example.com/platforms:1", Platform: "linux/arm64", Digest: "sha256:b", Package: "openssl", Version: "1"},
		},
	}
	var table strings.Builder
	if err := printFleet(&table, report); err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "fleet.txt", table.String())
	table.Reset()
	if err := printHolders(&table, report); err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "fleet-package.txt", table.String())
}

// TestLockedLanguages reads the locks of this checkout.
func TestLockedLanguages(t *testing.T) {
	t.Parallel()
	locked, err := lockedLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Node.js", "Python", "Go", "libpython3.13-minimal"} {
		if len(locked[name]) == 0 {
			t.Errorf("no version of %s is locked", name)
		}
	}
}
