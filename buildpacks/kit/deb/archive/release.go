package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Release is a verified InRelease file.
type Release struct {
	Origin, Codename string
	Date             time.Time
	// ValidUntil is zero if the archive does not say it.
	ValidUntil time.Time
	ByHash     bool
	// Signers are the fingerprints of the pinned keys that have signed, sorted.
	Signers []string
	files   map[string]fileHash
}

type fileHash struct {
	sha256 string
	size   int64
}

const signedHeader = "-----BEGIN PGP SIGNED MESSAGE-----\n"

// ParseRelease verifies an InRelease file with the keys of ring at the time now, and reads it. Errors call the file name.
func ParseRelease(name string, doc []byte, ring openpgp.EntityList, now time.Time) (*Release, error) {
	text, signers, err := verify(doc, ring, now)
	if err != nil {
		return nil, fault.Fault{
			ID:   "release-signature",
			What: name,
			Err:  err,
			Do:   "do not use this mirror until it serves a file that Debian signed",
		}
	}
	all := stanzas(string(text))
	if len(all) != 1 {
		return nil, fmt.Errorf("reading %s: %d stanzas where one was expected", name, len(all))
	}
	r := &Release{Origin: all[0]["Origin"], Codename: all[0]["Codename"], ByHash: all[0]["Acquire-By-Hash"] == "yes", Signers: signers}
	if r.Date, err = releaseTime(all[0]["Date"]); err != nil {
		return nil, fmt.Errorf("reading the date of %s: %w", name, err)
	}
	if v := all[0]["Valid-Until"]; v != "" {
		if r.ValidUntil, err = releaseTime(v); err != nil {
			return nil, fmt.Errorf("reading the end of validity of %s: %w", name, err)
		}
	}
	if r.files, err = releaseFiles(all[0]["SHA256"]); err != nil {
		return nil, fmt.Errorf("reading the hashes of %s: %w", name, err)
	}
	return r, nil
}

// releaseTime reads a date of a Release file. A day may have one digit.
func releaseTime(s string) (time.Time, error) {
	t, err := time.Parse("Mon, _2 Jan 2006 15:04:05 MST", s)
	return t.UTC(), err
}

// releaseFiles reads lines of "<sha256> <size> <path>".
func releaseFiles(field string) (map[string]fileHash, error) {
	files := map[string]fileHash{}
	for line := range strings.Lines(strings.TrimSpace(field)) {
		f := strings.Fields(line)
		if len(f) != 3 || !isHash(f[0]) {
			return nil, fmt.Errorf("line %q is not a hash, a size and a path", strings.TrimSpace(line))
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("line %q has no size", strings.TrimSpace(line))
		}
		files[f[2]] = fileHash{f[0], size}
	}
	if len(files) == 0 {
		return nil, errors.New("it lists no SHA256 hashes")
	}
	return files, nil
}

// isHash reports whether s is a SHA-256 in lower-case hexadecimal.
func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// verify returns the signed text and the fingerprints of its signers. It checks each signature packet by itself: a checker that
// stops at the first known signer reports an expired key, although a valid one has signed as well. verify refuses text before
// the armour, which clearsign.Decode skips.
func verify(doc []byte, ring openpgp.EntityList, now time.Time) ([]byte, []string, error) {
	if !bytes.HasPrefix(doc, []byte(signedHeader)) {
		return nil, nil, errors.New("it does not begin with a PGP signed message")
	}
	block, rest := clearsign.Decode(doc)
	if block == nil {
		return nil, nil, errors.New("its PGP signed message is damaged")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, errors.New("there is text after the signature")
	}
	var signers []string
	worst := errors.New("no signature by a key of the keyring")
	packets := packet.NewOpaqueReader(block.ArmoredSignature.Body)
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading its signature: %w", err)
		}
		var one bytes.Buffer
		if err := p.Serialize(&one); err != nil {
			return nil, nil, fmt.Errorf("reading its signature: %w", err)
		}
		signer, err := check(ring, block.Bytes, &one, now)
		switch {
		case err == nil:
			signers = append(signers, signer)
		case !errors.Is(err, pgperrors.ErrUnknownIssuer):
			worst = err
		}
	}
	if len(signers) == 0 {
		return nil, nil, worst
	}
	slices.Sort(signers)
	return block.Plaintext, slices.Compact(signers), nil
}

// check verifies one signature packet, and returns the signer's fingerprint.
func check(ring openpgp.EntityList, signed []byte, signature io.Reader, now time.Time) (string, error) {
	config := &packet.Config{Time: func() time.Time { return now }}
	_, signer, err := openpgp.VerifyDetachedSignature(ring, bytes.NewReader(signed), signature, config)
	day := now.UTC().Format(time.DateOnly)
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "", fmt.Errorf("key %s has expired (today is %s)", fingerprint(signer), day)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", fmt.Errorf("the signature by key %s has expired (today is %s)", fingerprint(signer), day)
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", err
	case err != nil:
		return "", fmt.Errorf("bad signature: %w", err)
	}
	return fingerprint(signer), nil
}
