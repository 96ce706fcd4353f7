package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/project"
	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// aptFolder is where apt is told of Debian's mirrors.
const aptFolder = "/etc/apt"

// bakedEnv is what a builder keeps of the machine that it is made on, so that a
// build needs no more than the builder: where packages come from.
func bakedEnv(ctx context.Context, from registries.List) (map[string]string, error) {
	env, err := from.ForBuilder(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	mirrors, err := assemble.MirrorVariables(os.Getenv, aptFolder)
	maps.Copy(env, mirrors)
	return env, err
}

// buildEnv is the variables of a build: the machine's registries, what the app asks for, then what the
// user asks for. Neither apt nor a package manager that takes its time is asked: the builder knows.
func buildEnv(ctx context.Context, from registries.List, app project.Descriptor, flags []string) (map[string]string, error) {
	env, err := from.ForBuild(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	for _, name := range deb.Variables {
		if addresses := os.Getenv(name); addresses != "" {
			env[name] = addresses
		}
	}
	pairs, err := givenEnv(flags)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		given[key] = value
	}
	asked, err := app.Variables(given, from)
	if err != nil {
		return nil, err
	}
	maps.Copy(env, asked)
	maps.Copy(env, given)
	return env, nil
}

// givenEnv returns the variables of --env as NAME=value. One without a value has the value that it has here.
func givenEnv(flags []string) ([]string, error) {
	var pairs []string
	for _, flag := range flags {
		key, _, valued := strings.Cut(flag, "=")
		if key == "" || strings.ContainsRune(flag, 0) {
			return nil, fault.Fault{
				ID:   "variable-name",
				What: fmt.Sprintf("--env %q names no variable", flag),
				Do:   "write it as --env NAME=value",
			}
		}
		if !valued {
			value, found := os.LookupEnv(key)
			if !found {
				return nil, fault.Fault{
					ID:   "variable-unset",
					What: fmt.Sprintf("--env %s names a variable that is not set here", key),
					Do:   "set it, or write --env " + key + "=value",
				}
			}
			flag = key + "=" + value
		}
		pairs = append(pairs, flag)
	}
	return pairs, nil
}

// cacheLimits returns what bounds the caches of all apps.
func cacheLimits(getenv func(string) string) (home.Limits, error) {
	limits := home.DefaultLimits
	bytes, found, err := gigabytes(getenv, "STRATA_CACHES_GB", "how large the caches of all apps may be together")
	if found {
		limits.Bytes = bytes
	}
	return limits, err
}

// unpackLimit returns how many bytes the files of an image may take that is started, zero for what is usual.
func unpackLimit(getenv func(string) string) (int64, error) {
	bytes, _, err := gigabytes(getenv, run.UnpackedVariable, "how much space the files of an image may take")
	return bytes, err
}

// gigabytes reads a variable that says how large something may be.
func gigabytes(getenv func(string) string, variable, what string) (bytes int64, found bool, err error) {
	text := getenv(variable)
	if text == "" {
		return 0, false, nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(number >= 0 && number < 1e6) {
		return 0, false, fault.Fault{
			ID:   "gigabytes",
			What: fmt.Sprintf("%s is %q, which is no number of gigabytes", variable, text),
			Do:   "set it to " + what + ", such as 20",
		}
	}
	return int64(number * 1e9), true, nil
}

// proxies returns the proxy variables that are set, as NAME=value.
func proxies() []string {
	var set []string
	for _, key := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(key); value != "" {
			set = append(set, key+"="+value)
		}
	}
	return set
}

// hostCABundle finds the authorities that this machine trusts, a company's own
// among them: a build has to reach what the machine reaches. Empty when there is none.
func hostCABundle() string {
	for _, path := range []string{
		os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
