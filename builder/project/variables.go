package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Variables returns the variables that the descriptor gives a build, except those that are given on the command line. What
// the registries reserve, and what is the platform's own, is an error.
func (d Descriptor) Variables(given map[string]string, from registries.List) (map[string]string, error) {
	variables := map[string]string{}
	for _, v := range d.env {
		if v.Name == "" || len(v.Name) > 255 || strings.ContainsAny(v.Name, "/\x00=") || v.Name == "." || v.Name == ".." {
			return nil, d.wrong("has %q, which is no name for a variable", v.Name)
		}
		if strings.Contains(v.Value, "\x00") {
			return nil, d.wrong("has a NUL in the value of %q", v.Name)
		}
		if _, found := given[v.Name]; found {
			continue
		}
		if len(from) == 0 {
			return nil, fault.Fault{
				ID:   "project-builder",
				What: fmt.Sprintf("%s sets %q, and the builder does not say which variables are not for an app to set", d.file, v.Name),
				Do:   "make the builder again with `strata builder create`, or give the variable with --env",
			}
		}
		if reserved(v.Name) || from.Reserves(v.Name) {
			return nil, fault.Fault{
				ID:   "project-variable",
				What: fmt.Sprintf("%s sets %q, which is for whoever builds the app to say", d.file, v.Name),
				Do:   "give it with --env, or remove it",
			}
		}
		variables[v.Name] = v.Value
	}
	return variables, nil
}

// reserved reports whether a variable is the platform's own, or says what a build believes of what it gets from elsewhere.
func reserved(name string) bool {
	upper := strings.ToUpper(name) // proxies are set in both
	for _, prefix := range []string{"CNB_", "GIT_", "LD_", "STRATA_", "BP_DEPENDENCY_MIRROR"} {
		if strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	if strings.HasPrefix(upper, "BP_") && strings.HasSuffix(upper, "_UNVERIFIED_ENABLED") {
		return true
	}
	return slices.Contains([]string{
		"PATH", "HOME", "HOSTNAME", "TMPDIR", "BP_CACHE_DIR", "BP_TOOLS_DIR", "BP_INSTALL_TOOL", "BP_REPLACE_RUNTIME", "BP_VERDICTS_DIR",
		"BP_RUN_IMAGE_CHOSEN",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK",
	}, upper)
}
