package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
)

// family matches how the variables of a buildpack begin: "BP_GO_", "BP_OCI_", "BPL_DEBUG_".
var (
	begins = regexp.MustCompile(`^BPL?_`)
	family = regexp.MustCompile(`^BPL?_[A-Z0-9]+_`)
)

// slip is how many edits may lie between a variable of no family of ours and the one that was meant: two letters that
// changed places are two.
const slip = 2

// Unread returns one warning for each variable of the environment that nothing reads although it begins as one of ours
// does, or is one of ours except for a slip, with the name of ours that is nearest to it. Others are the names of variables
// that other buildpacks read.
func (e Environment) Unread(ours, others []string) []string {
	families := map[string]bool{}
	for _, name := range ours {
		families[family.FindString(name)] = true
	}
	delete(families, "") // such as PORT
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if !begins.MatchString(name) || declares(ours, name) || declares(others, name) {
			continue
		}
		near := spelling.Nearest(name, ours)
		if !families[family.FindString(name)] && (near == "" || spelling.Distance(name, near) > slip) {
			continue
		}
		warning := fmt.Sprintf("%s is set but nothing reads it", name)
		if near != "" {
			warning += fmt.Sprintf("; did you mean %s?", near)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// declares reports whether a variable is among declared names, in which <…> at the end stands for anything:
// "BP_DEPENDENCY_MIRROR_<HOST>".
func declares(names []string, variable string) bool {
	return slices.ContainsFunc(names, func(declared string) bool {
		stem, _, open := strings.Cut(declared, "<")
		return declared == variable || open && strings.HasPrefix(variable, stem)
	})
}
