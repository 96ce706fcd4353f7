package fetch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// proof recognises an artifact. It sees all bytes and judges the complete file.
type proof struct {
	state
	key   string // path of the artifact in the cache
	judge func(file string) error
}

// state takes the bytes as they come: a hash does, and a proof that reads the complete file needs none.
type state interface {
	io.Writer
	Reset()
}

type noState struct{ io.Writer }

func (noState) Reset() {}

// proof returns how the artifact is recognised.
func (a Artifact) proof() (*proof, error) {
	if a.Sum == "" && a.Check != nil {
		key := sha256.Sum256([]byte(a.Name))
		return &proof{noState{io.Discard}, "checked/" + hex.EncodeToString(key[:]), func(file string) error {
			if err := a.Check(file); err != nil {
				return &Mismatch{Err: err}
			}
			return nil
		}}, nil
	}
	algorithm, want, err := parseSum(a.Sum)
	if err != nil {
		return nil, fault.Internal("artifact %s has no hash that can be checked: %v", a.Name, err)
	}
	key := algorithm + "/" + hex.EncodeToString(want)
	if algorithm == "h1" {
		return &proof{noState{io.Discard}, key, zipOf(a.Sum)}, nil
	}
	sum := hashes[algorithm]()
	return &proof{sum, key, func(string) error {
		if got := sum.Sum(nil); string(got) != string(want) {
			return &Mismatch{Want: algorithm + ":" + hex.EncodeToString(want), Got: algorithm + ":" + hex.EncodeToString(got)}
		}
		return nil
	}}, nil
}

// hashes are the algorithms that see the bytes as they come.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// parseSum returns the algorithm and the bytes of a hash in any of the forms that Artifact allows.
func parseSum(text string) (algorithm string, sum []byte, err error) {
	i := strings.IndexAny(text, ":-")
	if i < 0 {
		return "", nil, fmt.Errorf("%q names no algorithm", text)
	}
	algorithm, digits := text[:i], text[i+1:]
	size := sha256.Size
	if algorithm == "h1" || text[i] == '-' {
		sum, err = base64.StdEncoding.DecodeString(digits)
	} else {
		sum, err = hex.DecodeString(digits)
	}
	if made, ok := hashes[algorithm]; ok {
		size = made().Size()
	} else if algorithm != "h1" {
		return "", nil, fmt.Errorf("the algorithm %q is not known", algorithm)
	}
	if err == nil && len(sum) != size {
		err = fmt.Errorf("%q has %d bytes, not %d", text, len(sum), size)
	}
	return algorithm, sum, err
}

// zipOf judges a zip by Go's hash of the files in it.
func zipOf(want string) func(string) error {
	return func(file string) error {
		got, err := dirhash.HashZip(file, dirhash.Hash1)
		if err != nil {
			return &Mismatch{Err: fmt.Errorf("it is damaged: %w", err)}
		}
		if got != want {
			return &Mismatch{Want: want, Got: got}
		}
		return nil
	}
}

// verified reports whether the cache holds the artifact, and drops a copy that has gone bad.
func (p *proof) verified(path string, a Artifact) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, diskFault(a.Name, err)
	}
	defer f.Close()
	p.Reset()
	n, err := io.Copy(p, f)
	if err != nil {
		return false, diskFault(a.Name, err)
	}
	right := p.judge(path) == nil
	if right && a.Size != 0 && a.Size != n {
		return false, fault.Fault{ID: "fetch-wrong-size", What: a.Name,
			Err: fmt.Errorf("its size is %d bytes where %d were expected", n, a.Size), Do: "correct the size in the lock"}
	}
	if right {
		return true, nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, diskFault(a.Name, err)
	}
	return false, nil
}
