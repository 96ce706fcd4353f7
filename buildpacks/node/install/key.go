package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Key is everything that an install depends on.
type Key struct {
	Recipe   int       `json:"recipe"`
	Node     string    `json:"node,omitempty"`
	Manager  string    `json:"manager"`
	Packages string    `json:"packages"`         // hash of what the package manager reads
	Project  string    `json:"project"`          // absolute path: links to workspaces hold it
	Target   [4]string `json:"target"`           // os, arch, variant, distro
	Compiler string    `json:"compiler"`         // of addons, if there are any
	Debian   string    `json:"debian,omitempty"` // packages that addons are compiled with

	Vendored map[string]string `json:"vendored,omitempty"` // hashes of the app's own folders of packages
}

// Key returns the key of an install with a recipe and a release of Node.js.
func (s Source) Key(recipe int, node string) (Key, error) {
	target := s.In.Target
	compilers, err := compiler.Version(target.Arch, s.Compiling)
	if err != nil {
		return Key{}, err
	}
	m := s.Manager
	read := sha256.New()
	err = m.Project.Seeds(m.Own(), func(name string, data []byte, mode fs.FileMode) error {
		fmt.Fprintf(read, "%s\x00%s\x00%d\x00", name, mode, len(data))
		read.Write(data)
		return nil
	})
	if err != nil {
		return Key{}, err
	}
	settings, err := s.keyed()
	if err != nil {
		return Key{}, err
	}
	for _, setting := range settings {
		fmt.Fprintf(read, "%s\x00", setting)
	}
	var vendored map[string]string
	if s.Vendored {
		vendored, err = HashOwn(m.Project)
	}
	return Key{
		Recipe: recipe, Node: node, Manager: m.Tool().Name + "@" + m.Release.Version,
		Packages: hex.EncodeToString(read.Sum(nil)), Project: m.Project.Dir,
		Target: [4]string{target.OS, target.Arch, target.Variant, target.Distro}, Compiler: compilers,
		Debian: s.Debian.Key(), Vendored: vendored,
	}, err
}

// HashOwn returns hashes of the folders of packages that an app has itself.
func HashOwn(p project.Project) (map[string]string, error) {
	sums := map[string]string{}
	for _, folder := range layout.Own(p) {
		var err error
		if sums[folder], err = tree.Hash(filepath.Join(p.Root, folder), nil); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// Digest names what is kept of a key.
func Digest(key any) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// unkeyed matches the names of settings that say whom to ask and who asks, or are of this machine: they change nothing in what
// comes, and no key may hold a secret.
var unkeyed = regexp.MustCompile(
	`(?i)auth|token|passw|secret|user|email|cert|key|registr|scopes|network|proxy|(^|_)ca\b|ca_?file|cache|folder|server|//`)

// login matches the login in an address.
var login = regexp.MustCompile(`://[^/\s]*@`)

// keyed returns the variables, and what bindings set, that change what the package manager installs.
func (s Source) keyed() ([]string, error) {
	var list []string
	keep := func(name, text string) {
		if !unkeyed.MatchString(name) {
			list = append(list, login.ReplaceAllString(text, "://"))
		}
	}
	for name, value := range s.In.Env {
		if isSetting(name) {
			keep(name, name+"="+value)
		}
	}
	for name, file := range s.Settings {
		err := eachSetting(file, func(setting, text string) { keep(setting, name+": "+text) })
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(list)
	return list, nil
}

// eachSetting calls a function with the name of each setting in a file of a package manager, and how it is written.
func eachSetting(file string, each func(name, text string)) error {
	if filepath.Ext(file) == ".yml" {
		all, err := project.ReadYAML(file)
		for name, value := range all {
			each(name, name+": "+string(value))
		}
		return err
	}
	data, err := tree.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the settings of a binding: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if name := nameOfSetting.FindString(line); name != "" {
			each(name, line)
		}
	}
	return nil
}

// nameOfSetting matches the name at the beginning of a line of .npmrc or .yarnrc that is no comment.
var nameOfSetting = regexp.MustCompile(`^[^\s=;#][^\s=]*`)
