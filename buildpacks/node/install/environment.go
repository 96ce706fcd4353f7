package install

import (
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

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// passed are the variables that an install sees as the platform set them, besides those of package managers.
var passed = slices.Concat(config.Network, []string{"TMPDIR", "NODE_AUTH_TOKEN"})

// Hidden reports whether a variable is the platform's or a buildpack's. Package managers and build scripts do not see it.
func Hidden(name string) bool {
	return strings.HasPrefix(name, "CNB_") || strings.HasPrefix(name, "BP_")
}

// Unkept returns the variables that say how to reach something, and do not change what build scripts make.
func Unkept() []string {
	return slices.Concat(passed, []string{"PATH", "HOME", "PWD", "SHLVL", "NPM_CONFIG_REGISTRY", "NODE_EXTRA_CA_CERTS"})
}

// Environment returns what the package manager and build scripts see, with Node.js and the package manager first in PATH.
func (i *Installer) Environment(ctx context.Context) (config.Environment, error) {
	node, err := i.programs.Node(ctx)
	if err != nil {
		return nil, err
	}
	programs, err := i.manager(ctx)
	if err != nil {
		return nil, err
	}
	for name, file := range i.source.Settings { // where package managers look for the settings of a user
		if err := os.Symlink(file, filepath.Join(i.home, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("taking the settings of a binding: %w", err)
		}
	}
	env := maps.Clone(i.source.In.Env)
	maps.DeleteFunc(env, func(name, _ string) bool { return Hidden(name) })
	libraries, err := i.source.Debian.Install(ctx)
	if err != nil {
		return nil, err
	}
	env = libraries.In(env).With(config.Environment{
		"PATH": filepath.Join(node, "bin") + ":" + programs + ":" + libraries.In(i.source.In.Env)["PATH"], "HOME": i.home,
	}).With(i.source.Manager.Env(i.caches.Downloads, i.source.Registry)).With(i.source.Lock.Env)
	return env.ForNode(), nil
}

// manager returns the folder with the programs of the package manager, which is the app's own or is fetched.
func (i *Installer) manager(ctx context.Context) (string, error) {
	m := i.source.Manager
	if m.Own() == "" {
		return i.programs.Manager(ctx, m.Tool(), m.Release)
	}
	dir := filepath.Join(i.home, "programs")
	data, err := tree.ReadFile(filepath.Join(m.Project.Root, m.Own()))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, m.Tool().Name), data, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("preparing %s: %w", m.Tool().Title, err)
	}
	return dir, nil
}

// own returns the part of an environment that an install sees. Nothing in it changes the install except settings, and variables
// that these name ("${TOKEN}").
func (i *Installer) own(env config.Environment) (config.Environment, error) {
	names := slices.Concat(passed, []string{"PATH", "HOME", "CI", "DO_NOT_TRACK", "NODE_EXTRA_CA_CERTS"})
	names = append(slices.AppendSeq(names, maps.Values(mirrors)), i.source.Debian.Variables()...)
	files := slices.Collect(maps.Values(i.source.Settings))
	for _, name := range append(slices.Clone(settingFiles), bunSettings) {
		files = append(files, filepath.Join(i.source.Manager.Project.Root, name))
	}
	for _, file := range files {
		data, err := tree.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the settings of %s: %w", i.source.Manager.Tool().Title, err)
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
