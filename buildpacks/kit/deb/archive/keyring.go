package archive

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// keys are the archive keys of Debian's releases, as the package debian-archive-keyring ships them. The names of files begin with the
// release's codename.
//
//go:embed keys/*.asc
var keys embed.FS

// pinned are the fingerprints of the primary keys of each release: of the archive, of the security archive, and of the stable release. A
// changed file of keys is not enough to be trusted.
var pinned = map[string][]string{
	"trixie": {
		"04B54C3CDCA79751B16BC6B5225629DF75B188BD", "5E04A1E3223A19A20706E20F9904613D4CCE68C6", "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
	},
	"bookworm": {
		"B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", "4D64FEC119C2029067D6E791F8D2585B8783D481",
	},
}

// Keyring returns the committed archive keys of a release, which vouch for no other one. A release without keys and a key that is not
// pinned are errors.
func Keyring(codename string) (openpgp.EntityList, error) {
	var files []string
	if pinned[codename] != nil { // any other codename may be a pattern or a path
		var err error
		if files, err = fs.Glob(keys, "keys/"+codename+"-*.asc"); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fault.Fault{ID: "release-keys", What: "no keys of Debian's release " + codename + " are known",
			Do: "name a release in stack.toml that has keys: " + strings.Join(slices.Sorted(maps.Keys(pinned)), ", ")}
	}
	var ring openpgp.EntityList
	for _, name := range files {
		b, err := keys.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("reading archive key %s: %w", name, err)
		}
		for _, e := range list {
			if !slices.Contains(pinned[codename], fingerprint(e)) {
				return nil, fmt.Errorf("internal error: key %s of %s is not pinned", fingerprint(e), name)
			}
		}
		ring = append(ring, list...)
	}
	return ring, nil
}

// fingerprint returns the primary key's fingerprint in upper-case hexadecimal, as gpg prints it.
func fingerprint(e *openpgp.Entity) string {
	return string(bytes.ToUpper([]byte(hex.EncodeToString(e.PrimaryKey.Fingerprint))))
}
