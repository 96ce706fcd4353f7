package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// modulesKey is everything that the layer of packages depends on.
type modulesKey struct {
	Recipe   int       `json:"recipe"`
	Node     string    `json:"node"`
	Manager  string    `json:"manager"`
	Packages string    `json:"packages"` // hash of what the package manager reads
	Project  string    `json:"project"`  // absolute path: links to workspaces hold it
	Target   [4]string `json:"target"`   // os, arch, variant, distro
	Compiler string    `json:"compiler"` // of addons, if there are any

	Vendored map[string]string `json:"vendored,omitempty"` // hashes of the app's own folders of packages
}

func (b *builder) modulesKey() (modulesKey, error) {
	version, err := compiler.Version(b.Target.Arch)
	if err != nil {
		return modulesKey{}, err
	}
	read := sha256.New()
	err = b.seeds(func(name string, data []byte, mode fs.FileMode) error {
		fmt.Fprintf(read, "%s\x00%s\x00%d\x00", name, mode, len(data))
		read.Write(data)
		return nil
	})
	if err != nil {
		return modulesKey{}, err
	}
	settings, err := b.settings()
	if err != nil {
		return modulesKey{}, err
	}
	for _, setting := range settings {
		fmt.Fprintf(read, "%s\x00", setting)
	}
	var vendored map[string]string
	if b.Vendored {
		vendored, err = b.hashModules()
	}
	return modulesKey{
		Recipe: recipe, Node: b.node.Version, Manager: b.manager.name + "@" + b.using.Version,
		Packages: hex.EncodeToString(read.Sum(nil)), Project: b.project,
		Target: [4]string{b.Target.OS, b.Target.Arch, b.Target.Variant, b.Target.Distro}, Compiler: version,
		Vendored: vendored,
	}, err
}

// unkeyed matches settings that say whom to ask and who asks, or are of this machine: they change nothing in what comes, and no key may hold
// a secret.
var unkeyed = regexp.MustCompile(`(?i)auth|token|passw|secret|user|email|cert|key|registry|proxy|cafile|cache|folder|server|//`)

// settings are the variables and the lines of bindings that change what the package manager installs.
func (b *builder) settings() ([]string, error) {
	var list []string
	for name, value := range b.Env {
		if isSetting(name) {
			list = append(list, name+"="+value)
		}
	}
	for name, file := range b.bound {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the settings of a binding: %w", err)
		}
		for line := range strings.Lines(string(data)) {
			list = append(list, name+": "+strings.TrimSpace(line))
		}
	}
	list = slices.DeleteFunc(list, unkeyed.MatchString)
	slices.Sort(list)
	return list, nil
}

// layerKey is everything that the layer of packages depends on with what scripts changed in them.
type layerKey struct {
	modulesKey
	LeaveOut []string `json:"leaveOut"`
	Changes  string   `json:"changes,omitempty"` // hash of them
}

func (b *builder) layerKey() (layerKey, error) {
	key := layerKey{modulesKey: b.key, LeaveOut: b.slim.kinds}
	if b.changes == "" {
		return key, nil
	}
	if _, err := os.Stat(b.changes); errors.Is(err, fs.ErrNotExist) {
		return key, nil // there are none
	}
	var err error
	key.Changes, err = hashTree(b.changes)
	return key, err
}

// digest names what is kept of a key.
func digest(key any) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// settingFiles are the files and folders beside package.json and the lockfile that package managers read.
var settingFiles = []string{
	".npmrc", ".yarnrc", ".yarnrc.yml", pnpmWorkspace, ".pnpmfile.cjs", ".pnpmfile.mjs", "bunfig.toml", "patches",
	".yarn/patches", ".yarn/plugins", ".yarn/releases", ".yarn/cache",
}

