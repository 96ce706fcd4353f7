package deb

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// The two archives that Debian publishes for a release, and old files of both.
const (
	Main     = "main"
	Security = "security"
	Snapshot = "snapshot"
)

// Variables name the variable that holds the mirrors of each archive.
var Variables = map[string]string{
	Main:     "STRATA_DEBIAN_MIRROR",
	Security: "STRATA_DEBIAN_SECURITY_MIRROR",
	Snapshot: "STRATA_DEBIAN_SNAPSHOT_MIRROR",
}

// Mirrors holds the base addresses of each archive, in order of preference, without a trailing slash.
type Mirrors map[string][]string

// ReadMirrors returns the mirrors that the variables name, addresses separated by spaces. An archive may have none.
func ReadMirrors(env func(string) string) (Mirrors, error) {
	m := Mirrors{}
	for archive, variable := range Variables {
		for address := range strings.FieldsSeq(env(variable)) {
			base, ok := CleanURL(address)
			if !ok {
				return nil, fault.Fault{ID: "mirror-address", What: variable, Err: fmt.Errorf("%q is not an http or https address", address),
					Do: "set it to the mirror's base address, the folder that holds dists/ and pool/"}
			}
			m[archive] = append(m[archive], base)
		}
	}
	return m, nil
}

// CleanURL returns an http or https address without its trailing slash, false for any other.
func CleanURL(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", false
	}
	return strings.TrimRight(address, "/"), true
}

// URLs returns the addresses of a path inside an archive.
func (m Mirrors) URLs(archive, path string) []string {
	urls := make([]string, 0, len(m[archive]))
	for _, base := range m[archive] {
		urls = append(urls, base+"/"+path)
	}
	return urls
}

// Artifact returns what there is to fetch for a locked package. Old files are asked for last.
func (m Mirrors) Artifact(p Locked) fetch.Artifact {
	return fetch.Artifact{Name: p.Purl, Sum: "sha256:" + p.SHA256, Size: p.Size,
		URLs: slices.Concat(m.URLs(p.Archive, p.Path), m.URLs(Snapshot, p.Path))}
}
