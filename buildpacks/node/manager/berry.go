package manager

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

var berryTool = Tool{
	ID: "berry", Name: "yarn", Title: "Yarn", Update: "yarn install", Example: "yarn@4.9.2", Headers: headers,
	Leaves:   []string{".yarn/cache", ".yarn/install-state.gz"},
	packages: func(string, string) string { return "@yarnpkg/cli-dist" }, open: newBerry,
}

// berry is Yarn from version 2 on.
type berry struct {
	*app
	settings berrySettings
	format   int    // version of the lockfile's format; 0 without one
	release  string // of the program that is run
}

// berrySettings are what is read of .yarnrc.yml.
type berrySettings struct {
	Path   string // yarnPath
	Linker string // nodeLinker
}

// newBerry reads how Yarn lays out packages, and which Yarn the app brings along.
func newBerry(a *app) (Manager, error) {
	settings, err := project.ReadYAML(filepath.Join(a.in.Root, ".yarnrc.yml"))
	if err != nil {
		return nil, err
	}
	b := berry{app: a, settings: berrySettings{Path: settings.Text("yarnPath"), Linker: settings.Text("nodeLinker")}}
	switch b.settings.Linker {
	case "", "pnp", "node-modules", "pnpm":
	default:
		return nil, fault.Fault{
			ID: "node-linker", What: fmt.Sprintf(".yarnrc.yml has nodeLinker: %s, which is none of Yarn's", b.settings.Linker),
			Do: "set nodeLinker to node-modules, pnpm or pnp and run yarn install",
		}
	}
	if own := b.settings.Path; own != "" {
		if _, err := os.Stat(filepath.Join(a.in.Root, own)); !filepath.IsLocal(own) || err != nil {
			return nil, fault.Fault{
				ID: "node-yarn-path", What: fmt.Sprintf("yarnPath of .yarnrc.yml is %q, which is not a file of the app", own),
				Do: "check the file in, or remove the line and set packageManager",
			}
		}
	}
	data, err := a.in.ReadLockfile()
	if err != nil {
		return nil, err
	}
	b.format, err = berryFormat(data)
	return b, err
}

var berryMetadata = regexp.MustCompile(`(?m)^__metadata:\r?\n\s+version: "?([0-9]{1,4})`)

// berryFormat returns the version of a lockfile's format, 0 for one of Yarn 1.
func berryFormat(lockfile []byte) (int, error) {
	head := berryMetadata.FindSubmatch(lockfile)
	if head == nil {
		return 0, nil
	}
	return strconv.Atoi(string(head[1]))
}

func (b berry) at(version string) Manager {
	b.release = version
	return b
}

// major is the major version. The name of the app's own file may not tell it; then the lockfile does.
func (b berry) major() uint64 {
	if found := major(b.release); found > 0 {
		return found
	}
	switch {
	case b.format >= 8:
		return 4
	case b.format >= 5:
		return 3
	}
	return 2
}

// Args returns the arguments of a command. Yarn knows of dependencies that packages do not declare, so from version 4 on it takes
// away itself what is for development; older ones have no command for it without a plugin.
func (b berry) Args(do Action) []string {
	if do == Production && b.major() >= 4 {
		return []string{"workspaces", "focus", "--production"}
	}
	return b.install(do, []string{"install", "--immutable"}, []string{"install", "--no-immutable"})
}

// Env returns Yarn's settings. Yarn refuses settings that it does not know.
func (b berry) Env(cache, registry string) config.Environment {
	env := config.Environment{
		"YARN_GLOBAL_FOLDER": cache, "YARN_ENABLE_TELEMETRY": "0", "YARN_IGNORE_PATH": "1", "YARN_ENABLE_PROGRESS_BARS": "false",
		"YARN_ENABLE_GLOBAL_CACHE": "false", "YARN_PNP_ENABLE_INLINING": "false", "YARN_ENABLE_INLINE_BUILDS": "true",
		"YARN_NODE_LINKER": cmp.Or(b.settings.Linker, "pnp"), "YARN_CACHE_FOLDER": "./.yarn/cache",
	}
	if registry != "" {
		env["YARN_NPM_REGISTRY_SERVER"] = registry
	}
	if b.major() > 2 { // which has neither
		env["YARN_NM_MODE"] = "classic"
		// Registries reset some connections of a burst of 50, and Yarn tries an interrupted handshake only once.
		env["YARN_NETWORK_CONCURRENCY"] = "8"
	}
	return env
}

