package archive

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// keys are the archive keys of Debian 13, as the package debian-archive-keyring ships them.
//
//go:embed keys/*.asc
var keys embed.FS

// pinned are the fingerprints of the primary keys in keys. A changed file of keys is not enough to be trusted.
var pinned = []string{
	"04B54C3CDCA79751B16BC6B5225629DF75B188BD", // archive, automatic
	"5E04A1E3223A19A20706E20F9904613D4CCE68C6", // security archive, automatic
	"41587F7DB8C774BCCF131416762F67A0B2C39DE4", // stable release
}

// Keyring returns the committed archive keys. A key that is not pinned is an error.
func Keyring() (openpgp.EntityList, error) {
	files, err := fs.Glob(keys, "keys/*.asc")
	if err != nil {
		return nil, err
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
			if !slices.Contains(pinned, fingerprint(e)) {
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
