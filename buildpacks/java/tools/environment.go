package tools

import (
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// own returns the variables of the user that build tools see. HOSTNAME is another one in each container.
func own(env config.Environment) config.Environment {
	seen := maps.Clone(env)
	maps.DeleteFunc(seen, func(name, _ string) bool {
		for _, prefix := range []string{"CNB_", "BP_", "BPL_", "BPE_", "STRATA_"} {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return name == "HOSTNAME"
	})
	return seen
}

// ofMachine matches variables that differ by machines and logins, and change nothing that is built.
var ofMachine = regexp.MustCompile(`^(PATH|HOME|PWD|SHLVL|TMPDIR|SSH_AUTH_SOCK|SSH_AGENT_PID|.*(TOKEN|PASSWORD|SECRET).*)$`)

// lasting returns a hash of the user's variables that may change what is built.
func lasting(env config.Environment) string {
	seen := own(env)
	maps.DeleteFunc(seen, func(name, _ string) bool { return slices.Contains(config.Network, name) || ofMachine.MatchString(name) })
	return digest(strings.Join(seen.List(), "\n"))
}

// call returns a call of a build tool, with the environment that all have: a HOME of its own, the JDK, and options of Java in a variable.
func (b *builder) call(program, variable string, args []string) command.Command {
	all := slices.Concat([]string{"-Duser.home=" + b.home}, b.Options, proxyOptions(b.Env))
	if strings.HasPrefix(b.release.version, "4.") && variable == "MAVEN_OPTS" { // its script reads the variable as a shell does
		for i, option := range all {
			all[i] = "'" + strings.ReplaceAll(option, "'", `'\''`) + "'"
		}
	}
	if user := b.Env[variable]; user != "" {
		all = append(all, user)
	}
	path := filepath.Join(b.home, "bin") + ":" + filepath.Join(b.JavaHome, "bin") + ":" + b.Env["PATH"]
	env := own(b.Env).ForNode().With(b.Env.Git()).With(config.Environment{
		"HOME": b.home, "PATH": path, "JAVA_HOME": b.JavaHome,
		variable: strings.Join(all, " "), "LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": "315532801", "MAVEN_SKIP_RC": "1",
	})
	return command.Command{Path: program, Args: args, Dir: b.AppDir, Env: env.List(), Log: b.Log}
}

// proxy is a proxy for the addresses of a scheme.
type proxy struct {
	scheme, host, port, user, password string
}

// proxies returns the proxies that the variables of the network name. Java does not read them.
func proxies(env config.Environment) (all []proxy) {
	for _, scheme := range []string{"http", "https"} {
		name := strings.ToUpper(scheme) + "_PROXY"
		text := env[name]
		if text == "" {
			text = env[strings.ToLower(name)]
		}
		if text != "" && !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			continue // the platform says what is wrong with it
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443"}[u.Scheme]
		}
		if port == "" {
			port = "80"
		}
		password, _ := u.User.Password()
		all = append(all, proxy{scheme, u.Hostname(), port, u.User.Username(), password})
	}
	return all
}

// noProxy returns the hosts that no proxy is asked for, as Java has them.
func noProxy(env config.Environment) string {
	text := env["NO_PROXY"]
	if text == "" {
		text = env["no_proxy"]
	}
	hosts := []string{"localhost", "127.*", "[::1]"}
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" || strings.ContainsAny(one, "|/ ") {
			continue // a network is nothing that Java knows here
		}
		if strings.HasPrefix(one, ".") {
			one = "*" + one
		}
		if !slices.Contains(hosts, one) {
			hosts = append(hosts, one)
		}
	}
	return strings.Join(hosts, "|")
}

// proxyOptions returns the options by which Java knows of proxies. They have no passwords: everybody on the machine can read them.
func proxyOptions(env config.Environment) (options []string) {
	for _, p := range proxies(env) {
		options = append(options, "-D"+p.scheme+".proxyHost="+p.host, "-D"+p.scheme+".proxyPort="+p.port)
	}
	if len(options) > 0 {
		options = append(options, "-Dhttp.nonProxyHosts="+noProxy(env))
	}
	return options
}
