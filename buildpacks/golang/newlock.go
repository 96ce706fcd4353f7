package golang

import (
	"bytes"
	"context"
	"fmt"
	"go/version"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// oldest is the first Go minor that is locked; the go command cannot switch to
// toolchains before it.
const oldest = "go1.21"

// stable matches the module versions of releases, not of release candidates.
var stable = regexp.MustCompile(`^v0\.0\.1-(go1\.[0-9]+(?:\.[0-9]+)?)\.(linux-(?:amd64|arm64))$`)

// platforms are the machines that a release is locked for.
var platforms = []string{"linux-amd64", "linux-arm64"}

// NewLock returns the text of lock.toml: the newest patch of every minor that
// the proxies of goproxy (a value of GOPROXY) list, with the hashes that the
// checksum database of gosumdb (a value of GOSUMDB) vouches for.
func NewLock(ctx context.Context, goproxy, gosumdb string) ([]byte, error) {
	p, err := parseProxies(goproxy, nil)
	if err != nil {
		return nil, err
	}
	db, err := parseDatabase(gosumdb)
	if err != nil {
		return nil, err
	}
	var list []byte
	err = p.try(func(base *url.URL) (err error) {
		list, err = p.get(ctx, base, toolchainModule+"/@v/list")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing Go releases: %w", err)
	}
	releases := newestPatches(strings.Fields(string(list)))
	if len(releases) == 0 {
		return nil, fmt.Errorf("listing Go releases: %s has none since %s", p, oldest)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Written by `go run ./buildpacks/golang/lock`, from GOPROXY and GOSUMDB. Do not edit.\n\ndefault = %q\n", releases[0])
	for _, release := range releases {
		fmt.Fprintf(&text, "\n[[release]]\nversion = %q\n[release.sums]\n", release)
		for _, platform := range platforms {
			sum, err := db.sum(ctx, p, toolchainModule, "v0.0.1-go"+release+"."+platform)
			if err != nil {
				return nil, fmt.Errorf("verifying Go %s for %s: %w", release, platform, err)
			}
			fmt.Fprintf(&text, "%s = %q\n", platform, sum)
		}
	}
	return text.Bytes(), nil
}

// newestPatches returns the newest release of each minor, such as "1.26.8", that
// every platform has; the newest minor first.
func newestPatches(moduleVersions []string) []string {
	have := map[string]int{} // platforms by release
	for _, v := range moduleVersions {
		if found := stable.FindStringSubmatch(v); found != nil {
			have[found[1]]++
		}
	}
	newest := map[string]string{} // by language version
	for release, n := range have {
		lang := version.Lang(release)
		if n == len(platforms) && version.Compare(release, oldest) >= 0 && version.Compare(release, newest[lang]) > 0 {
			newest[lang] = release
		}
	}
	all := slices.SortedFunc(maps.Values(newest), version.Compare)
	slices.Reverse(all)
	for i, v := range all {
		all[i] = strings.TrimPrefix(v, "go")
	}
	return all
}
