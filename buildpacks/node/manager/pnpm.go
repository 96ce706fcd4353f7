package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

var pnpmTool = Tool{
	ID: "pnpm", Name: "pnpm", Title: "pnpm", Update: "pnpm install", Example: "pnpm@10.12.1", Program: "pnpm", Headers: headers,
	lockfiles: []string{"pnpm-lock.yaml"}, open: openPnpm,
	packages: func(version, arch string) string {
		if major(version) >= 12 { // a program for one architecture
			return "@pnpm/exe.linux-" + arch
		}
		return "pnpm"
	},
}

type pnpm struct{ *app }

// pnpmPnP matches the line in .npmrc that has pnpm write a .pnp.cjs, and put packages into no folder that Node.js finds.
var pnpmPnP = regexp.MustCompile(`(?m)^\s*node-linker\s*=\s*["']?pnp["']?\s*$`)

// openPnpm refuses Plug'n'Play, which pnpm has besides Yarn.
func openPnpm(a *app) (Manager, error) {
	settings, err := tree.ReadFile(filepath.Join(a.in.Root, ".npmrc"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	where := ".npmrc"
	if !pnpmPnP.Match(settings) {
		where = project.PnpmWorkspace
		file, err := project.ReadYAML(filepath.Join(a.in.Root, where))
		if err != nil {
			return nil, err
		}
		if file.Text("nodeLinker") != "pnp" {
			return pnpm{a}, nil
		}
	}
	return nil, fault.Fault{
		ID: "node-pnpm-pnp", What: where + " tells pnpm to use Plug'n'Play (node-linker=pnp), which this buildpack does for Yarn alone",
		Do: "leave the setting out, or set it to isolated or hoisted",
	}
}

func (p pnpm) at(string) Manager { return p }

// Args returns the arguments of a command.
func (p pnpm) Args(do Action) []string {
	return p.install(do, []string{"install", "--frozen-lockfile"}, []string{"install", "--no-frozen-lockfile"})
}

// Env returns pnpm's settings, under the names that old and new releases read.
func (p pnpm) Env(cache, registry string) config.Environment {
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
}

func (p pnpm) newest(l Locks) (version.Choice, error) {
	if p.in.Lockfile == "" {
		return p.app.newest(l)
	}
	allowed, why, err := p.reads()
	if err != nil {
		return version.Choice{}, err
	}
	return p.newestOf(l, allowed, why)
}

// pnpmFormat matches the version of the format, which stands in the first lines of a pnpm-lock.yaml.
var pnpmFormat = regexp.MustCompile(`(?m)^lockfileVersion: *['"]?([\d.]+)`)

// reads returns the releases that read the lockfile. pnpm itself says what else is wrong with it.
func (p pnpm) reads() (allowed, why string, err error) {
	data, err := p.in.ReadLockfile()
	if err != nil {
		return "", "", err
	}
	head := pnpmFormat.FindSubmatch(data)
	if head == nil {
		what := p.in.Lockfile + " has no lockfileVersion, so it is none of pnpm's"
		return "", "", fault.Fault{ID: "node-lockfile", What: what, Do: "make it again with pnpm install"}
	}
	full := string(head[1])
	why = fmt.Sprintf("%s has version %s of the format", p.in.Lockfile, full)
	switch format, _, _ := strings.Cut(full, "."); {
	case full == "5.4":
		return "^7", why, nil
	case format == "6":
		return "^8", why, nil
	case format == "9":
		return ">=9", why, nil
	}
	what := why + ", which no release of pnpm from 7 on writes"
	return "", "", fault.Fault{ID: "node-lockfile-old", What: what, Do: "renew it with pnpm install"}
}

var pnpmPackages = packages{
	name: regexp.MustCompile(`(?m)^  '?([^\s'].*?)'?:\n    resolution: `),
	hash: regexp.MustCompile(`(?m)^    resolution: .*(?:integrity: |commit: |type: directory)`),
}

// Lock finds packages without a hash.
func (p pnpm) Lock() (Lock, error) { return p.unhashed(pnpmPackages) }
