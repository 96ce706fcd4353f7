// Package environment is the buildpack strata/environment-variables. It sets variables of the app when it starts.
package environment

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

// Buildpack returns the buildpack strata/environment-variables.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/environment-variables", Detect: detect, Build: build, Cross: true}
}

// prefix begins each variable of the build that is for the app.
const prefix = "BPE_"

// setting is what happens to one variable of the app.
type setting struct {
	How   string `json:"how"` // DEFAULT, OVERRIDE, APPEND or PREPEND
	Value string `json:"value"`
	Delim string `json:"delim"`
}

// actions are the words that may stand between the prefix and a name.
var actions = []string{"DEFAULT", "OVERRIDE", "APPEND", "PREPEND", "DELIM"}

// valid matches the names that a shell can set.
var valid = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func asked(env config.Environment) []string {
	names := slices.Sorted(maps.Keys(env))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	names := asked(in.Env)
	if len(names) == 0 {
		return bp.Fail("no variable begins with " + prefix), nil
	}
	return bp.Pass(strings.Join(names, ", ") + " set"), nil
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	settings, err := parse(in.Env)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Heading("Environment variables")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		in.Log.Decision(name, strings.ToLower(settings[name].How), "")
	}
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: "environment", Flags: layer.Flags{Launch: true}, Key: settings,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, s := range settings {
				s.set(l.LaunchEnv, name)
			}
			return nil
		},
	})
	return bp.BuildResult{}, err
}

func (s setting) set(env layer.Env, name string) {
	switch s.How {
	case "DEFAULT":
		env.Default(name, s.Value)
	case "OVERRIDE":
		env.Override(name, s.Value)
	case "APPEND":
		env.Append(name, s.Delim, s.Value)
	case "PREPEND":
		env.Prepend(name, s.Delim, s.Value)
	}
}

// parse reads the variables of the build that are for the app.
func parse(env config.Environment) (map[string]setting, error) {
	settings, from, delims := map[string]setting{}, map[string]string{}, map[string]string{}
	for _, variable := range asked(env) {
		how, name := split(variable)
		switch {
		case !valid.MatchString(name):
			return nil, fault.Fault{
				ID:   "environment-name",
				What: fmt.Sprintf("%s is for the app's variable %q, which is no name", variable, name),
				Do:   "name it by letters, digits and underscores, like BPE_DEFAULT_PORT",
			}
		case strings.HasPrefix(name, "CNB_"):
			return nil, fault.Fault{
				ID:   "environment-reserved",
				What: fmt.Sprintf("%s is for %s, which belongs to the platform", variable, name),
				Do:   "choose a name that does not begin with CNB_",
			}
		case how == "DELIM":
			delims[name] = variable
			continue
		}
		if other, twice := from[name]; twice {
			return nil, fault.Fault{
				ID:   "environment-twice",
				What: fmt.Sprintf("%s and %s both say what the app's %s is", other, variable, name),
				Do:   "set one of them",
			}
		}
		from[name], settings[name] = variable, setting{How: how, Value: env[variable]}
	}
	for _, name := range slices.Sorted(maps.Keys(delims)) {
		s, variable := settings[name], delims[name]
		if s.How != "APPEND" && s.How != "PREPEND" {
			return nil, fault.Fault{
				ID:   "environment-delim",
				What: fmt.Sprintf("%s has nothing to stand between", variable),
				Do:   fmt.Sprintf("set BPE_APPEND_%s or BPE_PREPEND_%s too, or remove it", name, name),
			}
		}
		s.Delim = env[variable]
		settings[name] = s
	}
	return settings, nil
}

// split cuts the name of a variable of the build into what it does and the name of the app's variable.
func split(variable string) (how, name string) {
	rest := strings.TrimPrefix(variable, prefix)
	if first, after, found := strings.Cut(rest, "_"); found && slices.Contains(actions, first) {
		return first, after
	}
	return "OVERRIDE", rest
}
