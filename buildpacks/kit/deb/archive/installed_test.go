package archive_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

func TestReadInstalled(t *testing.T) {
	t.Parallel()
	got, err := archive.ReadInstalled(strings.NewReader(`Package: libssl3t64
Status: install ok installed
Source: openssl (3.5.4-1)
Version: 3.5.4-1~deb13u1
Description: text
 Package: this is text, too

Package: gone
Status: deinstall ok config-files
Version: 1

Package: tzdata
Version: 2025b-1

Package: ../x
Version: 1

Package: x
Version: <b>
`))
	want := []archive.Installed{
		{Name: "libssl3t64", Version: "3.5.4-1~deb13u1", Source: "openssl"}, {Name: "tzdata", Version: "2025b-1", Source: "tzdata"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := archive.ReadInstalled(strings.NewReader(strings.Repeat("Package: ab\nVersion: 1\n\n", 100_001))); err == nil {
		t.Error("a database without an end was read")
	}
}

func TestNewer(t *testing.T) {
	t.Parallel()
	offers := []archive.Offer{{"3.5.4-1", false}, {"3.5.4-1~deb13u2", true}, {"3.5.1-1", false}}
	for installed, want := range map[string]struct {
		newest   string
		security bool
	}{
		"3.5.4-1": {}, "3.5.4-1~deb13u2": {"3.5.4-1", false}, "3.5.4-1~deb13u1": {"3.5.4-1", true}, "4": {},
	} {
		if newest, security := archive.Newer(offers, installed); newest != want.newest || security != want.security {
			t.Errorf("%s: got %q, %v, want %+v", installed, newest, security, want)
		}
	}
}
