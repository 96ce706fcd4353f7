package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
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
	err = b.Seeds(b.yarn.Path, func(name string, data []byte, mode fs.FileMode) error {
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
		vendored, err = hashModules(b.Project)
	}
	return modulesKey{
		Recipe: recipe, Node: b.node.Version, Manager: b.manager.name + "@" + b.using.Version,
		Packages: hex.EncodeToString(read.Sum(nil)), Project: b.Dir,
		Target: [4]string{b.Target.OS, b.Target.Arch, b.Target.Variant, b.Target.Distro}, Compiler: version,
		Vendored: vendored,
	}, err
}

// layerKey is everything that the layer of packages depends on with what scripts changed in them.
type layerKey struct {
	modulesKey
	LeaveOut []string `json:"leaveOut"`
	Changes  string   `json:"changes,omitempty"` // hash of them
}

func (b *builder) layerKey(changes string) (layerKey, error) {
	key := layerKey{modulesKey: b.key, LeaveOut: b.LeaveOut}
	if changes == "" {
		return key, nil
	}
	if _, err := os.Stat(changes); errors.Is(err, fs.ErrNotExist) {
		return key, nil // there are none
	}
	var err error
	key.Changes, err = tree.Hash(changes, nil)
	return key, err
}

// tracedKey is everything that the layer of a standalone server's modules depends on.
type tracedKey struct {
	Recipe int               `json:"recipe"`
	Port   string            `json:"port"`
	Nitro  bool              `json:"nitro,omitempty"` // they are laid out anew
	Traced map[string]string `json:"traced"`          // hashes of the modules, by folder
}

// hashModules returns hashes of the folders of packages that an app has itself.
func hashModules(p project.Project) (map[string]string, error) {
	sums := map[string]string{}
	for _, folder := range layout.Own(p) {
		var err error
		if sums[folder], err = tree.Hash(filepath.Join(p.Root, folder), nil); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// digest names what is kept of a key.
func digest(key any) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// modules makes the layer of packages and returns its path, "" if the app has none. Changes is the folder of what scripts changed in
// them.
func (b *builder) modules(ctx context.Context, made made, changes string) (string, error) {
	if !b.HasPackages() {
		return "", nil
	}
	request := layer.Request{Name: "modules", Flags: layer.Flags{Launch: true}}
	if server := made.server; server != nil {
		traced, err := hashModules(server.Project)
		if err != nil {
			return "", err
		}
		request.Key = tracedKey{recipe, server.Port, server.Made.Anew, traced}
		request.Fill = func(ctx context.Context, l *layer.Layer) error { return b.fillTraced(ctx, l, server) }
	} else {
		key, err := b.layerKey(changes)
		if err != nil {
			return "", err
		}
		request.Key = key
		request.Fill = func(ctx context.Context, l *layer.Layer) (err error) {
			l.SBOM, err = b.layout.Fill(ctx, l.Path, changes)
			return err
		}
	}
	l, err := b.Layers.Contribute(ctx, request)
	if err != nil {
		return "", err
	}
	return l.Path, nil
}

// fillTraced makes the layer of packages of those files that a standalone server loads.
func (b *builder) fillTraced(ctx context.Context, l *layer.Layer, server *start.Server) (err error) {
	for name, value := range server.Made.Env {
		l.LaunchEnv.Override(name, value)
	}
	if server.Port != "" {
		l.LaunchEnv.Default("PORT", server.Port)
	}
	l.SBOM, err = b.trees(server.Project).FillTraced(ctx, l.Path, server.Made.Anew)
	return err
}

// layoutOf returns the layout of the packages of a project.
func (b *builder) layoutOf(p project.Project) layout.Layout {
	if b.pnp {
		script := ".pnp.cjs"
		if b.berryMajor() == 2 {
			script = ".pnp.js"
		}
		return layout.PnP{Project: p, Packages: b.packages(), Script: script}
	}
	return b.trees(p)
}

func (b *builder) trees(p project.Project) layout.Trees {
	return layout.Trees{Project: p, Packages: b.packages(), Arch: b.arch, LeaveOut: b.LeaveOut, Log: b.Log}
}

// packages are what the package manager installs. Yarn from 4 on knows of dependencies that packages do not declare, so it takes
// away what is for development itself.
func (b *builder) packages() layout.Packages {
	packages := layout.Packages{All: b.installed}
	if b.focuses() {
		packages.Production = b.focused
	}
	return packages
}

// focused returns a folder from which Yarn took away what is only for development.
func (b *builder) focused(ctx context.Context, keep bool) (string, error) {
	dir, err := b.installed(ctx)
	if err != nil {
		return "", err
	}
	if !keep {
		if _, err := b.environment(ctx); err != nil { // it makes the folder for what is not kept
			return "", err
		}
		to := filepath.Join(b.scratch, "production")
		return to, b.focus(ctx, dir, to)
	}
	focused := dir + ".production"
	if _, err := os.Stat(focused); err == nil {
		return focused, nil
	}
	partial := dir + ".partial"
	if err := b.focus(ctx, dir, partial); err != nil {
		return "", err
	}
	return focused, os.Rename(partial, focused)
}

// focus makes a copy of an install from which Yarn takes away what is only for development. Yarn 3 has no command for it
// without a plugin.
func (b *builder) focus(ctx context.Context, dir, to string) error {
	arguments := []string{"workspaces", "focus", "--production"}
	if b.Dir != b.Root {
		arguments = append(arguments, b.Manifest.Name)
	}
	err := b.runManager(ctx, to, arguments, func() error {
		if err := os.RemoveAll(to); err != nil {
			return fmt.Errorf("removing an interrupted install: %w", err)
		}
		if err := tree.Copy(dir, to); err != nil {
			return fmt.Errorf("copying the packages: %w", err)
		}
		return layout.LinkMembers(b.Project, to, to) // as Yarn left them: it follows the links
	})
	if err != nil {
		return err
	}
	return layout.LinkMembers(b.Project, to, b.Root)
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
	case b.Lockfile == "":
		arguments = b.manager.loose
	}
	err = b.runManager(ctx, partial, arguments, func() error {
		if err := tree.Empty(b.full); err != nil {
			return err
		}
		err := b.Seeds(b.yarn.Path, func(name string, data []byte, mode fs.FileMode) error { return writeSeed(partial, name, data, mode) })
		if err != nil || !b.Vendored {
			return err
		}
		return layout.Take(b.Project, partial)
	})
	if err != nil {
		return "", err
	}
	if err := b.refuseInjected(partial); err != nil {
		return "", err
	}
	// There is no folder when nothing is for this machine.
	if err := os.MkdirAll(filepath.Join(partial, project.ModulesDir), 0o755); err != nil {
		return "", fmt.Errorf("installing packages: %w", err)
	}
	if err := layout.LinkMembers(b.Project, partial, b.Root); err != nil {
		return "", err
	}
	return dir, os.Rename(partial, dir)
}

// refuseInjected stops where pnpm copied a workspace, whose code is not there at the install.
func (b *builder) refuseInjected(dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, project.ModulesDir, ".pnpm"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at what pnpm installed: %w", err)
	}
	for _, entry := range entries {
		_, at, _ := strings.Cut(entry.Name(), "@file+")
		at, _, _ = strings.Cut(at, "_") // peers
		for _, member := range b.Members {
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
