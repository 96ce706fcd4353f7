package toolchain

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// DistVariable is the variable of rustup that names the server of releases. There is no default.
const DistVariable = "RUSTUP_DIST_SERVER"

// releaseKey is the key that Rust's releases are signed with, as rustup has it.
//
//go:embed rust-key.asc
var releaseKey []byte

// pinned is the fingerprint of the key. A changed file is not enough to be trusted.
const pinned = "108F66205EAEB0AAA8DD5E1C85AB96E6FA1BE5FE"

// Server is a server of Rust's releases.
type Server struct {
	Address string             // https, http or file
	Keys    openpgp.EntityList // they sign manifests; nil means that of Rust's releases
}

// exact matches channels that always mean the same release, and takes a date apart.
var exact = regexp.MustCompile(`^(?:[0-9]+\.[0-9]+\.[0-9]+|(beta|nightly)-([0-9]{4}-[0-9]{2}-[0-9]{2}))$`)

// Exact reports whether a channel always means the same release: a whole version, or a beta or nightly of a day.
func Exact(channel string) bool { return exact.MatchString(channel) }

// Channel returns the Rust of a server's channel, which is exact, for this machine and an architecture that it compiles for.
func Channel(target, channel string, s Server) Rust {
	return Rust{Version: channel, target: target, server: s}
}

// manifest is what a build reads of the manifest of a channel.
type manifest struct {
	Date     string `toml:"date"`
	Packages map[string]struct {
		Version string `toml:"version"` // "1.84.1 (e71f9a9a9 2025-01-27)", "1.95.0-nightly (…)"
		Targets map[string]struct {
			Available bool   `toml:"available"`
			Address   string `toml:"xz_url"`
			SHA256    string `toml:"xz_hash"`
		} `toml:"target"`
	} `toml:"pkg"`
}

// part is a component of a release for an architecture.
type part struct{ name, arch string }

// components are what a build needs of a release.
var components = []string{"rustc", "cargo", "rust-std"}

// distTool returns the tool of a server's release.
func (r Rust) distTool() tool.Tool {
	return tool.Tool{
		Folder: r.Folder(), Title: "Rust " + r.Version,
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			base, err := url.Parse(r.server.Address)
			if err != nil || !slices.Contains([]string{"https", "http", "file"}, base.Scheme) {
				return fault.Fault{ID: "rust-dist-syntax", What: DistVariable + " is no https, http or file address",
					Do: "write it like https://mirror.example.test"}
			}
			m, err := r.manifest(ctx, client, base)
			if err != nil {
				return err
			}
			for _, name := range components {
				if err := r.component(ctx, client, base, m, part{name, runtime.GOARCH}, dir); err != nil {
					return err
				}
			}
			if r.target == runtime.GOARCH {
				return nil
			}
			return r.component(ctx, client, base, m, part{"rust-std", r.target}, dir)
		},
	}
}

// manifest returns the manifest of the release, which the server's key has signed.
func (r Rust) manifest(ctx context.Context, client *fetch.Client, base *url.URL) (manifest, error) {
	var m manifest
	folder, name := "dist", "channel-rust-"+r.Version+".toml"
	if found := exact.FindStringSubmatch(r.Version); found != nil && found[1] != "" {
		folder, name = "dist/"+found[2], "channel-rust-"+found[1]+".toml"
	}
	read := func(name string) ([]byte, error) {
		return client.Read(ctx, fetch.Document{
			Name: name, Limit: tree.MaxFile, URLs: []string{base.JoinPath(folder, name).String()}, Setting: DistVariable,
		})
	}
	text, err := read(name)
	if err != nil {
		return m, err
	}
	signature, err := read(name + ".asc")
	if err != nil {
		return m, err
	}
	keys, err := r.server.keys()
	if err != nil {
		return m, err
	}
	_, err = openpgp.CheckArmoredDetachedSignature(keys, bytes.NewReader(text), bytes.NewReader(signature),
		&packet.Config{Time: time.Now})
	if err != nil {
		return m, fault.Fault{ID: "rust-signature", What: name + " of " + DistVariable + " is not signed by the key of Rust's releases", Err: err,
			Do: "name a server that has Rust's releases as they are published"}
	}
	if _, err := toml.Decode(string(text), &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", name, err)
	}
	return m, r.same(m)
}

// same refuses the manifest of another release, which has the same signature. A beta or a nightly is that of a day.
func (r Rust) same(m manifest) error {
	version, _, _ := strings.Cut(m.Packages["rust"].Version, " ")
	found := exact.FindStringSubmatch(r.Version)
	is := version == r.Version
	if found != nil && found[1] != "" {
		is = m.Date == found[2] && strings.Contains(version, "-"+found[1])
	}
	if is {
		return nil
	}
	return fault.Fault{ID: "rust-release", Do: "name a server that has Rust's releases as they are published",
		What: fmt.Sprintf("%s has Rust %s of %s in place of %s", DistVariable, version, m.Date, r.Version)}
}

// keys returns the keys that may sign a manifest.
func (s Server) keys() (openpgp.EntityList, error) {
	if s.Keys != nil {
		return s.Keys, nil
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(releaseKey))
	if err != nil {
		return nil, fmt.Errorf("reading the key of Rust's releases: %w", err)
	}
	for _, e := range ring {
		if got := strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint)); got != pinned {
			return nil, fault.Internal("key %s of Rust's releases is not pinned", got)
		}
	}
	return ring, nil
}

// component fetches a component by the hash in the manifest, and unpacks it. Addresses in a manifest name the server of its authors: what
// follows their folder dist is taken from the server that the user names.
func (r Rust) component(ctx context.Context, client *fetch.Client, base *url.URL, m manifest, p part, dir string) error {
	target := m.Packages[p.name].Targets[Triples[p.arch]]
	_, path, found := strings.Cut(target.Address, "/dist/")
	if !target.Available || !found || target.SHA256 == "" {
		return fault.Fault{ID: "rust-version-unknown", What: fmt.Sprintf("Rust %s has no %s for linux/%s", r.Version, p.name, p.arch),
			Do: "ask for another release"}
	}
	file, err := client.Get(ctx, fetch.Artifact{
		Name: p.name + " of Rust " + r.Version, Sum: "sha256:" + target.SHA256, URLs: []string{base.JoinPath("dist", path).String()},
		Setting: DistVariable,
	})
	if err != nil {
		return err
	}
	return unpack.Archive(file, dir, unpack.Options{Strip: 2, Want: distWanted})
}

// distWanted leaves out what no compilation reads: documentation, lists of files, and programs for people.
func distWanted(path string) bool {
	if inner, found := strings.CutPrefix(path, "bin/"); found {
		return inner == "cargo" || inner == "rustc"
	}
	return strings.HasPrefix(path, "lib/")
}
