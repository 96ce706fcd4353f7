package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// passed are the variables that npm gets as the platform set them, beside those that begin with NPM_ or npm_config_.
var passed = slices.Concat(config.Network, []string{"TMPDIR", "NODE_AUTH_TOKEN"})

// caBundle is where Debian, and so the build image, keeps the certificates of the authorities it trusts.
const caBundle = "/etc/ssl/certs/ca-certificates.crt"

// environment makes what the package manager and build scripts see, with Node.js and the package manager first in PATH.
func (b *builder) environment(ctx context.Context) (config.Environment, error) {
	node, err := b.tools.node(ctx, b.node)
	if err != nil {
		return nil, err
	}
	if b.scratch == "" {
		if b.scratch, err = os.MkdirTemp("", "strata-node-"); err != nil {
			return nil, fmt.Errorf("making a home for %s: %w", b.manager.title, err)
		}
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	for name, file := range b.bound { // where package managers look for the settings of a user; it ends with the build
		if err := os.Symlink(file, filepath.Join(b.scratch, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("taking the settings of a binding: %w", err)
		}
	}
	env := config.Environment{}
	for name, value := range b.Env {
		if !hidden(name) {
			env[name] = value
		}
	}
	env = env.With(config.Environment{
		"PATH": filepath.Join(node, "bin") + ":" + programs + ":" + b.Env["PATH"], "HOME": b.scratch,
	}).With(b.manager.environment(b.cache, b.Registry)).With(b.offlineEnvironment())
	if b.manager == berry && b.berryMajor() > 2 { // which does nothing else, and refuses settings that it does not know
		env["YARN_NM_MODE"] = "classic"
	}
	if b.manager == berry {
		env["YARN_NODE_LINKER"], env["YARN_CACHE_FOLDER"] = cmp.Or(b.yarn.Linker, "pnp"), "./.yarn/cache"
	}
	if b.compress != "" {
		env["YARN_COMPRESSION_LEVEL"] = b.compress
	}
	if env["NODE_EXTRA_CA_CERTS"] == "" { // Node.js has a list of authorities of its own
		bundle := caBundle
		if b.Env["SSL_CERT_FILE"] != "" {
			bundle = b.Env["SSL_CERT_FILE"]
		}
		if _, err := os.Stat(bundle); err == nil {
			env["NODE_EXTRA_CA_CERTS"] = bundle
		}
	}
	return env, nil
}

// hidden tells whether the package manager and build scripts do not see a variable: it is the platform's or a buildpack's.
func hidden(name string) bool {
	return strings.HasPrefix(name, "CNB_") || strings.HasPrefix(name, "BP_")
}

// bindings are their types and the keys that hold the settings of a user, each under its name in HOME.
var bindings = map[string][]string{"npmrc": {".npmrc"}, "yarnrc": {".yarnrc", ".yarnrc.yml"}}

// readBindings returns the files with settings that bindings hold, by name.
func readBindings(in bp.Workspace) (map[string]string, error) {
	bound := map[string]string{}
	for _, kind := range slices.Sorted(maps.Keys(bindings)) {
		binding, found, err := in.Binding(kind)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		before := len(bound)
		for _, name := range bindings[kind] {
			file := filepath.Join(binding.Path, name)
			if _, err := os.Stat(file); err == nil {
				bound[name] = file
			}
		}
		if len(bound) == before {
			return nil, fault.Fault{ID: "node-binding", What: fmt.Sprintf("binding %s of type %s has no file %s", binding.Name, kind, strings.Join(bindings[kind], " and no ")), Do: "put the settings into a file of that name"}
		}
	}
	return bound, nil
}

// programs returns the folder with the package manager's programs: of the app's own Yarn, or of one that is fetched.
func (b *builder) programs(ctx context.Context) (string, error) {
	if b.yarn.Path == "" {
		return b.tools.programs(ctx, b.manager, b.using, b.hash)
	}
	dir := filepath.Join(b.scratch, "programs")
	data, err := os.ReadFile(filepath.Join(b.Root, b.yarn.Path))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, berry.name), data, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("preparing Yarn: %w", err)
	}
	return dir, nil
}

