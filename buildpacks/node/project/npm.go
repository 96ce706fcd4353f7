package project

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
)

// Variables returns those that npm gives to a script of the package (npm's documentation, "scripts"), without those that name npm's own
// files.
func (m Manifest) Variables(script string) map[string]string {
	env := map[string]string{"npm_lifecycle_event": script}
	for name, value := range map[string]string{"npm_package_name": m.Name, "npm_package_version": m.Version} {
		if value != "" {
			env[name] = value
		}
	}
	for name, value := range m.Engines {
		setVariable(env, "npm_package_engines_"+name, value)
	}
	addVariables(env, "npm_package_config_", m.fields.Object("config"))
	return env
}

// addVariables sets the variables of an object, with its fields' names after a prefix.
func addVariables(env map[string]string, prefix string, object fields.Object) {
	for name, value := range object {
		var list []json.RawMessage
		switch {
		case object.Object(name) != nil:
			addVariables(env, prefix+name+"_", object.Object(name))
		case json.Unmarshal(value, &list) == nil && list != nil:
			entries := fields.Object{}
			for i, entry := range list {
				entries[fmt.Sprintf("%s_%d", name, i)] = entry
			}
			addVariables(env, prefix, entries)
		case object.True(name):
			setVariable(env, prefix+name, "true")
		default:
			setVariable(env, prefix+name, object.Text(name)) // null and false are empty
		}
	}
}

// variableName matches names that are names of files of a layer, too.
var variableName = regexp.MustCompile(`^[\w-]+$`)

func setVariable(env map[string]string, name, value string) {
	if variableName.MatchString(name) {
		env[name] = value
	}
}
