package archive_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const day = 24 * time.Hour

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
}

func TestParseRelease(t *testing.T) {
	t.Parallel()
	born := debtest.Born
	good := debtest.Key(t, "good", born, 0)
	short := debtest.Key(t, "short", born, 30*day)
	stranger := debtest.Key(t, "stranger", born, 0)
	ring := openpgp.EntityList{good, short}
	text := "Origin: Debian\nCodename: trixie\nDate: Wed, 02 Jan 2030 03:04:05 UTC\nAcquire-By-Hash: yes\nSHA256:\n " +
		strings.Repeat("ab", 32) + "   12 main/binary-amd64/Packages.xz\n"
	signed := func(life time.Duration, keys ...*openpgp.Entity) []byte {
		return debtest.Sign(t, text, born, life, keys...)
	}
	const do = "; do not use this mirror until it serves a file that Debian signed"
	tests := []struct {
		name    string
		doc     []byte
		after   time.Duration
		signers []*openpgp.Entity
		err     string
	}{
		{name: "one signature", doc: signed(0, good), signers: []*openpgp.Entity{good}},
		{name: "of two one is a stranger's", doc: signed(0, stranger, good), signers: []*openpgp.Entity{good}},
		{name: "of two keys the first has expired", doc: signed(0, short, good), after: 31 * day, signers: []*openpgp.Entity{good}},
		{name: "the only key has expired", doc: signed(0, short), after: 31 * day,
			err: "key " + fingerprint(short) + " has expired (today is 2030-02-02)"},
		{name: "the signature has expired", doc: signed(7*day, good), after: 8 * day,
			err: "the signature by key " + fingerprint(good) + " has expired (today is 2030-01-10)"},
		{name: "stranger", doc: signed(0, stranger), err: "no signature by a key of the keyring"},
		{name: "tampered", doc: bytes.Replace(signed(0, good), []byte("abab"), []byte("abac"), 1),
			err: "bad signature: openpgp: invalid signature: EdDSA verification failure"},
		{name: "text before", doc: append([]byte("Origin: Evil\n"), signed(0, good)...), err: "it does not begin with a PGP signed message"},
		{name: "text after", doc: append(signed(0, good), "Origin: Evil\n"...), err: "there is text after the signature"},
		{name: "two messages", doc: append(signed(0, good), signed(0, good)...), err: "there is text after the signature"},
		{name: "no signature", doc: []byte(text), err: "it does not begin with a PGP signed message"},
		{name: "cut off", doc: signed(0, good)[:200], err: "its PGP signed message is damaged"},
		{name: "empty", err: "it does not begin with a PGP signed message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := archive.ParseRelease("InRelease of trixie", test.doc, ring, born.Add(test.after))
			if test.err != "" {
				if want := "InRelease of trixie: " + test.err + do; errText(err) != want {
					t.Fatalf("got  %v\nwant %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, s := range test.signers {
				want = append(want, fingerprint(s))
			}
			if diff := cmp.Diff(want, r.Signers); diff != "" || r.Codename != "trixie" || !r.Date.Equal(born) || !r.ByHash {
				t.Errorf("got %+v\n%s", r, diff)
			}
		})
	}
}

func TestParseReleaseText(t *testing.T) {
	t.Parallel()
	key := debtest.Key(t, "key", debtest.Born, 0)
	const date = "Date: Wed, 02 Jan 2030 03:04:05 UTC\n"
	for name, test := range map[string][2]string{
		"no date": {"Origin: Debian\n",
			`reading the date of it: parsing time "" as "Mon, _2 Jan 2006 15:04:05 MST": cannot parse "" as "Mon"`},
		"no hashes": {date, "reading the hashes of it: it lists no SHA256 hashes"},
		"bad hash":  {date + "SHA256:\n abcd 1 x\n", `reading the hashes of it: line "abcd 1 x" is not a hash, a size and a path`},
		"bad size": {date + fmt.Sprintf("SHA256:\n %064d one x\n", 1),
			fmt.Sprintf(`reading the hashes of it: line "%064d one x" has no size`, 1)},
		"two parts": {date + "\nOrigin: Evil\n", "reading it: 2 stanzas where one was expected"},
		"bad expiry": {date + "Valid-Until: soon\n",
			`reading the end of validity of it: parsing time "soon" as "Mon, _2 Jan 2006 15:04:05 MST": cannot parse "soon" as "Mon"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := archive.ParseRelease("it", debtest.Sign(t, test[0], debtest.Born, 0, key), openpgp.EntityList{key}, debtest.Born)
			if errText(err) != test[1] {
				t.Errorf("got  %v\nwant %s", err, test[1])
			}
		})
	}
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	for codename, want := range map[string][]string{
		"trixie": {
			"04B54C3CDCA79751B16BC6B5225629DF75B188BD", "5E04A1E3223A19A20706E20F9904613D4CCE68C6", "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
		},
		"bookworm": {
			"B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", "4D64FEC119C2029067D6E791F8D2585B8783D481",
		},
	} {
		ring, err := archive.Keyring(codename)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range ring {
			got = append(got, fingerprint(e))
			if _, ok := e.SigningKey(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
				t.Errorf("key %s cannot sign", fingerprint(e))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", codename, diff)
		}
	}
	if _, err := archive.Keyring("sarge"); !errors.As(err, new(fault.Fault)) {
		t.Errorf("a release without keys: %v", err)
	}
}
