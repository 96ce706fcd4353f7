package tool

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// mirrorVariable is the variable that names the mirror for all hosts and, with a host at its end, that for one.
const mirrorVariable = "BP_DEPENDENCY_MIRROR"

// mirrors reads dependency mirrors as libpak v2.2.0 does: keys of bindings of type dependency-mirror are hosts or "default",
// and variables go before them.
func mirrors(in bp.Workspace) (fetch.Mirrors, error) {
	found := fetch.Mirrors{}
	for _, b := range in.Bindings("dependency-mirror") {
		for _, key := range slices.Sorted(maps.Keys(b.Secret)) {
			host := strings.ToLower(key)
			if _, twice := found[host]; twice {
				return nil, fault.Fault{ID: "mirror-twice", What: "binding " + b.Name + " has a second mirror for " + host, Do: "leave one of them"}
			}
			if err := addMirror(found, host, b.Secret[key], fmt.Sprintf("the file %s of binding %s", key, b.Name)); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		host, ok := mirrorHost(name)
		if !ok {
			continue
		}
		switch host {
		case "":
			host = fetch.DefaultHost
		case fetch.DefaultHost:
			return nil, fault.Fault{ID: "mirror-default", What: name + " names no host", Do: "set " + mirrorVariable + " for all hosts"}
		}
		delete(found, host)
		if in.Env[name] == "" {
			continue
		}
		if err := addMirror(found, host, in.Env[name], name); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// mirrorHost returns the host at the end of a variable's name, "" if it is for all hosts, and whether the variable names a
// mirror at all. In names of variables "_" stands for "." and "__" for "-".
func mirrorHost(variable string) (string, bool) {
	rest, ok := strings.CutPrefix(variable, mirrorVariable)
	if !ok || rest != "" && rest[0] != '_' {
		return "", false
	}
	return strings.ToLower(strings.NewReplacer("__", "-", "_", ".").Replace(strings.TrimPrefix(rest, "_"))), true
}

// addMirror adds what a variable or a file says. It may hold a password, so that no error has it in its words.
func addMirror(all fetch.Mirrors, host, text, where string) error {
	m, err := fetch.ParseMirror(text)
	if err != nil {
		return fault.Fault{ID: "mirror-syntax", What: where + " names no dependency mirror", Err: err,
			Do: "write it like https://mirror.example.test/{originalHost}"}
	}
	all[host] = m
	return nil
}
