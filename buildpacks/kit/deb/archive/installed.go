package archive

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
)

// Installed is a package that a machine or an image has, as dpkg's database says it.
type Installed struct {
	Name, Version string
	Source        string // the source package's name, the same as Name unless the database says otherwise
}

// maxInstalled is how many packages a database may list. Debian has 70,000 in all.
const maxInstalled = 100_000

// ReadInstalled reads dpkg's database (dpkg(1), "status"): the whole of it, or the part of one package. It leaves out packages that were
// removed and left their configuration, and those whose name or version is none. A database that lists too much is an error.
func ReadInstalled(r io.Reader) ([]Installed, error) {
	var all []Installed
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 1<<12), 1<<20)
	scan.Split(splitStanza)
	for scan.Scan() {
		for _, s := range stanzas(scan.Text()) {
			status := strings.Fields(s["Status"]) // a part of one package may have none
			if len(status) == 3 && status[2] != "installed" || !nameSyntax.MatchString(s["Package"]) || !versionSyntax.MatchString(s["Version"]) {
				continue
			}
			if len(all) == maxInstalled {
				return nil, errors.New("it lists too many packages")
			}
			source, _, _ := strings.Cut(s["Source"], " ")
			all = append(all, Installed{
				Name: strings.Clone(s["Package"]), Version: strings.Clone(s["Version"]), Source: strings.Clone(cmp.Or(source, s["Package"])),
			})
		}
	}
	return all, scan.Err()
}

// Offer is a version of a package that an archive offers.
type Offer struct {
	Version  string
	Security bool // the security archive has it
}

// Offers returns all that the index offers, by the names of packages. It keeps nothing else of the index in memory.
func (ix *Index) Offers() map[string][]Offer {
	offers := make(map[string][]Offer, len(ix.packages))
	for name, packages := range ix.packages {
		name = strings.Clone(name) // it and versions are parts of stanzas
		for _, p := range packages {
			offers[name] = append(offers[name], Offer{strings.Clone(p.Version), p.Archive == deb.Security})
		}
	}
	return offers
}

// Newer returns the highest of some versions if it is higher than one that is installed, and reports whether a higher one comes from the
// security archive.
func Newer(offers []Offer, installed string) (newest string, security bool) {
	for _, o := range offers {
		if CompareVersions(o.Version, installed) <= 0 {
			continue
		}
		security = security || o.Security
		if newest == "" || CompareVersions(o.Version, newest) > 0 {
			newest = o.Version
		}
	}
	return newest, security
}
