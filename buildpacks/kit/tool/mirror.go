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

// mirrorVariable names the mirror for all hosts. With a host at its end, it names the mirror for that host.
const mirrorVariable = "BP_DEPENDENCY_MIRROR"

// mirrors reads dependency mirrors as libpak v2.2.0 does. The keys of bindings of type dependency-mirror are hosts, or
// "default". A variable goes before a binding.
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

// mirrorHost returns the host in a variable's name, "" for all hosts, and whether the variable names a mirror. In the name
// "_" stands for "." and "__" for "-".
func mirrorHost(variable string) (string, bool) {
	rest, ok := strings.CutPrefix(variable, mirrorVariable)
	if !ok || rest != "" && rest[0] != '_' {
		return "", false
	}
	return strings.ToLower(strings.NewReplacer("__", "-", "_", ".").Replace(strings.TrimPrefix(rest, "_"))), true
}

// addMirror adds the mirror that a variable or a file names. Its text may hold a password, so errors do not quote it.
func addMirror(all fetch.Mirrors, host, text, where string) error {
	m, err := fetch.ParseMirror(text)
	if err != nil {
		return fault.Fault{ID: "mirror-syntax", What: where + " names no dependency mirror", Err: err,
			Do: "write it like https://mirror.example.test/{originalHost}"}
	}
	all[host] = m
	return nil
}