// seeds calls a function with all that a package manager reads: each package.json without its scripts, the first lines of the programs
// that it names, the rest as it is.
func (b *builder) seeds(each func(name string, data []byte, mode fs.FileMode) error) error {
	for _, member := range append([]string{"."}, b.members...) {
		m, err := readManifest(filepath.Join(b.root, member))
		if err != nil {
			return err
		}
		data, err := m.installed()
		if err != nil {
			return fmt.Errorf("reading package.json: %w", err)
		}
		if err := each(path.Join(member, manifestFile), data, 0o644); err != nil {
			return err
		}
		for _, program := range m.programs() {
			name := path.Join(member, program)
			line, mode, err := interpreter(filepath.Join(b.root, filepath.FromSlash(name)))
			if errors.Is(err, fs.ErrNotExist) {
				continue // build scripts make it
			}
			if err == nil {
				err = each(name, line, mode)
			}
			if err != nil {
				return err
			}
		}
	}
	root := os.DirFS(b.root)
	for _, name := range slices.Concat([]string{b.lockfile, b.yarn.Path}, settingFiles, b.copied) {
		if name == "" {
			continue
		}
		err := fs.WalkDir(root, name, func(name string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() && (entry.Name() == modulesDir || entry.Name() == ".git") {
				return fs.SkipDir
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return each(name, data, modeOf(info))
		})
		if err != nil {
			return fmt.Errorf("reading what %s installs: %w", b.manager.title, err)
		}
	}
	return nil
}

// interpreter returns the first line of a program, "" unless it names what runs it, and its mode. Package managers link to the programs
// of workspaces only where there are such, and read no more of them.
func interpreter(file string) ([]byte, fs.FileMode, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a program of the app: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a program of the app: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		line = nil
	}
	return append(line, '\n'), modeOf(info), nil
}

// fillModules makes the layer of packages: what is installed, without what is only for development. It has a folder
// for the root and for each workspace, so that the app has a link to each whatever is in them.
func (b *builder) fillModules(ctx context.Context, l *layer.Layer) error {
	if b.pnp {
		return b.fillPnP(ctx, l)
	}
	dir, err := b.installed(ctx)
	if err != nil {
		return err
	}
	got, err := b.production(ctx, dir)
	if err != nil {
		return err
	}
	for _, folder := range b.modulesFolders() {
		err := os.MkdirAll(filepath.Join(l.Path, folder), 0o755)
		if err == nil {
			err = copyModules(l.Path, got, folder)
		}
		if err != nil {
			return fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	if len(b.slim.bytes) > 0 {
		b.Log.Bullet("Packages: what no program loads is left out: %s", b.slim)
	}
	l.SBOM = got.bill(b.subject())
	if b.changes == "" {
		return nil
	}
	return applyChanges(l.Path, b.changes, dir, got)
}

// subject is the app in a bill of materials.
func (d decision) subject() sbom.Component {
	return sbom.Component{Type: "application", Name: cmp.Or(d.manifest.Name, "app"), Version: d.manifest.Version}
}

// modulesFolders returns where packages may be, relative to the root.
func (d decision) modulesFolders() []string {
	folders := []string{modulesDir}
	for _, member := range d.members {
		folders = append(folders, path.Join(member, modulesDir))
	}
	return folders
}

// production reads what the app needs of what is installed in a folder.
func (b *builder) production(ctx context.Context, dir string) (tree, error) {
	from := b.from()
	t := tree{root: dir, app: b.root, arch: b.arch, slim: b.slim}
	if b.focuses() {
		// Yarn knows of dependencies that packages do not declare, so it takes away what is for development itself.
		if _, err := b.environment(ctx); err != nil { // it makes the folder for what is not kept
			return tree{}, err
		}
		t.root, t.everything = filepath.Join(b.scratch, "production"), true
		if err := b.focus(ctx, dir, t.root); err != nil {
			return tree{}, err
		}
	}
	return t, t.grow(from)
}

// focus makes a copy of an install from which Yarn takes away what is only for development. Yarn 3 has no command for it
// without a plugin.
func (b *builder) focus(ctx context.Context, dir, to string) error {
	arguments := []string{"workspaces", "focus", "--production"}
	if b.project != b.root {
		arguments = append(arguments, b.manifest.Name)
	}
	err := b.runManager(ctx, to, arguments, func() error {
		if err := os.RemoveAll(to); err != nil {
			return fmt.Errorf("removing an interrupted install: %w", err)
		}
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			return fmt.Errorf("copying the packages: %w", err)
		}
		return b.linkMembers(to, to) // as Yarn left them: it follows the links
	})
	if err != nil {
		return err
	}
	return b.linkMembers(to, b.root)
}

// installed returns a folder with all of the app's packages, installing them if they are not there. A folder with its
// final name is complete: it gets that name last. Only the newest is kept.
func (b *builder) installed(ctx context.Context) (string, error) {
	name, err := digest(b.key)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.full, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// It is as deep as the final folder, as some package managers write relative paths that lead out of it.
	partial := dir + ".partial"
	arguments := b.manager.locked
	switch {
	case b.Vendored:
		arguments = []string{"rebuild"} // addons, for the run image
	case b.lockfile == "":
		arguments = b.manager.loose
	}
	err = b.runManager(ctx, partial, arguments, func() error {
		if err := removeContent(b.full); err != nil {
			return err
		}
		err := b.seeds(func(name string, data []byte, mode fs.FileMode) error { return writeSeed(partial, name, data, mode) })
		if err != nil || !b.Vendored {
			return err
		}
		return b.takeModules(partial)
	})
	if err != nil {
		return "", err
	}
	if err := b.refuseInjected(partial); err != nil {
		return "", err
	}
	// There is no folder when nothing is for this machine.
	if err := os.MkdirAll(filepath.Join(partial, modulesDir), 0o755); err != nil {
		return "", fmt.Errorf("installing packages: %w", err)
	}
	if err := b.linkMembers(partial, b.root); err != nil {
		return "", err
	}
	return dir, os.Rename(partial, dir)
}

// refuseInjected stops where pnpm copied a workspace, whose code is not there at the install.
func (b *builder) refuseInjected(dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, modulesDir, ".pnpm"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at what pnpm installed: %w", err)
	}
	for _, entry := range entries {
		_, at, _ := strings.Cut(entry.Name(), "@file+")
		at, _, _ = strings.Cut(at, "_") // peers
		for _, member := range b.members {
			if at == strings.ReplaceAll(member, "/", "+") {
				return fault.Fault{ID: "node-injected", What: "pnpm is told to copy the workspace " + member + " and not to link to it", Do: "leave out injectWorkspacePackages and dependenciesMeta.*.injected, and run pnpm install"}
			}
		}
	}
	return nil
}

