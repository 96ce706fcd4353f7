package bp

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
)

// variables is the name in the build plan of the warnings about variables and bindings that nothing reads. Each buildpack
// provides it and requires it of itself, so the first of a group that builds is the only one that finds it in its plan: that one
// warns for all of them, and no variable is named twice. The metadata of the entries says which bindings the group reads.
const (
	variables   = "strata/variables"
	bindingsKey = "bindings"
)

// withVariables returns the alternatives of a plan with the entry for variables in each. The buildpack reads bindings of kinds.
func withVariables(plans []Plan, kinds []string) []Plan {
	entry := Entry{Name: variables}
	if len(kinds) > 0 {
		entry.Metadata = map[string]any{bindingsKey: kinds}
	}
	if len(plans) == 0 {
		plans = []Plan{{}}
	}
	out := make([]Plan, 0, len(plans))
	for _, p := range plans {
		out = append(out, Plan{
			Provides: slices.Concat(p.Provides, []string{variables}),
			Requires: slices.Concat(p.Requires, []Entry{entry}),
		})
	}
	return out
}

// warnUnread warns of each variable that is meant for a buildpack of the suite and that none reads, and of each binding. A builder
// has the buildpack.toml of every buildpack, ours or not, in FOLDER/ID/VERSION (Platform API, "Buildpacks Directory Layout").
func (r *runner) warnUnread(in BuildContext) error {
	if _, first, err := in.Required(variables); err != nil || !first {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(in.Buildpack.Dir, "..", "..", "*", "*", "buildpack.toml"))
	if err != nil {
		return fmt.Errorf("looking for the buildpacks of the builder: %w", err)
	}
	var ours, others, kinds []string
	for _, path := range paths {
		var file struct {
			Buildpack struct{ ID string }
			Metadata  struct {
				Configurations []struct{ Name string }
				Bindings       []struct{ Type string }
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
		for _, b := range file.Metadata.Bindings {
			kinds = append(kinds, b.Type)
		}
	}
	for _, warning := range append(r.env.Unread(ours, others), unreadBindings(in.allBindings, kinds, in.readKinds())...) {
		r.log.Warn("%s", warning)
	}
	return nil
}

// readKinds returns the types of bindings that the buildpacks of the group read.
func (b BuildContext) readKinds() []string {
	var kinds []string
	for _, entry := range b.plan.Plan.Entries {
		list, _ := entry.Metadata[bindingsKey].([]any)
		for _, kind := range list {
			if text, ok := kind.(string); ok && entry.Name == variables {
				kinds = append(kinds, text)
			}
		}
	}
	return kinds
}

// unreadBindings returns one warning for each binding of a type that the suite's buildpacks of the group do not read. What those of
// other suites read is not known, as they declare no types. Kinds are the types that any buildpack of the builder declares.
func unreadBindings(all bindingList, kinds, read []string) []string {
	var warnings []string
	for _, b := range all {
		of := func(kind string) bool { return strings.EqualFold(kind, b.Type) }
		if slices.ContainsFunc(read, of) {
			continue
		}
		warning := fmt.Sprintf("binding %s has the type %s, which no buildpack of Strata reads", b.Name, b.Type)
		if slices.ContainsFunc(kinds, of) {
			warnings = append(warnings, warning+" for this app")
			continue
		}
		if near := spelling.Nearest(strings.ToLower(b.Type), kinds); near != "" {
			warning += fmt.Sprintf("; did you mean %s?", near)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// checkInput refuses what would mean nothing to any buildpack.
func (r *runner) checkInput(in BuildContext) error {
	for _, b := range in.allBindings {
		if b.Type == "" {
			return fault.Fault{
				ID:   "binding-no-type",
				What: fmt.Sprintf("binding %s has no type: its file type is missing or empty", b.Name),
				Do:   "write the type into it, such as ca-certificates, or remove the binding",
			}
		}
	}
	if level := r.env["BP_LOG_LEVEL"]; level != "" && !strings.EqualFold(level, "debug") && !strings.EqualFold(level, "info") {
		return fault.Fault{ID: "log-level", What: fmt.Sprintf("BP_LOG_LEVEL is %q, which is no level", level), Do: "set it to debug or info"}
	}
	return nil
}
