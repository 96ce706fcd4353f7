package swap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/semver"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// check refuses a base on which the app may not start. The target decides or, before Platform API 0.12, the stack.
func (a *App) check(base Base, config *v1.ConfigFile) error {
	if a.config.Config.Labels[rebasableLabel] == "false" {
		return fault.Fault{
			ID:   "rebase-refused",
			What: a.name + " says that it is not rebasable (" + rebasableLabel + ")",
			Do:   "rebuild it with `strata build`",
		}
	}
	from, to := target(a.config), target(config)
	if from.OS != to.OS || from.Architecture != to.Architecture || !matches(from.Variant, to.Variant) {
		return a.refuse(base, "platform", from.String(), to.String())
	}
	if semver.Compare("v"+a.platformAPI(), "v0.12") < 0 {
		return a.checkStack(base, config.Config.Labels)
	}
	have, want := a.config.Config.Labels, config.Config.Labels
	if want[distroName] != "" && have[distroName] != want[distroName] {
		return a.refuse(base, "distribution", have[distroName], want[distroName])
	}
	if want[distroVersion] != "" && have[distroVersion] != want[distroVersion] {
		return a.refuse(base, "distribution's version", have[distroVersion], want[distroVersion])
	}
	return nil
}

func target(config *v1.ConfigFile) v1.Platform {
	return v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
}

// matches reports whether two values are equal, or one of them is not given.
func matches(a, b string) bool { return a == "" || b == "" || a == b }

// checkStack compares the stack's id and its mixins, which came before targets.
func (a *App) checkStack(base Base, labels map[string]string) error {
	from, to := a.config.Config.Labels[stackIDLabel], labels[stackIDLabel]
	if from == "" || from != to {
		return a.refuse(base, "stack", from, to)
	}
	have, err := mixins(base.Ref.String(), labels)
	if err != nil {
		return err
	}
	need, err := mixins(a.name, a.config.Config.Labels)
	if err != nil {
		return err
	}
	var missing []string
	for _, mixin := range need {
		if !slices.Contains(have, mixin) {
			missing = append(missing, mixin)
		}
	}
	if len(missing) > 0 {
		return fault.Fault{
			ID:   "rebase-refused",
			What: fmt.Sprintf("%s needs the mixins %s, which %s lacks", a.name, strings.Join(missing, ", "), base.Ref),
			Do:   remedy,
		}
	}
	return nil
}

// mixins reads the list of a label. It cuts the stage off to which a mixin may be limited.
func mixins(ref string, labels map[string]string) ([]string, error) {
	if labels[mixinsLabel] == "" {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(labels[mixinsLabel]), &list); err != nil {
		return nil, fault.Fault{
			ID:   "rebase-refused",
			What: ref + " has a label " + mixinsLabel + " that cannot be read",
			Err:  err,
			Do:   remedy,
		}
	}
	for i := range list {
		list[i] = strings.TrimPrefix(strings.TrimPrefix(list[i], "run:"), "build:")
	}
	return list, nil
}

const remedy = "name another run image with --run-image, or rebuild the app"

func (a *App) refuse(base Base, what, from, to string) error {
	return fault.Fault{
		ID:   "rebase-refused",
		What: fmt.Sprintf("%s was built for the %s %q, and %s is of %q", a.name, what, from, base.Ref, to),
		Do:   remedy,
	}
}

// platformAPI returns the version with which the app was exported. It is in the environment because the launcher needs it.
func (a *App) platformAPI() string {
	for _, pair := range a.config.Config.Env {
		if version, ok := strings.CutPrefix(pair, "CNB_PLATFORM_API="); ok {
			return version
		}
	}
	return "0.0"
}
