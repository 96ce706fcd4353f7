package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Environment is a set of environment variables by name. Only FromProcess reads the process's own.
type Environment map[string]string

// Network are the variables that say how programs reach others and whom they trust. They change nothing that is built.
var Network = []string{
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
}

// Bundle is the file in which Debian, and so the build image, keeps the certificates of the authorities that it trusts.
const Bundle = "/etc/ssl/certs/ca-certificates.crt"

// Authorities returns the file of certificates that programs trust: that of SSL_CERT_FILE, or else Bundle.
func (e Environment) Authorities() string { return cmp.Or(e["SSL_CERT_FILE"], Bundle) }

// ForNode returns the environment with the authorities for Node.js, which has a list of its own, unless the user named some.
func (e Environment) ForNode() Environment {
	if bundle := e.Authorities(); e["NODE_EXTRA_CA_CERTS"] == "" {
		if _, err := os.Stat(bundle); err == nil {
			return e.With(Environment{"NODE_EXTRA_CA_CERTS": bundle})
		}
	}
	return e
}

// FromProcess returns the environment of this process.
func FromProcess() Environment { return FromList(os.Environ()) }

// FromList returns the environment of a list of "NAME=value" entries; a later entry wins.
func FromList(list []string) Environment {
	env := make(Environment, len(list))
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// List returns the environment as sorted "NAME=value" entries, as os/exec wants it.
func (e Environment) List() []string {
	list := make([]string, 0, len(e))
	for _, name := range slices.Sorted(maps.Keys(e)) {
		list = append(list, name+"="+e[name])
	}
	return list
}

// With returns a copy of the environment in which the variables of more replace or join those of e.
func (e Environment) With(more Environment) Environment {
	merged := maps.Clone(e)
	if merged == nil {
		merged = Environment{}
	}
	maps.Copy(merged, more)
	return merged
}

// Git returns the variables of git for a build: GIT_… and the agent of SSH as they are, but no questions are asked, the source
// may belong to another user, and settings of its repository start no program.
func (e Environment) Git() Environment {
	git := e.Only("SSH_AUTH_SOCK")
	for name, value := range e {
		if strings.HasPrefix(name, "GIT_") {
			git[name] = value
		}
	}
	git = git.With(Environment{"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"})
	return git.With(git.gitConfig([][2]string{
		{"safe.directory", "*"}, {"core.fsmonitor", "false"}, {"core.hooksPath", "/dev/null"}, {"log.showSignature", "false"},
		{"diff.ignoreSubmodules", "all"}, // whose settings name programs, too
	}))
}

// WithoutFilters returns variables of git with which it runs none of the filters that settings of these names have.
func (e Environment) WithoutFilters(settings []string) Environment {
	var values [][2]string
	for _, name := range settings {
		value := ""
		if strings.HasSuffix(name, ".required") {
			value = "false"
		}
		values = append(values, [2]string{name, value})
	}
	return e.gitConfig(values)
}

// gitConfig returns the variables with which git has more settings.
func (e Environment) gitConfig(settings [][2]string) Environment {
	n, err := strconv.Atoi(e["GIT_CONFIG_COUNT"])
	if err != nil {
		n = 0 // there are none, as git sees it
	}
	more := Environment{"GIT_CONFIG_COUNT": strconv.Itoa(n + len(settings))}
	for i, s := range settings {
		more[fmt.Sprintf("GIT_CONFIG_KEY_%d", n+i)], more[fmt.Sprintf("GIT_CONFIG_VALUE_%d", n+i)] = s[0], s[1]
	}
	return more
}

// Only returns a copy of the environment with the named variables alone, as far as they are set.
func (e Environment) Only(names ...string) Environment {
	kept := Environment{}
	for _, name := range names {
		if value, ok := e[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