func writeSeed(dir, name string, data []byte, mode fs.FileMode) error {
	file := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, data, mode)
	}
	if err == nil {
		err = os.Chmod(file, mode) // whatever the umask: Yarn's checksum of a folder has it
	}
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	return nil
}

// linkMembers lets an install's links to workspaces lead to a folder: the app, where their code is.
func (b *builder) linkMembers(dir, target string) error {
	if len(b.members) == 0 {
		return nil
	}
	t := tree{root: dir, app: b.root}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() != fs.ModeSymlink {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		link, err := os.Readlink(file)
		if err != nil {
			return err
		}
		end, err := t.inside(filepath.ToSlash(name), link)
		if err != nil || end == "" || !ours(end) {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
		return os.Symlink(filepath.Join(target, end), file)
	})
	if err != nil {
		return fmt.Errorf("linking the workspaces: %w", err)
	}
	return nil
}

// passed are the variables that npm gets as the platform set them, beside those that begin with NPM_ or npm_config_.
var passed = []string{
	"TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"NODE_AUTH_TOKEN",
}

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

// readBindings returns the files with settings that bindings hold, by name. No key holds anything of them.
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
	data, err := os.ReadFile(filepath.Join(b.root, b.yarn.Path))
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
	names := append(passed, "PATH", "HOME", "CI", "DO_NOT_TRACK", "NODE_EXTRA_CA_CERTS")
	files := slices.Collect(maps.Values(b.bound))
	for _, name := range append(settingNames, "bunfig.toml") {
		files = append(files, filepath.Join(b.root, name))
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
