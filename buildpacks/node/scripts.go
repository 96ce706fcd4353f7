package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// chooseScripts decides on the scripts to run: the install's, then the build's, which are those that were named or the
// default ones that there are.
func (d *decision) chooseScripts(named bool) (err error) {
	if d.scripts, d.idle, err = d.hooks(); err != nil {
		return err
	}
	if !named && d.manifest.Scripts[herokuBuild] != "" {
		d.Scripts = []string{herokuBuild}
	}
	for _, name := range d.Scripts {
		found, err := d.buildScripts(name)
		if err != nil {
			return err
		}
		if len(found) == 0 && named {
			return fault.Fault{ID: "node-script-missing", What: fmt.Sprintf("BP_NODE_RUN_SCRIPTS names %q, which package.json does not have", name), Do: "name one of its scripts"}
		}
		d.scripts = append(d.scripts, found...)
	}
	return nil
}

// herokuBuild is the script that Heroku runs instead of build.
const herokuBuild = "heroku-postbuild"

// buildScripts returns the scripts of a name that make the project: its own after those of the workspaces that it depends
// on, as Turborepo and Nx order them, or, where it has none, the root's, which may know how to make it.
func (d decision) buildScripts(name string) ([]script, error) {
	if d.manifest.Scripts[name] == "" {
		if command := d.base.Scripts[name]; command != "" {
			return []script{{Dir: ".", Name: name, Command: command}}, nil
		}
		return nil, nil
	}
	dirs, err := d.needed()
	if err != nil {
		return nil, err
	}
	var found []script
	for _, dir := range dirs {
		if dir == "." && d.project != d.root {
			continue
		}
		m, err := readManifest(filepath.Join(d.root, dir))
		if err != nil {
			return nil, err
		}
		if command := m.Scripts[name]; command != "" {
			found = append(found, script{Dir: dir, Name: name, Command: command})
		}
	}
	return found, nil
}

// builtKey is everything that the app after its build scripts depends on.
type builtKey struct {
	Modules modulesKey
	Source  string
	Scripts []script
	Env     []string
}

// environmental are variables that say how to reach something and change nothing that is built.
var environmental = append([]string{"PATH", "HOME", "PWD", "SHLVL", "NPM_CONFIG_REGISTRY", "NODE_EXTRA_CA_CERTS"}, passed...)

// runScripts runs the build scripts with all packages in place, or takes what they made of the same source before.
func (b *builder) runScripts(ctx context.Context) error {
	if len(b.scripts) == 0 {
		return nil
	}
	source, err := hashTree(b.AppDir)
	if err != nil {
		return err
	}
	env := maps.Clone(b.Env)
	maps.DeleteFunc(env, func(name, _ string) bool { return hidden(name) || slices.Contains(environmental, name) })
	name, err := digest(builtKey{b.key, source, b.scripts, env.List()})
	if err != nil {
		return err
	}
	kept := filepath.Join(b.built, name)
	b.changes = kept + ".packages"
	if _, err := os.Stat(kept); err == nil {
		b.Log.Bullet("Build scripts: nothing changed, so what they made is taken")
		if err := removeContent(b.AppDir); err != nil {
			return err
		}
		return os.CopyFS(b.AppDir, os.DirFS(kept))
	}
	full, err := b.environment(ctx)
	if err != nil {
		return err
	}
	if b.wantsStandalone() {
		full[standaloneVariable] = "true"
	}
	install := ""
	if b.hasPackages() {
		if install, err = b.installed(ctx); err != nil {
			return err
		}
		if err := b.lendPackages(install); err != nil {
			return err
		}
	}
	if err := b.lendCaches(); err != nil {
		return err
	}
	for _, script := range b.scripts {
		done := b.Log.Phase("Running script %s", script)
		if err := command.Run(ctx, command.Command{Path: b.manager.name, Args: []string{"run", script.Name}, Dir: filepath.Join(b.root, script.Dir), Env: full.List(), Log: b.Log}); err != nil {
			return explainScript(err, script)
		}
		done()
	}
	return b.keep(install, kept)
}

// lendPackages puts all packages into the app for the build scripts. They are copied and not linked to: bundlers follow a
// link, and take packages that are elsewhere for files outside the app.
func (b *builder) lendPackages(dir string) error {
	if b.pnp {
		return b.link(dir)
	}
	for _, folder := range b.modulesFolders() {
		from, to := filepath.Join(dir, folder), filepath.Join(b.root, folder)
		err := os.RemoveAll(to)
		if _, statErr := os.Stat(from); err == nil && statErr == nil {
			err = os.CopyFS(to, os.DirFS(from))
		}
		if err != nil {
			return fmt.Errorf("giving the build scripts the packages: %w", err)
		}
	}
	return nil
}

func explainScript(err error, s script) error {
	if failed := new(command.Error); !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	do := "see its words above"
	if s.Hook {
		do += ", or set BP_NODE_INSTALL_SCRIPTS_ENABLED=false if the app does not need it"
	}
	return fault.Fault{ID: "node-script", What: "the script " + s.String() + " failed", Do: do}
}

// keep puts copies of the app and of what changed in its packages into the cache, which holds those of one build.
func (b *builder) keep(install, kept string) error {
	if err := removeContent(b.built); err != nil {
		return err
	}
	if err := b.keepChanges(install, b.changes); err != nil {
		return err
	}
	if err := b.link(""); err != nil {
		return err
	}
	if err := b.keepCaches(); err != nil {
		return err
	}
	partial := kept + ".partial"
	if err := os.CopyFS(partial, os.DirFS(b.AppDir)); err != nil {
		return fmt.Errorf("keeping what the build scripts made: %w", err)
	}
	return os.Rename(partial, kept)
}

// hashTree returns a hash of the names, kinds, modes and contents of all files below a folder.
func hashTree(dir string) (string, error) {
	all := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(all, "%s\x00%s\x00%d\x00", name, info.Mode(), info.Size())
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(filepath.Join(dir, name))
			fmt.Fprintf(all, "%s\x00", target)
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(all, f)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the app: %w", err)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}