// environment returns the settings of a package manager: what it downloads stays in a cache, it installs packages for
// development too, fetches no other release of itself and tells nobody.
func (m *manager) environment(cache, registry string) config.Environment {
	switch m {
	case pnpm:
		env := config.Environment{"CI": "true"}
		for name, value := range map[string]string{
			"store_dir": filepath.Join(cache, "store"), "cache_dir": cache, "state_dir": cache, "update_notifier": "false",
			"manage_package_manager_versions": "false", "pm_on_fail": "ignore", "verify_deps_before_run": "false",
			"enable_global_virtual_store": "false", "registry": registry,
		} {
			if value != "" {
				env["npm_config_"+name], env["pnpm_config_"+name] = value, value
			}
		}
		return env
	case yarn:
		env := config.Environment{"YARN_CACHE_FOLDER": cache, "YARN_IGNORE_PATH": "1", "YARN_PRODUCTION": "false", "npm_config_production": "false"}
		if registry != "" {
			env["YARN_REGISTRY"] = registry
		}
		return env
	case berry:
		env := config.Environment{
			"YARN_GLOBAL_FOLDER": cache, "YARN_ENABLE_TELEMETRY": "0", "YARN_IGNORE_PATH": "1", "YARN_ENABLE_PROGRESS_BARS": "false",
			"YARN_ENABLE_GLOBAL_CACHE": "false", "YARN_PNP_ENABLE_INLINING": "false", "YARN_ENABLE_INLINE_BUILDS": "true",
		}
		if registry != "" {
			env["YARN_NPM_REGISTRY_SERVER"] = registry
		}
		return env
	case bun:
		env := config.Environment{"BUN_INSTALL_CACHE_DIR": cache, "DO_NOT_TRACK": "1"}
		if registry != "" {
			env["BUN_CONFIG_REGISTRY"] = registry
		}
		return env
	}
	return config.Environment{
		"npm_config_cache": cache, "npm_config_include": "dev", "npm_config_audit": "false", "npm_config_fund": "false",
		"npm_config_update_notifier": "false", "npm_config_progress": "false", "npm_config_logs_max": "0",
	}
}

// settingVariables are how the variables begin that package managers read.
var settingVariables = []string{"NPM_", "npm_config_", "pnpm_config_", "YARN_", "BUN_"}

func isSetting(variable string) bool {
	return slices.ContainsFunc(settingVariables, func(start string) bool { return strings.HasPrefix(variable, start) })
}

// installOnly leaves out what could change an install, but for what settings name: "${TOKEN}".
func (b *builder) installOnly(env config.Environment) (config.Environment, error) {
	names := slices.Concat(passed, []string{"PATH", "HOME", "CI", "DO_NOT_TRACK", "NODE_EXTRA_CA_CERTS"})
	files := slices.Collect(maps.Values(b.bound))
	for _, name := range append(settingNames, "bunfig.toml") {
		files = append(files, filepath.Join(b.Root, name))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the settings of %s: %w", b.manager.title, err)
		}
		for _, found := range namedVariable.FindAllSubmatch(data, -1) {
			names = append(names, string(found[1]))
		}
	}
	kept := env.Only(names...)
	for name, value := range env {
		if isSetting(name) {
			kept[name] = value
		}
	}
	return kept, nil
}

// namedVariable matches a variable in a file with settings.
var namedVariable = regexp.MustCompile(`\$\{?([A-Za-z_]\w*)`)

// offline are the words of package managers when they do not reach a registry.
var offline = []string{"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ConnectionRefused"}

// addonFailed matches the line in which node-gyp names the package that it failed to compile.
var addonFailed = regexp.MustCompile(`gyp ERR! cwd .*/node_modules/(\S+)$`)

// compilerError matches a line in which a compiler or a linker says what is wrong.
var compilerError = regexp.MustCompile(`([^\s:]+:\d+:\d+: (?:fatal )?error: .*|cannot find -l[\w+.-]+)`)

// explainInstall turns a failed install, whose words are in the log already, into the line that ends the build.
func explainInstall(err error, m *manager, what string) error {
	var failed *command.Error
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	words := ""
	for _, line := range failed.Tail {
		if found := compilerError.FindString(line); found != "" && words == "" {
			words = " (" + found + ")"
		}
		if addon := addonFailed.FindStringSubmatch(line); addon != nil {
			return fault.Fault{ID: "node-gyp", What: fmt.Sprintf("%s: the addon %s does not compile%s", what, addon[1], words),
				Do: "take a release of it for this Node.js that needs no other library than those of C and C++, or another Node.js with BP_NODE_VERSION"}
		}
		for _, code := range offline {
			if strings.Contains(line, code) {
				return fault.Fault{ID: "node-offline", What: what + " did not reach the registry (" + code + ")", Do: "check the network and NPM_CONFIG_REGISTRY"}
			}
		}
	}
	return fault.Fault{ID: "node-install", What: what + " failed", Do: "see the words of " + m.title + " above"}
}
