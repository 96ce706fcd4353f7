// Package runtimes states what buildpacks say of runtimes in the metadata of their layers. By it, a platform puts a newer patch of a
// runtime under an app without a build: it has the buildpack make that one layer again, and exchanges it.
package runtimes

import (
	"encoding/json"
	"errors"
	"strings"
)

// Env names the runtime that a build of no app is to make: a Runtime in JSON, as an image has it. The build makes one layer, the one that
// takes its place.
const Env = "BP_REPLACE_RUNTIME"

// Runtime says which runtime a layer is, and what may take its place: a later version of the same line and the same ABI, if the app
// allows it. It is the table "runtime" of the layer's metadata.
type Runtime struct {
	ID      string `toml:"id" json:"id"`           // "node"
	Version string `toml:"version" json:"version"` // as the lock has it: "24.21.0"
	Line    string `toml:"line" json:"line"`       // what all versions of the line have in common: "24"
	ABI     string `toml:"abi" json:"abi"`         // what compiled code is made for: "node-137"
	Asked   string `toml:"asked" json:"asked"`     // the versions that the app allows, as it writes them; empty for all of the line
}

// Need says for which version of a runtime of the same image a layer was made. It is an entry of the list "needs" of its metadata. The
// layer does for later versions of the line, unless it is exact.
type Need struct {
	ID      string `toml:"id" json:"id"`
	Version string `toml:"version" json:"version"`
	Exact   bool   `toml:"exact" json:"exact"` // the layer is of use to this version alone
}

// maxText is how long a text of a Runtime may be, in bytes.
const maxText = 200

// Fits reports whether all texts but Asked are there, and each is of one line and not too long.
func (r Runtime) Fits() bool {
	for _, text := range []string{r.ID, r.Version, r.Line, r.ABI, r.Asked} {
		if len(text) > maxText || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == '\x7f' }) {
			return false
		}
	}
	return r.ID != "" && r.Version != "" && r.Line != "" && r.ABI != ""
}

// Parse reads a Runtime in JSON. An image that somebody else made may say anything.
func Parse(text string) (Runtime, error) {
	var r Runtime
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, err
	}
	if !r.Fits() {
		return r, errors.New("a text of it is missing, too long or of several lines")
	}
	return r, nil
}
