// Package registries is what buildpacks say of the registries that their packages come from: which variables name them, how
// the machine is asked for its own, and what an app may not say of them.
package registries

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Registry is a table [[metadata.registries]] of a buildpack.toml.
type Registry struct {
	// Variables name addresses, or say how what comes from them is verified.
	Variables []string `toml:"variables"`
	// Ask is a command that prints the machine's setting of each variable, a line each and in their order. Where it is
	// missing, as a command and in the table, the environment has the settings.
	Ask []string `toml:"ask"`
	// AskEachBuild says that Ask is quick enough to be run for every build, and not for a builder alone.
	AskEachBuild bool `toml:"ask-each-build"`
	// Unset is what Ask prints in place of an address when there is none, besides an empty line.
	Unset string `toml:"unset"`
	// Missing is what Ask complains of when there is no address.
	Missing string `toml:"missing"`
	// Withheld is what Ask complains of when it does not print an address because of the login in it.
	Withheld string `toml:"withheld"`
	// Binding is the type of the binding in which a build gets a login. No address may have one: all who have the builder
	// could read it.
	Binding string `toml:"binding"`
	// Reserved matches the other variables that an app may not set.
	Reserved []Pattern `toml:"reserved"`
}

// Pattern is a regular expression that matches whole names of variables, in capitals and with _ for -: package managers
// take both.
type Pattern struct{ whole *regexp.Regexp }

// UnmarshalText parses the regular expression.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	p.whole, err = regexp.Compile("^(?:" + string(text) + ")$")
	return err
}

// List is the registries of some buildpacks.
type List []Registry

// Read returns the registries of a buildpack.toml. An error of it names the file.
func Read(file string, content []byte) (List, error) {
	wrong := func(what string, err error) (List, error) {
		return nil, fault.Fault{ID: "registries", What: file + what, Err: err, Do: "correct the file"}
	}
	var parsed struct {
		Metadata struct {
			Registries List `toml:"registries"`
		} `toml:"metadata"`
	}
	meta, err := toml.Decode(string(content), &parsed)
	if err != nil {
		return wrong(" does not say where packages come from", err)
	}
	for _, key := range meta.Undecoded() {
		if name, found := strings.CutPrefix(key.String(), "metadata.registries."); found {
			return wrong(fmt.Sprintf(": [[metadata.registries]] has the unknown key %q", name), nil)
		}
	}
	for _, one := range parsed.Metadata.Registries {
		if len(one.Variables) == 0 || one.Binding == "" {
			return wrong(": [[metadata.registries]] lacks variables or binding", nil)
		}
		for _, name := range one.Variables {
			if !capitals.MatchString(name) {
				return wrong(fmt.Sprintf(": [[metadata.registries]] has the variable %q, which is not written in capitals", name), nil)
			}
		}
	}
	return parsed.Metadata.Registries, nil
}

// capitals matches the names of variables that Reserves compares with.
var capitals = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// Reserves reports whether only who builds an app may set a variable.
func (l List) Reserves(name string) bool {
	name = strings.ReplaceAll(strings.ToUpper(name), "-", "_")
	return slices.ContainsFunc(l, func(r Registry) bool {
		return slices.Contains(r.Variables, name) || slices.ContainsFunc(r.Reserved, func(p Pattern) bool { return p.whole.MatchString(name) })
	})
}
