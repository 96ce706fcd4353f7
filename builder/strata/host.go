package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// goVariables tell the Go command where modules come from and how they are
// verified. A build has the values of the machine that it runs on.
var goVariables = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// goEnv reads the settings of the machine's Go command or, where there is none, the environment.
func goEnv(ctx context.Context) (map[string]string, error) {
	settings := map[string]string{}
	output, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, goVariables...)...).Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		for _, key := range goVariables {
			settings[key] = os.Getenv(key)
		}
	case err != nil:
		return nil, fmt.Errorf("reading the Go command's settings (`go env`): %w", err)
	default:
		if err := json.Unmarshal(output, &settings); err != nil {
			return nil, fmt.Errorf("reading the Go command's settings (`go env`): %w", err)
		}
	}
	for key, value := range settings {
		if value == "" {
			delete(settings, key)
		}
	}
	return settings, nil
}

// aptFolder is where apt is told of Debian's mirrors.
const aptFolder = "/etc/apt"

// npmVariable names the registry that Node.js, npm and packages come from.
const npmVariable = "NPM_CONFIG_REGISTRY"

// bakedEnv is what a builder keeps of the machine that it is made on, so that a
// build needs no more than the builder: where modules and packages come from.
func bakedEnv(ctx context.Context) (map[string]string, error) {
	env, err := goEnv(ctx)
	if err != nil {
		return nil, err
	}
	registry := os.Getenv(npmVariable)
	output, err := exec.CommandContext(ctx, "npm", "config", "get", "registry").Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
	case npmWithholds(err):
		return nil, loginFault(npmVariable, "npmrc")
	case err != nil:
		return nil, fmt.Errorf("reading npm's settings (`npm config get registry`): %w", err)
	default:
		registry = strings.TrimSpace(string(output))
	}
	if registry != "" && registry != "undefined" {
		env[npmVariable] = registry
	}
	mirrors, err := assemble.MirrorVariables(os.Getenv, aptFolder)
	if err != nil {
		return nil, err
	}
	maps.Copy(env, mirrors)
	return env, withoutLogins(env)
}

// npmWithholds tells whether npm does not say the registry's address because there is a login in it.
func npmWithholds(err error) bool {
	exit := new(exec.ExitError)
	return errors.As(err, &exit) && bytes.Contains(exit.Stderr, []byte("protected"))
}

// withoutLogins refuses addresses with a user or password: they would be in every copy of the builder.
func withoutLogins(env map[string]string) error {
	for _, variable := range []struct{ name, binding string }{{"GOPROXY", "netrc"}, {"GOSUMDB", "netrc"}, {npmVariable, "npmrc"}} {
		for address := range strings.FieldsFuncSeq(env[variable.name], func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
			if u, err := url.Parse(address); err == nil && u.User != nil {
				return loginFault(variable.name, variable.binding)
			}
		}
	}
	return nil
}

func loginFault(variable, binding string) error {
	return fault.Fault{ID: "builder-login", What: variable + " has an address with a login, which everybody who has the builder could read",
		Do: "set it without, and give the login to each build in a binding of type " + binding}
}

// buildEnv is the variables of a build: the machine's registries, what the app asks for, then what the
// user asks for. npm itself is not asked, which takes 0.3 s, nor is apt: the builder knows.
func buildEnv(ctx context.Context, app project.Descriptor, flags []string) (map[string]string, error) {
	env, err := goEnv(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range append(slices.Collect(maps.Values(deb.Variables)), npmVariable) {
		if addresses := os.Getenv(name); addresses != "" {
			env[name] = addresses
		}
	}
	given := map[string]string{}
	for _, flag := range flags {
		key, value, found := strings.Cut(flag, "=")
		if !found {
			if value, found = os.LookupEnv(key); !found {
				return nil, fault.Fault{ID: "variable-unset", What: fmt.Sprintf("--env %s names a variable that is not set here", key), Do: "set it, or write --env " + key + "=value"}
			}
		}
		given[key] = value
	}
	asked, err := app.Variables(given)
	if err != nil {
		return nil, err
	}
	maps.Copy(env, asked)
	maps.Copy(env, given)
	return env, nil
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
	for _, path := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
