package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// allowed reads the values of --network-allow.
func allowed(network sandbox.Network, flags []string) ([]egress.Rule, error) {
	if len(flags) > 0 && network != sandbox.OwnNetwork {
		return nil, fault.Fault{
			ID:   "network-allow",
			What: "--network-allow has no meaning with --network " + string(network),
			Do:   "leave one of them out",
		}
	}
	var rules []egress.Rule
	for _, flag := range flags {
		rule, err := egress.ParseRule(flag)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// configured returns what a build reaches because the machine's own configuration names it: registries, mirrors and
// proxies. An app cannot set these variables.
func configured(b *builderimage.Builder, from registries.List, env map[string]string, proxies []string) ([]egress.Rule, error) {
	settings, err := b.Settings()
	if err != nil {
		return nil, err
	}
	maps.Copy(settings, env)
	names := slices.Collect(maps.Values(deb.Variables))
	for _, one := range from {
		names = append(names, one.Variables...)
	}
	var values []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if slices.Contains(names, name) || strings.HasPrefix(name, "BP_DEPENDENCY_MIRROR") {
			values = append(values, settings[name])
		}
	}
	for _, proxy := range proxies {
		name, value, _ := strings.Cut(proxy, "=")
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		if !strings.EqualFold(name, "NO_PROXY") {
			values = append(values, value)
		}
	}
	return egress.RulesOf(values...), nil
}
