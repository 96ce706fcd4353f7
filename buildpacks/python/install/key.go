package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// recipe changes when the same inputs give other layers.
const recipe = 4

// Key is everything that an install depends on. The app's code is not among it, except folders that the requirements name.
type Key struct {
	Recipe       int       `json:"recipe"`
	Python       string    `json:"python,omitempty"`
	Source       string    `json:"source,omitempty"` // of Python
	Home         string    `json:"home"`             // of Python
	UV           string    `json:"uv"`
	Requirements string    `json:"requirements"` // hash
	Settings     string    `json:"settings"`     // hash of what the user tells uv, without addresses and logins
	LeaveOut     string    `json:"leaveOut"`
	Target       [4]string `json:"target"`           // os, arch, variant, distro
	Compiler     string    `json:"compiler"`         // of packages that have to be built
	Debian       string    `json:"debian,omitempty"` // packages that they are compiled with
}

// layered is the key for layers, which say apart from their keys which Python they need.
func (k Key) layered() Key {
	k.Python, k.Source = "", ""
	return k
}

func (i *Installer) key() (Key, error) {
	s, target := i.source, i.source.In.Target
	mode, err := compiler.Asked(s.In.Config)
	if err != nil {
		return Key{}, err
	}
	compilers, err := compiler.Version(target.Arch, mode)
	if err != nil {
		return Key{}, err
	}
	requirements, err := i.wanted.hash()
	if err != nil {
		return Key{}, err
	}
	settings, err := i.indexes.hash()
	return Key{
		Recipe: recipe, Python: s.Python.Version, Source: s.Python.Source, Home: s.Python.Home, UV: s.UV.Version,
		Requirements: requirements, Settings: settings, LeaveOut: strings.Join(i.wanted.LeaveOut, " "),
		Target: [4]string{target.OS, target.Arch, target.Variant, target.Distro}, Compiler: compilers, Debian: i.debian.Key(),
	}, err
}

// hash returns a hash of the requirements and of the files that they name.
func (r Requirements) hash() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q %t %t\n", r.Lines, r.Constraints, r.Direct, r.Complete, r.Project != "")
	for _, folder := range slices.Concat(r.Folders, r.Wheels) {
		content, err := tree.Hash(folder, nil)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// unkeyed matches the names of settings that say whom to ask, who asks and how: they change nothing in what comes, and no key may hold a
// secret.
var unkeyed = regexp.MustCompile(
	`(?i)index|links|host|auth|token|passw|user|cert|tls|keyring|proxy|cache|timeout|retr|concurren|offline|color|progress|config|credent`)

// hash returns a hash of the settings that change what uv installs.
func (x Indexes) hash() (string, error) {
	file := map[string]any{}
	if x.Config != "" {
		if _, err := tree.ReadTOML(x.Config, &file); err != nil {
			return "", errConfig
		}
	}
	if pip, ok := file["pip"].(map[string]any); ok {
		maps.DeleteFunc(pip, func(name string, _ any) bool { return unkeyed.MatchString(name) })
	}
	for name, value := range x.own {
		file[name] = value
	}
	maps.DeleteFunc(file, func(name string, _ any) bool { return unkeyed.MatchString(name) })
	text, err := json.Marshal(file) // sorted by name
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
