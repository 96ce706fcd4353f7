package rust

import (
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// rustID is the id of Rust among versions.
const rustID = "rust"

// choose returns the Rust that the app or its user asks for, and why.
func choose(in bp.Workspace, p cargo.Project) (toolchain.Rust, version.Choice, error) {
	arch := in.Target.Arch
	all, err := toolchain.Debian(arch)
	if err != nil {
		return toolchain.Rust{}, version.Choice{}, err
	}
	if len(all) == 0 {
		return toolchain.Rust{}, version.Choice{}, fault.Fault{ID: "rust-target", What: "there is no Rust for linux/" + arch,
			Do: "build for linux/amd64 or linux/arm64"}
	}
	asked, _, err := in.Config.Lookup("BP_RUST_VERSION")
	if err != nil {
		return toolchain.Rust{}, version.Choice{}, err
	}
	known := lock.Lock{Default: map[string]string{rustID: all[0].Version}}
	var versions []string
	for _, r := range all {
		known.Releases = append(known.Releases, lock.Release{ID: rustID, Version: r.Version, Arch: arch})
		versions = append(versions, r.Version)
	}
	ask := version.First(p.Channel, version.Ask{Text: asked, From: "BP_RUST_VERSION"}, atLeast(p.Least))
	t := version.Tool{
		Title: "Rust", ID: rustID, Arch: arch, Lock: known, Default: "default", Like: "1.96.0, 1.85 or stable",
		Read: func(text string) []version.Range { return readRust(text, known) },
	}
	chosen, err := t.Choose(ask)
	if err != nil {
		return toolchain.Rust{}, chosen, err
	}
	at := slices.IndexFunc(all, func(r toolchain.Rust) bool { return r.Version == chosen.Version })
	if at >= 0 {
		return all[at], chosen, nil
	}
	r, err := published(in, ask, chosen, strings.Join(versions, " or "))
	return r, chosen, err
}

// published returns a Rust that Debian does not have. It comes from a server that the user names.
func published(in bp.Workspace, ask version.Ask, chosen version.Choice, known string) (toolchain.Rust, error) {
	server, _, err := in.Config.Lookup(toolchain.DistVariable)
	if err != nil {
		return toolchain.Rust{}, err
	}
	f := fault.Fault{ID: "rust-version-unknown", What: ask.From + " asks for Rust " + chosen.Version + ", which Debian does not have"}
	switch {
	case server == "":
		f.Do = "ask for " + known + ", or name a server of Rust's releases in " + toolchain.DistVariable
		return toolchain.Rust{}, f
	case !toolchain.Exact(chosen.Version):
		f.Do = "write all of the version, as in 1.84.1 or nightly-2026-01-31: it is to be the same in every build"
		return toolchain.Rust{}, f
	}
	return toolchain.Channel(in.Target.Arch, chosen.Version, toolchain.Server{Address: server}), nil
}

// atLeast returns what rust-version asks for, which is a minimum: the default, unless that is too old.
func atLeast(ask version.Ask) version.Ask {
	least, err := semver.NewVersion(ask.Text)
	if err != nil {
		return ask
	}
	enough := func(v string) bool { return !semver.MustParse(v).LessThan(least) }
	ask.Ranges = []version.Range{{Allows: enough, Reason: "default; " + ask.From + " needs at least " + ask.Text}, {Else: least.String()}}
	return ask
}

// readRust reads what a person or rustup writes for a Rust release: 1.85.1, 1.85, stable.
func readRust(text string, known lock.Lock) []version.Range {
	for _, triple := range toolchain.Triples { // rustup takes a host after the version
		text = strings.TrimSuffix(text, "-"+triple)
	}
	if text == "stable" {
		return version.Exactly(known.Default[rustID])
	}
	v, err := semver.NewVersion(text)
	switch {
	case err != nil && (strings.HasPrefix(text, "nightly") || strings.HasPrefix(text, "beta")):
		return version.Exactly(text)
	case err != nil:
		return nil
	case strings.Count(text, ".") == 1:
		return []version.Range{{Allows: func(one string) bool {
			o := semver.MustParse(one)
			return o.Major() == v.Major() && o.Minor() == v.Minor()
		}, Else: text}}
	}
	return version.Exactly(text)
}
