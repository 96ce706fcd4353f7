package node

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// lockedBy is how lockfiles, whose packages have an empty line between them, name a package and its hash.
var lockedBy = map[*manager]struct{ name, hash *regexp.Regexp }{
	yarn: {
		regexp.MustCompile(`(?m)^"?((?:@[^/\s"]+/)?[^@\s"#]+@[^,"\n]+)"?.*:\n  version `),
		regexp.MustCompile(`(?m)^(?:  integrity |  resolved "[^"]+#[0-9a-f]{40}"|\S.*@(?:file|link):)`), // those are of the app
	},
	berry: {
		regexp.MustCompile(`(?m)^  resolution: "([^"]+)"`),
		regexp.MustCompile(`(?m)^  (?:checksum: |linkType: soft)`), // that one is a folder of the app
	},
	pnpm: {
		regexp.MustCompile(`(?m)^  '?([^\s'].*?)'?:\n    resolution: `),
		regexp.MustCompile(`(?m)^    resolution: .*(?:integrity: |commit: |type: directory)`),
	},
	bun: {
		regexp.MustCompile(`(?m)^    "[^"]+": \["([^"]+@(?:\d|http|github:|git\+)[^"]*)"`),
		regexp.MustCompile(`"sha\d+-`),
	},
}

// readHashes finds the packages that the lockfile has no hash of, and sees to it that Yarn compares the hashes that there are.
func (d *decision) readHashes() error {
	if d.manager == npm {
		d.unhashed = d.locked.unhashed()
		return nil
	}
	if d.Lockfile == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(d.Root, d.Lockfile))
	if err != nil {
		return fmt.Errorf("reading %s: %w", d.Lockfile, err)
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	for one := range bytes.SplitSeq(data, []byte("\n\n")) {
		name := lockedBy[d.manager].name.FindSubmatch(one)
		if name != nil && !lockedBy[d.manager].hash.Match(one) && d.meets(string(one)) {
			d.unhashed = append(d.unhashed, string(name[1]))
		}
	}
	if d.manager == berry {
		return d.readCacheKeys(data)
	}
	return nil
}

// meets tells whether a package of a yarn.lock is for this machine. Yarn has no checksums of those that are for some alone.
func (d decision) meets(locked string) bool {
	_, conditions, _ := strings.Cut(locked, "\n  conditions: ")
	conditions, _, _ = strings.Cut(conditions, "\n")
	for name, value := range map[string]string{"os": "linux", "cpu": d.arch, "libc": "glibc"} {
		if strings.Contains(conditions, name+"=") && !strings.Contains(conditions, name+"="+value) && !strings.Contains(conditions, name+"=!") {
			return false
		}
	}
	return true
}

// cacheKeys are how the keys of checksums begin, by Yarn's major version; how it compresses archives follows, as in 10c0, or
// nothing for mixed. Yarn compares a checksum of its own key, and takes whatever comes for one of another.
var cacheKeys = map[uint64]string{2: "7", 3: "8", 4: "10"}

// checksumKey matches the key of a checksum, or the one of all that name none.
var checksumKey = regexp.MustCompile(`(?m)^  (?:cacheKey: (\S+)|checksum: (?:([^/\s]+)/)?)`)

// readCacheKeys has Yarn compress archives so that its key is the one in yarn.lock, and refuses another Yarn's.
func (d *decision) readCacheKeys(data []byte) error {
	own := cmp.Or(cacheKeys[d.berryMajor()], cacheKeys[4])
	all := "" // the key of those that name none
	for _, found := range checksumKey.FindAllSubmatch(data, -1) {
		key := cmp.Or(string(found[1])+string(found[2]), all)
		all = cmp.Or(all, key)
		level, ours := strings.CutPrefix(key, own)
		if !ours || key != all || level != "" && !strings.HasPrefix(level, "c") {
			if strings.HasPrefix(all, own) {
				own = all
			}
			return fault.Fault{ID: "node-checksums", What: fmt.Sprintf("yarn.lock has checksums with the key %q, and Yarn %s compares only those with its own, %q", key, d.using.Version, own), Do: "renew it with yarn install"}
		}
		d.compress = cmp.Or(strings.TrimPrefix(level, "c"), "mixed")
	}
	return nil
}

// berryMajor is the major version of a Yarn from 2 on, which a file of the app's own may not tell but by its lockfile.
func (d decision) berryMajor() uint64 {
	if v, err := semver.NewVersion(d.using.Version); err == nil {
		return v.Major()
	}
	switch {
	case d.format >= 8:
		return 4
	case d.format >= 5:
		return 3
	}
	return 2
}

// hosted matches an address of git of which npm takes an archive, by the commit's name alone.
var hosted = regexp.MustCompile(`^git\+[^#]*[@/](?:github\.com|gitlab\.com|bitbucket\.org)[:/]`)

// unhashed returns the packages without a hash. A commit that is checked out is one, what is in another package has that one's, and the
// app's own need none.
func (l lockfile) unhashed() []string {
	var list []string
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		p := l.Packages[at]
		if !!strings.Contains("/"+at, "/"+project.ModulesDir+"/") && !p.Link && !p.InBundle && p.Integrity == "" && (!strings.HasPrefix(p.Resolved, "git") || hosted.MatchString(p.Resolved)) && !strings.HasPrefix(p.Resolved, "file:") {
			list = append(list, at[strings.LastIndex(at, project.ModulesDir+"/")+len(project.ModulesDir)+1:]+"@"+p.Version)
		}
	}
	return list
}
