package rust

import (
	"errors"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestExplain has the words of cargo, rustc, build scripts and the linker.
func TestExplain(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, words := range []string{
		"error: cannot update the lock file /workspace/Cargo.lock because --locked was passed to prevent this",
		"error: the lock file /workspace/Cargo.lock needs to be updated but --locked was passed to prevent this",
		"error: failed to download from `https://example.test/x`\n\nCaused by:\n  [6] Could not resolve hostname",
		"error: failed to get `axum` as a dependency of package `shop v0.1.0 (/workspace)`",
		"error: rustc 1.85.1 is not supported by the following packages:\n  icu@2.0.0 requires rustc 1.86",
		"  feature `edition2024` is required",
		"error: failed to run custom build command for `a-sys v1.0.0`\n  The system library `alsa` required by crate `alsa-sys` was not found.",
		"error: linking with `cc` failed: exit status: 1\n" +
			"  /usr/bin/ld: cannot find -lonig: No such file or directory\nerror: could not compile `shop`",
		"error: linking with `strata-linker` failed: exit status: 1\n  collect2: fatal error: cannot find 'ld'",
		"error: failed to run custom build command for `b-sys v1.0.0`\n  Unable to find libclang: \"couldn't find any valid shared libraries\"",
		"error: the package 'shop' does not contain this feature: gold",
		"error: profile `dist` is not defined",
		"error: failed to run custom build command for `ring v0.17.0`",
		"error[E0425]: cannot find value `x` in this scope\nerror: could not compile `shop` (bin \"shop\") due to 1 previous error",
		"error: something new",
	} {
		err := (&builder{}).explain(&command.Error{Command: "cargo build", Tail: strings.Split(words, "\n"), Err: errors.New("exit status 101")})
		kittest.Fault(t, err)
		text.WriteString(words + "\n=> " + err.Error() + "\n\n")
	}
	kittest.Golden(t, "explain.txt", text.String())
	full := (&builder{}).explain(&command.Error{Tail: []string{"error: No space left on device (os error 28)"}})
	if f, ok := errors.AsType[fault.Fault](full); !ok || f.ID != "disk-full" {
		t.Errorf("a full disk is %v", full)
	}
	other := errors.New("not cargo's")
	if err := (&builder{}).explain(other); !errors.Is(err, other) {
		t.Errorf("got %v", err)
	}
}
