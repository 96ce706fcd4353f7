package rust

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// noSpace matches what the C library and Rust call a full disk.
var noSpace = regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`)

// mistake is what a line of cargo, of a build script or of the linker says that has a next step of its own.
type mistake struct {
	line *regexp.Regexp
	fault.Fault
}

// mistakes returns all that are known, those that explain others first. Most builds never need them.
func mistakes() []mistake {
	of := func(line, id, what, do string) mistake {
		return mistake{regexp.MustCompile(line), fault.Fault{ID: id, What: what, Do: do}}
	}
	return []mistake{
		of(`cannot update the lock file|the lock file .* needs to be updated but --locked was passed`, "rust-lock-stale",
			"Cargo.lock is not complete for Cargo.toml", "run cargo update --workspace, and commit Cargo.lock"),
		of(`[Cc]ould not resolve host|failed to download|download of .* failed|failed to fetch|failed to query replaced source|`+
			`error: failed to get .* as a dependency|spurious network error|attempting to make an HTTP request, but --offline`, "rust-fetch",
			"crates cannot be fetched from the registry", "check the network and BP_CARGO_REGISTRY, or keep crates in the app with cargo vendor"),
		of(`error: (rustc [0-9.]+) is not supported by the following packages?`, "rust-version-too-old",
			"$1 is too old for crates of the app, which are named above", "ask for a newer Rust in BP_RUST_VERSION, or lower those crates"),
		of("feature `(edition[0-9]+)` is required", "rust-version-too-old",
			"a crate is of $1, which this Rust does not know", "ask for a newer Rust in BP_RUST_VERSION"),
		of("(?:The system library|Package) [`']?([^`' ]+)[`']? (?:required by crate .* )?was not found", "rust-library",
			"a crate needs the C library $1, which the build does not have",
			"name its package of Debian in BP_DEBIAN_PACKAGES, such as libNAME-dev"),
		of(`cannot find -l:?(\S+?):`, "rust-library", "the linker finds no static library $1",
			"name the package of Debian that has lib$1.a in BP_DEBIAN_PACKAGES, or turn on the feature by which the crate compiles it itself"),
		of(`cannot find 'ld'|invalid linker name in argument|unrecognized command-line option .-fuse-ld`, "rust-linker",
			"rustflags of .cargo/config.toml name a linker that the build does not have", "remove -fuse-ld there: the build links with ld"),
		of("Unable to find libclang", "rust-library", "a crate reads headers with libclang, which the build does not have",
			"set BP_DEBIAN_PACKAGES=libclang-dev"),
		of("the package '?(.*?)'? does not contain (?:this|these) features?: (.*)$", "rust-feature",
			"BP_RUST_FEATURES names $2, which $1 does not have", "name features of Cargo.toml"),
		of("error: profile `(.*)` is not defined", "rust-profile", "BP_RUST_PROFILE names $1, which Cargo.toml does not have",
			"name a profile of Cargo.toml, such as release"),
		of("failed to run custom build command for `(.+?)`", "rust-build-script", "the build script of $1 failed", "see its words above"),
		of("could not compile `(.+?)`", "rust-build", "$1 does not compile", "see the compiler's words above"),
	}
}

// explain turns a failure of cargo into the line that ends the build. The command's own words are in the log already.
func (b *builder) explain(err error) error {
	failed, is := errors.AsType[*command.Error](err)
	if !is || errors.Is(err, context.Canceled) {
		return err
	}
	for _, line := range failed.Tail {
		if noSpace.MatchString(line) {
			return fault.DiskFull(errors.New(strings.TrimSpace(line)), b.target, b.home, os.TempDir())
		}
	}
	for _, known := range mistakes() {
		for _, line := range failed.Tail {
			if m := known.line.FindStringSubmatchIndex(line); m != nil {
				known.What = string(known.line.ExpandString(nil, known.What, line, m))
				known.Do = string(known.line.ExpandString(nil, known.Do, line, m))
				return known.Fault
			}
		}
	}
	f := fault.Fault{ID: "rust-build", What: "the app does not build", Do: "see cargo's words above"}
	for _, line := range failed.Tail {
		if words, found := strings.CutPrefix(line, "error: "); found && f.Err == nil {
			f.Err = errors.New(words)
		}
	}
	return f
}
