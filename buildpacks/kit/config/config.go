// Package config reads the variables that a buildpack declares in its buildpack.toml. It is the only reader of the
// process environment.
package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// Variable is one declared variable, a [[metadata.configurations]] table of buildpack.toml.
type Variable struct {
	Name        string `toml:"name"`
	Default     string `toml:"default"`
	Description string `toml:"description"`
	Build       bool   `toml:"build"`  // read while the image is built
	Launch      bool   `toml:"launch"` // read by the image when it starts
}

// Config is the declared variables of one buildpack and the environment that they are read from.
type Config struct {
	variables []Variable
	env       Environment
}

// New returns the configuration of declared variables read from env.
func New(variables []Variable, env Environment) Config {
	return Config{variables: variables, env: env}
}

// Declared returns the variables that the buildpack.toml at path declares, in the file's order.
func Declared(path string) ([]Variable, error) {
	var file struct {
		Metadata struct {
			Configurations []Variable `toml:"configurations"`
		} `toml:"metadata"`
	}
	if _, err := toml.DecodeFile(path, &file); err != nil {
		return nil, fmt.Errorf("reading variables of %s: %w", path, err)
	}
	return file.Metadata.Configurations, nil
}

// Lookup returns the value of a declared variable, its default when it is not set, and whether it is set. A variable
// that is set to nothing is not set.
func (c Config) Lookup(name string) (value string, set bool, err error) {
	for _, v := range c.variables {
		if v.Name != name {
			continue
		}
		if value := c.env[name]; value != "" {
			return value, true, nil
		}
		return v.Default, false, nil
	}
	return "", false, fault.Internal("variable %s is not declared in buildpack.toml", name)
}

// Set returns the names of the declared variables that are set, in the order of their declaration.
func (c Config) Set() []string {
	var names []string
	for _, v := range c.variables {
		if c.env[v.Name] != "" {
			names = append(names, v.Name)
		}
	}
	return names
}

// Decode fills the fields of the struct that settings points to from the variables that their tags name:
//
//	Version string   `config:"BP_GO_VERSION"`
//	Race    bool     `config:"BP_GO_RACE_ENABLED"`   // true false 1 0 yes no on off, in any case
//	Targets []string `config:"BP_GO_TARGETS,list"`   // separated by commas, colons or white space
//	Scripts []string `config:"BP_NODE_RUN_SCRIPTS,names"` // separated by commas or white space: they have colons
//	Flags   []string `config:"BP_GO_BUILD_FLAGS,argv"` // words, quoted as in a shell; $, & and their like mean nothing
//
// A value that does not parse is a fault that names the variable and the value.
func (c Config) Decode(settings any) error {
	s := reflect.ValueOf(settings).Elem()
	for i := range s.NumField() {
		tag, ok := s.Type().Field(i).Tag.Lookup("config")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(tag, ",")
		value, _, err := c.Lookup(name)
		if err != nil {
			return err
		}
		if err := assign(s.Field(i), name, kind, value); err != nil {
			return err
		}
	}
	return nil
}

func assign(field reflect.Value, name, kind, value string) error {
	switch field.Interface().(type) {
	case string:
		field.SetString(strings.TrimSpace(value))
	case bool:
		b, err := Bool(name, value)
		if err != nil {
			return err
		}
		field.SetBool(b)
	case []string:
		words, err := parseWords(name, kind, value)
		if err != nil {
			return err
		}
		field.Set(reflect.ValueOf(words))
	default:
		return fault.Internal("variable %s has a field of type %s", name, field.Type())
	}
	return nil
}

// Bool reads the value of a variable that is true or false: true false 1 0 yes no on off, in any case. Nothing is false.
func Bool(name, value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "1", "yes", "on":
		return true, nil
	case "", "false", "0", "no", "off":
		return false, nil
	}
	return false, fault.Fault{
		ID:   "variable-not-boolean",
		What: fmt.Sprintf("%s is %q, which is neither true nor false", name, value),
		Do:   "set it to true or false",
	}
}

func parseWords(name, kind, value string) ([]string, error) {
	switch kind {
	case "list":
		return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",: \t\r\n", r) }), nil
	case "names":
		return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }), nil
	case "argv":
		words, err := shell.Split(value)
		if err != nil {
			return nil, fault.Fault{ID: "variable-not-words", What: name + ": " + err.Error(), Do: "close every quote"}
		}
		return words, nil
	}
	return nil, fault.Internal("variable %s is tagged %q, want list, names or argv", name, kind)
}
