package node

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// unkeyed matches the names of settings that say whom to ask and who asks, or are of this machine: they change nothing in what
// comes, and no key may hold a secret.
var unkeyed = regexp.MustCompile(
	`(?i)auth|token|passw|secret|user|email|cert|key|registr|scopes|network|proxy|(^|_)ca\b|ca_?file|cache|folder|server|//`)

// login matches the login in an address.
var login = regexp.MustCompile(`://[^/\s]*@`)

// settings are the variables, and what bindings set, that change what the package manager installs.
func (b *builder) settings() ([]string, error) {
	var list []string
	keep := func(name, text string) {
		if !unkeyed.MatchString(name) {
			list = append(list, login.ReplaceAllString(text, "://"))
		}
	}
	for name, value := range b.Env {
		if isSetting(name) {
			keep(name, name+"="+value)
		}
	}
	for name, file := range b.bound {
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
		var all map[string]any
		if err := project.ReadYAML(file, &all); err != nil {
			return err
		}
		for name, value := range all {
			text, err := yaml.Marshal(value)
			if err != nil {
				return fmt.Errorf("reading the settings of a binding: %w", err)
			}
			each(name, name+": "+string(text))
		}
		return nil
	}
	data, err := os.ReadFile(file)
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