// Hooks returns no prepare, which Yarn does not know.
func (b berry) Hooks(project.Manifest) []string {
	return []string{"preinstall", "install", "postinstall"}
}

// Own returns the file that yarnPath names.
func (b berry) Own() string { return b.settings.Path }

// PnP returns Yarn's script, unless nodeLinker asks for folders.
func (b berry) PnP() string {
	switch {
	case b.settings.Linker != "" && b.settings.Linker != "pnp":
		return ""
	case b.major() == 2:
		return ".pnp.js"
	}
	return ".pnp.cjs"
}

// berryFormats are the releases that write a version of the format; others would have to change the lockfile.
var berryFormats = map[int]string{4: "^2", 5: "~3.1", 6: "~3.8", 8: "~4.13", 9: "~4.14", 10: ">=4.15"}

func (b berry) newest(l Locks) (version.Choice, error) {
	if b.in.Lockfile == "" {
		return b.app.newest(l)
	}
	allowed, why, err := b.reads()
	if err != nil {
		return version.Choice{}, err
	}
	return b.newestOf(l, allowed, why)
}

func (b berry) reads() (allowed, why string, err error) {
	why = fmt.Sprintf("%s has version %d of the format", b.in.Lockfile, b.format)
	switch allowed := berryFormats[b.format]; {
	case allowed != "":
		return allowed, why, nil
	case b.format > 10:
		return ">=4", why, nil
	}
	what := why + ", which no release of Yarn from 2.4 on writes"
	return "", "", fault.Fault{ID: "node-lockfile-old", What: what, Do: "renew it with yarn install"}
}

var berryPackages = packages{
	name: regexp.MustCompile(`(?m)^  resolution: "([^"]+)"`),
	hash: regexp.MustCompile(`(?m)^  (?:checksum: |linkType: soft)`), // that one is a folder of the app
}

// Lock finds packages without a hash, and how Yarn has to compress archives so that its key is that of the checksums.
func (b berry) Lock() (Lock, error) {
	lock, err := b.unhashed(berryPackages)
	if err != nil {
		return Lock{}, err
	}
	data, err := b.in.ReadLockfile()
	if err != nil {
		return Lock{}, err
	}
	compress, err := b.compression(unixLines(data))
	if compress != "" {
		lock.Env = config.Environment{"YARN_COMPRESSION_LEVEL": compress}
	}
	return lock, err
}

// cacheKeys are how the keys of checksums begin, by Yarn's major version. How Yarn compresses archives follows, as in 10c0, or
// nothing for mixed. Yarn compares a checksum that has its own key, and takes whatever comes for one that has another.
var cacheKeys = map[uint64]string{2: "7", 3: "8", 4: "10"}

// checksumKey matches the key of a checksum, or the one of all that name none.
var checksumKey = regexp.MustCompile(`(?m)^  (?:cacheKey: (\S+)|checksum: (?:([^/\s]+)/)?)`)

// compression returns how archives are compressed by the keys of checksums, "" without checksums. Keys of another Yarn are a fault.
func (b berry) compression(lockfile []byte) (string, error) {
	compress, own := "", cmp.Or(cacheKeys[b.major()], cacheKeys[4])
	all := "" // the key of those that name none
	for _, found := range checksumKey.FindAllSubmatch(lockfile, -1) {
		key := cmp.Or(string(found[1])+string(found[2]), all)
		all = cmp.Or(all, key)
		level, ours := strings.CutPrefix(key, own)
		if !ours || key != all || level != "" && !strings.HasPrefix(level, "c") {
			if strings.HasPrefix(all, own) {
				own = all
			}
			what := "yarn.lock has checksums with the key %q, and Yarn %s compares only those with its own, %q"
			return "", fault.Fault{ID: "node-checksums", What: fmt.Sprintf(what, key, b.release, own), Do: "renew it with yarn install"}
		}
		compress = cmp.Or(strings.TrimPrefix(level, "c"), "mixed")
	}
	return compress, nil
}
