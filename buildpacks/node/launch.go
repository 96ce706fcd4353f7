package node

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// findProgram finds the file of the program that the script start calls, or else start:prod.
func (b *builder) findProgram(ctx context.Context, modules string) error {
	err := b.findFile(ctx, modules)
	switch {
	case !isDev(err) || b.start.script == startProduction:
		return err
	case b.Manifest.Scripts[startProduction] == "" && framework.ServerOf(b.Manifest.Has) != "":
		b.start = start{}
		return nil
	case b.Manifest.Scripts[startProduction] == "":
		return err
	}
	if b.start, err = b.startScript(startProduction, nil); err != nil {
		return err
	}
	return b.findFile(ctx, modules)
}

// findFile finds the file of the program that starts the app, in the packages that the app asks for.
func (b *builder) findFile(ctx context.Context, modules string) error {
	words := b.start.program
	if words == nil {
		return nil
	}
	dir, err := b.installed(ctx)
	if err != nil {
		return err
	}
	if b.pnp {
		return b.findPnP(dir, modules)
	}
	all := maps.Clone(b.Manifest.Dev)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b.Manifest.Optional)
	maps.Copy(all, b.Manifest.Dependencies)
	from := b.From()
	t := tree{root: dir, app: b.Root}
	missing := notFound(b.start.script, strings.Join(words, " "))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at, err := t.resolve(from, name)
		if err != nil {
			return err
		}
		if at == "" {
			continue // it is optional, and not for this machine
		}
		p, err := t.read(at)
		if err != nil {
			return err
		}
		file := p.program(words[0])
		if file == "" {
			continue
		}
		if b.Manifest.OnlyDev(name) {
			missing = onlyDev(b.start.script, words[0])
			continue
		}
		found, err := filepath.Rel(from, at)
		b.start.arguments = append([]string{path.Join(found, file)}, words[1:]...)
		return err
	}
	return missing
}

// variables makes the layer with the variables that are set where the app starts. Port and host hold where the platform
// says nothing.
func (b *builder) variables(ctx context.Context) error {
	variables, err := b.launchEnv()
	if err != nil || len(variables) == 0 {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		process, variable := path.Split(name)
		b.Log.Decision("Sets", variable+"="+variables[name], strings.TrimSuffix(process, "/"))
	}
	_, err = b.Layers.Contribute(ctx, layer.Request{
		Name: "start", Flags: layer.Flags{Launch: true}, Key: variables,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, value := range variables {
				if variable := path.Base(name); variable == "PORT" || variable == "HOST" {
					l.LaunchEnv.Default(name, value)
				} else {
					l.LaunchEnv.Override(name, value)
				}
			}
			return nil
		},
	})
	return err
}

// processes returns the process web, by the script start, the main file, server.js or index.js.
func (b *builder) processes(program string) (bp.BuildResult, error) {
	if b.start.elsewhere {
		return bp.BuildResult{Processes: b.reloading(), Unmet: b.unmet()}, nil
	}
	arguments, why := b.start.arguments, "script "+b.start.script
	if arguments == nil {
		main, err := b.mainFile()
		if err != nil {
			return bp.BuildResult{}, err
		}
		arguments, why = []string{main}, "main file"
	}
	if b.start.script == "" && b.start.arguments != nil {
		why = "made by the build"
	}
	b.Log.Decision("Starts", strings.Join(append([]string{filepath.Base(program)}, arguments...), " "), why)
	if b.pnp && b.HasPackages() {
		arguments = append(b.pnpArguments(), arguments...)
	}
	process := bp.Process{Type: "web", Command: append([]string{program}, arguments...), Default: true}
	if b.Dir != b.AppDir {
		process.WorkingDir = b.Dir
	}
	return bp.BuildResult{Processes: b.reloading(process), Unmet: b.unmet()}, nil
}

// reloading adds to the processes what BP_LIVE_RELOAD_ENABLED asks for.
func (b *builder) reloading(list ...bp.Process) []bp.Process {
	if !b.Reload {
		return list
	}
	return launchhelper.Reload(b.BuildContext, list, b.AppDir)
}

// mainFile returns the file that main names, as Node.js finds it, or else server.js or index.js.
func (d decision) mainFile() (string, error) {
	main := d.Manifest.Main
	if main != "" && !filepath.IsLocal(main) {
		return "", startFault(fmt.Sprintf("main is %q, which is outside the app", main), "name a file of the app")
	}
	if pattern := framework.ServerOf(d.Manifest.Has); pattern != "" {
		found, err := filepath.Glob(filepath.Join(d.Dir, filepath.FromSlash(pattern)))
		if err == nil && len(found) == 1 {
			return filepath.Rel(d.Dir, found[0])
		}
	}
	candidates := []string{"server.js", "index.js"}
	if main != "" {
		candidates = []string{main, main + ".js", filepath.Join(main, "index.js")}
	}
	for _, name := range candidates {
		if info, err := os.Stat(filepath.Join(d.Dir, name)); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	if main != "" {
		return "", startFault(fmt.Sprintf("main is %q, which is not a file", main), "name a file that is there after the build")
	}
	return "", startFault("there is no script start, no main, no server.js and no index.js", d.buildHint("add a script start such as node server.js"))
}

// buildHint returns what to do about an app that starts nothing: it may be a site whose build script has another name.
func (d decision) buildHint(do string) string {
	for _, name := range slices.Sorted(maps.Keys(d.Manifest.Scripts)) {
		if strings.Contains(name, "build") && len(d.scripts.Run) == 0 && framework.Made(d.Manifest.Has, framework.Site) != "" {
			return do + ", or set BP_NODE_RUN_SCRIPTS=" + name + " if it is a site"
		}
	}
	return do
}

// appFolders returns where the app has links to its packages, relative to the app's folder.
func (b *builder) appFolders() []string {
	var folders []string
	for _, folder := range b.Folders() {
		folders = append(folders, strings.TrimPrefix(filepath.Join(b.Root, folder), b.AppDir+"/"))
	}
	return folders
}

// linkProduction links the app to the layer of packages, "" if it has none.
func (b *builder) linkProduction(ctx context.Context, modules string) error {
	if !b.pnp || modules == "" {
		return b.link(modules)
	}
	install, err := b.productionPnP(ctx)
	if err != nil {
		return err
	}
	return b.linkPnP(install, modules)
}

// link puts links to the folders of packages where Node.js looks for them; without packages it removes them.
func (b *builder) link(modules string) error {
	if b.pnp {
		return b.linkPnP(modules, modules)
	}
	for _, folder := range b.Folders() {
		at := filepath.Join(b.Root, folder)
		err := os.RemoveAll(at)
		if err == nil && modules != "" {
			err = os.Symlink(filepath.Join(modules, folder), at)
		}
		if err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	return nil
}
