package bp

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"
)

// variables is the name in the build plan of the warnings about variables that nothing reads. Each buildpack provides it
// and requires it of itself, so the first of a group that builds is the only one that finds it in its plan: that one warns
// for all of them, and no variable is named twice.
const variables = "strata/variables"

// withVariables returns the alternatives of a plan with the entry for variables in each.
func withVariables(plans []Plan) []Plan {
	if len(plans) == 0 {
		plans = []Plan{{}}
	}
	out := make([]Plan, 0, len(plans))
	for _, p := range plans {
		out = append(out, Plan{
			Provides: slices.Concat(p.Provides, []string{variables}),
			Requires: slices.Concat(p.Requires, []Entry{{Name: variables}}),
		})
	}
	return out
}

// warnUnread warns of each variable that is meant for a buildpack of the suite and that none reads. A builder has the
// buildpack.toml of every buildpack, ours or not, in FOLDER/ID/VERSION (Platform API, "Buildpacks Directory Layout").
func (r *runner) warnUnread(in BuildContext) error {
	if _, first, err := in.Required(variables); err != nil || !first {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(in.Buildpack.Dir, "..", "..", "*", "*", "buildpack.toml"))
	if err != nil {
		return fmt.Errorf("looking for the buildpacks of the builder: %w", err)
	}
	var ours, others []string
	for _, path := range paths {
		var file struct {
			Buildpack struct{ ID string }
			Metadata  struct {
				Configurations []struct{ Name string }
			}
		}
		if _, err := toml.DecodeFile(path, &file); err != nil {
			r.log.Debug("the variables of %s are not known: %v", path, err) // it may be a buildpack that takes no part
			continue
		}
		names := &others
		if slices.ContainsFunc(r.table, func(b Buildpack) bool { return b.ID == file.Buildpack.ID }) {
			names = &ours
		}
		for _, v := range file.Metadata.Configurations {
			*names = append(*names, v.Name)
		}
	}
	for _, warning := range r.env.Unread(ours, others) {
		r.log.Warn("%s", warning)
	}
	return nil
}
