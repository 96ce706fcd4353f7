package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Variables returns the variables that the descriptor gives a build, but those that are given on the command line.
func (d Descriptor) Variables(given map[string]string) (map[string]string, error) {
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
		if reserved(v.Name) {
			return nil, fault.Fault{ID: "project-variable", What: fmt.Sprintf("%s sets %q, which is for whoever builds the app to say", d.file, v.Name),
				Do: "give it with --env, or remove it"}
		}
		variables[v.Name] = v.Value
	}
	return variables, nil
}

// reserved tells whether a variable says where a build gets its tools and packages and what it believes of them, or is
// set by the platform itself.
func reserved(name string) bool {
	upper := strings.ToUpper(name) // package managers and proxies take both
	for _, prefix := range []string{"CNB_", "GIT_", "LD_", "STRATA_"} {
		if strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	if strings.HasPrefix(upper, "BP_") && strings.HasSuffix(upper, "_UNVERIFIED_ENABLED") {
		return true
	}
	for _, prefix := range []string{"NPM_CONFIG_", "PNPM_CONFIG_", "YARN_", "BUN_CONFIG_"} {
		if key, found := strings.CutPrefix(upper, prefix); found {
			key = strings.ReplaceAll(key, "-", "_")
			return slices.ContainsFunc([]string{"REGISTRY", "PROXY", "SSL", "TLS"}, func(word string) bool { return strings.Contains(key, word) }) ||
				slices.Contains([]string{"CA", "CAFILE", "HTTPS_CA_FILE_PATH", "UNSAFE_HTTP_WHITELIST", "USERCONFIG", "GLOBALCONFIG", "RC_FILENAME"}, key)
		}
	}
	return slices.Contains([]string{
		"PATH", "HOME", "HOSTNAME", "TMPDIR", "BP_CACHE_DIR", "BP_TOOLS_DIR", "BP_INSTALL_TOOL",
		"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED",
	}, upper)
}
