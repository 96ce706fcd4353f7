package bp_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

func TestLibc(t *testing.T) {
	t.Parallel()
	tests := []struct {
		target  bp.Target
		libc    bp.Libc
		because string
	}{
		{bp.Target{Distro: "strata-static", StackID: "io.strata.stacks.glibc"}, bp.Static, "target distribution strata-static"},
		{bp.Target{Distro: "strata-glibc"}, bp.Glibc, "target distribution strata-glibc"},
		{bp.Target{Distro: "strata-musl"}, bp.Musl, "target distribution strata-musl"},
		{bp.Target{Distro: "alpine"}, bp.Musl, "target distribution alpine"},
		{bp.Target{Distro: "debian", StackID: "io.strata.stacks.static"}, bp.Static, "stack io.strata.stacks.static"},
		{bp.Target{Distro: "debian", StackID: "io.strata.stacks.musl"}, bp.Musl, "stack io.strata.stacks.musl"},
		{bp.Target{Distro: "alpine", StackID: "io.strata.stacks.glibc"}, bp.Glibc, "stack io.strata.stacks.glibc"},
		{bp.Target{Distro: "debian", StackID: "io.example.stacks.static"}, bp.Glibc, "target distribution debian, taken for glibc"},
		{bp.Target{Distro: "static"}, bp.Glibc, "target distribution static, taken for glibc"},
		{bp.Target{StackID: "io.strata.stacks.static"}, bp.Static, "stack io.strata.stacks.static"},
		{bp.Target{StackID: "io.example.stacks.static"}, bp.Glibc, "stack io.example.stacks.static, taken for glibc"},
		{bp.Target{StackID: "*"}, bp.Glibc, "stack *, taken for glibc"},
		{bp.Target{}, bp.Glibc, "the platform names neither distribution nor stack"},
	}
	for _, test := range tests {
		if ours := strings.Contains(test.because, "strata"); test.target.Ours() != ours {
			t.Errorf("%+v: it is ours: %t, want %t", test.target, !ours, ours)
		}
		if libc, because := test.target.Libc(); libc != test.libc || because != test.because {
			t.Errorf("%+v: got %s by %q, want %s by %q", test.target, libc, because, test.libc, test.because)
		}
	}
}
