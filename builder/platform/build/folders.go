package build

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/internal/bindings"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

// Paths inside.
const (
	buildCache   = "/cache/build"  // the folder that stays between the builds of an app
	toolsDir     = "/cache/tools"  // the folder with the tools of all apps
	variablesDir = "/platform/env" // the folder with the variables of the build
	verdicts     = "/tmp/verdicts" // the folder in which buildpacks leave why they take no part
)

// folders are the folders on the host that the phases of one build see.
type folders struct {
	dir    string // of this build alone
	caches string // of the app
	tools  string // of all apps
	locks  string // of all apps; no build sees it
}

// toolLock is the lock of a tool that is being installed. A build could hold one for ever that it can open.
func (f folders) toolLock(name string) string {
	return filepath.Join(f.locks, filepath.Base(f.tools)+"-"+name)
}

func (f folders) path(elements ...string) string {
	return filepath.Join(append([]string{f.dir}, elements...)...)
}

// prepare makes the folders, and writes the files for a build's network, resolv.conf(5) among them.
func (f folders) prepare(resolvConf []byte) error {
	if err := sandbox.Own(f.path("workspace"), f.path("layers"), f.path("tmp"), f.path("home")); err != nil {
		return err
	}
	for _, mountPoint := range []string{variablesDir, bindings.Root} {
		if err := os.MkdirAll(f.path(mountPoint), 0o755); err != nil {
			return fmt.Errorf("making the platform's folder: %w", err)
		}
	}
	if err := os.MkdirAll(f.tools, 0o755); err != nil {
		return fmt.Errorf("making a folder for tools: %w", err)
	}
	if err := os.WriteFile(f.path("hosts"), []byte("127.0.0.1 localhost strata\n"), 0o644); err != nil {
		return fmt.Errorf("writing the build's host names: %w", err)
	}
	if err := os.WriteFile(f.path("resolv.conf"), resolvConf, 0o644); err != nil {
		return fmt.Errorf("writing the build's name servers: %w", err)
	}
	return nil
}

// secrets are what a phase sees in memory (platform.md, "Platform Directory"): a killed command leaves nothing of it. They are the
// platform's variables, the only ones that buildpacks see besides the builder's, and the bindings.
func secrets(env map[string]string, bound []string) ([]sandbox.Folder, error) {
	variables := map[string]string{"BP_CACHE_DIR": buildCache}
	maps.Copy(variables, env)
	variables["BP_TOOLS_DIR"], variables[verdict.Env] = toolsDir, verdicts // no app has a say in these
	folder := sandbox.Folder{Target: variablesDir}
	for _, key := range slices.Sorted(maps.Keys(variables)) {
		if key == "" || strings.ContainsAny(key, "/\x00=") || key == "." || key == ".." {
			return nil, fault.Fault{
				ID:   "variable-name",
				What: fmt.Sprintf("%q is no name for a variable", key),
				Do:   "write it as --env NAME=value",
			}
		}
		folder.Files = append(folder.Files, sandbox.File{Path: key, Content: []byte(variables[key])})
	}
	if len(bound) == 0 {
		return []sandbox.Folder{folder}, nil
	}
	services, err := bindings.Read(bound)
	return []sandbox.Folder{folder, services}, err
}

// binds are what a phase sees of the host. Only one that installs a tool may write to the folder of tools.
func (f folders) binds(install bool) []sandbox.Bind {
	return []sandbox.Bind{
		{Source: f.path("workspace"), Target: "/workspace", Writable: true},
		{Source: f.path("layers"), Target: "/layers", Writable: true},
		{Source: f.path("tmp"), Target: "/tmp", Writable: true},
		{Source: f.path("home"), Target: "/home/cnb", Writable: true},
		{Source: f.path("platform"), Target: "/platform"},
		{Source: filepath.Join(f.caches, "build"), Target: buildCache, Writable: true},
		{Source: f.tools, Target: toolsDir, Writable: install},
		{Source: f.path("hosts"), Target: "/etc/hosts"},
	}
}

// networkBinds are what it also sees if it reaches the network. The bundle is a file on the host, "" for none.
func (f folders) networkBinds(bundle string) []sandbox.Bind {
	binds := []sandbox.Bind{{Source: f.path("resolv.conf"), Target: "/etc/resolv.conf"}}
	if bundle != "" {
		binds = append(binds, sandbox.Bind{Source: bundle, Target: builderimage.CABundle})
	}
	return binds
}
