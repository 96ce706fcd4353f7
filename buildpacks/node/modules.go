package node

import (
	"cmp"
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
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	kittree "github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
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
		vendored, err = b.hashModules()
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

func (b *builder) layerKey() (layerKey, error) {
	key := layerKey{modulesKey: b.key, LeaveOut: b.slim.kinds}
	if b.changes == "" {
		return key, nil
	}
	if _, err := os.Stat(b.changes); errors.Is(err, fs.ErrNotExist) {
		return key, nil // there are none
	}
	var err error
	key.Changes, err = kittree.Hash(b.changes, nil)
	return key, err
}

// digest names what is kept of a key.
func digest(key any) (string, error) {
	text, err := json.Marshal(key)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
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
	for _, folder := range b.Folders() {
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
	return sbom.Component{Type: "application", Name: cmp.Or(d.Manifest.Name, "app"), Version: d.Manifest.Version}
}

// production reads what the app needs of what is installed in a folder.
func (b *builder) production(ctx context.Context, dir string) (tree, error) {
	from := b.From()
	t := tree{root: dir, app: b.Root, arch: b.arch, slim: b.slim}
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
	if b.Dir != b.Root {
		arguments = append(arguments, b.Manifest.Name)
	}
	err := b.runManager(ctx, to, arguments, func() error {
		if err := os.RemoveAll(to); err != nil {
			return fmt.Errorf("removing an interrupted install: %w", err)
		}
		if err := kittree.Copy(dir, to); err != nil {
			return fmt.Errorf("copying the packages: %w", err)
		}
		return b.linkMembers(to, to) // as Yarn left them: it follows the links
	})
	if err != nil {
		return err
	}
	return b.linkMembers(to, b.Root)
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
		if err := kittree.Empty(b.full); err != nil {
			return err
		}
		err := b.Seeds(b.yarn.Path, func(name string, data []byte, mode fs.FileMode) error { return writeSeed(partial, name, data, mode) })
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
	if err := os.MkdirAll(filepath.Join(partial, project.ModulesDir), 0o755); err != nil {
		return "", fmt.Errorf("installing packages: %w", err)
	}
	if err := b.linkMembers(partial, b.Root); err != nil {
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

// linkMembers lets an install's links to workspaces lead to a folder: the app, where their code is.
func (b *builder) linkMembers(dir, target string) error {
	if len(b.Members) == 0 {
		return nil
	}
	t := tree{root: dir, app: b.Root}
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
