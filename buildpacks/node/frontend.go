package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// site is the name in the build plan of the files that a front end is, which another buildpack serves.
const site = "site"

// FrontEnd is the buildpack strata/front-end: it runs the build scripts of an app that is no server, and leaves the files
// that they make to the buildpack that serves them. Node.js and packages are there for the build alone, so any run image fits.
func FrontEnd() bp.Buildpack {
	return bp.Buildpack{ID: "strata/front-end", Detect: detectFrontEnd, Build: buildFrontEnd, Install: Install}
}

func detectFrontEnd(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.DetectResult{}, err
	}
	// What is wrong with the app is strata/node's to say.
	d := decision{settings: s}
	if _, err := os.Stat(filepath.Join(in.AppDir, s.ProjectPath, project.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
		return bp.Fail("no package.json"), nil
	}
	var err error
	if d.Project, err = project.Find(in.AppDir, s.ProjectPath); err != nil {
		return bp.Fail(err.Error()), nil
	}
	tool, why := d.frontEnd(in)
	if tool == "" {
		return bp.Fail(why), nil
	}
	return bp.Pass("built by "+tool, bp.Plan{Provides: []string{"node", site}, Requires: []bp.Entry{bp.Tools("node", wanted(in)...)}}), nil
}

// frontEnd returns which package makes the app's files, or "" and why the app is no front end.
func (d decision) frontEnd(in bp.DetectContext) (tool, why string) {
	processes, err := procfile.Read(in.AppDir)
	if err != nil {
		return "", err.Error()
	}
	if slices.ContainsFunc(processes, func(p procfile.Process) bool { return p.Type == "web" }) {
		return "", "the Procfile starts a server"
	}
	build := d.buildScript()
	if build == "" {
		return "", "no build script"
	}
	own := framework.Of(d.Manifest.Has)
	for _, f := range own {
		if e := f.Exports; e != nil && e.Config != "" && configured(d.Dir, e) {
			return e.Title, ""
		}
	}
	if start := d.command("start"); start != "" {
		if !framework.Develops(start) {
			return "", "the script start starts a server"
		}
	} else if d.Manifest.Main != "" {
		return "", "main is " + d.Manifest.Main
	}
	for _, name := range []string{"server.js", "index.js"} {
		if _, err := os.Stat(filepath.Join(d.Dir, name)); err == nil {
			return "", name + " found"
		}
	}
	for _, f := range own {
		if e := f.Exports; e != nil && e.Config == "" && e.Matches.MatchString(build) {
			return e.Title, ""
		}
	}
	if name := framework.Made(d.Manifest.Has, framework.Server); name != "" {
		return "", "the app has " + name
	}
	if name := framework.Made(d.Manifest.Has, framework.Site); name != "" {
		return name, ""
	}
	return "", "no package that makes files for browsers"
}

// buildScript returns the commands of the build scripts, a line each.
func (d decision) buildScript() string {
	var commands []string
	for _, name := range d.Scripts {
		if command := d.Manifest.Scripts[name]; command != "" {
			commands = append(commands, command)
		}
	}
	return strings.Join(commands, "\n")
}

// configured reports whether the configuration of a framework in a folder says that an app is files for a browser.
func configured(dir string, e *framework.Export) bool {
	for _, extension := range []string{".js", ".mjs", ".cjs", ".ts", ".mts"} {
		if data, err := os.ReadFile(filepath.Join(dir, e.Config+extension)); err == nil && e.Matches.Match(data) {
			return true
		}
	}
	return false
}

// runners run scripts of package.json.
var runners = []string{"npm", "pnpm", "yarn", "bun"}

// command returns what a script starts, without variables before it and, where that is another script, what that one starts.
func (d decision) command(name string, seen ...string) string {
	words := strings.Fields(d.Manifest.Scripts[name])
	for len(words) > 0 && (words[0] == "cross-env" || words[0] == "env" || strings.Contains(words[0], "=")) {
		words = words[1:]
	}
	seen = append(seen, name)
	if len(words) == 3 && words[1] == "run" && slices.Contains(runners, words[0]) && d.Manifest.Scripts[words[2]] != "" && !slices.Contains(seen, words[2]) {
		return d.command(words[2], seen...)
	}
	return strings.Join(words, " ")
}

func buildFrontEnd(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	b, err := begin(ctx, in, true)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer func() { _ = os.RemoveAll(b.scratch) }() // below the temporary folder, which ends with the build
	if err := b.runFrontEnd(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.layout.Unlink(); err != nil {
		return bp.BuildResult{}, err
	}
	if !b.HasPackages() {
		return bp.BuildResult{}, nil
	}
	bill, err := b.layout.Bill(ctx) // a bundle has something of what is not only for development
	return bp.BuildResult{LaunchBOM: bill}, err
}

// runFrontEnd runs the build scripts. A folder public that they leave as it was is what they make a site of, with a template of its
// page, and not the site.
func (b *builder) runFrontEnd(ctx context.Context) error {
	public := filepath.Join(b.Dir, "public")
	if _, err := os.Stat(public); err != nil || len(b.scripts.Run) == 0 || b.Env["BP_WEB_SERVER_ROOT"] != "" {
		_, err := b.runScripts(ctx)
		return err
	}
	before, err := tree.Hash(public, nil)
	if err != nil {
		return err
	}
	if _, err := b.runScripts(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(public); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if after, err := tree.Hash(public, nil); err != nil || after != before {
		return err
	}
	if err := os.RemoveAll(public); err != nil {
		return fmt.Errorf("leaving out what the site was made of: %w", err)
	}
	return nil
}
