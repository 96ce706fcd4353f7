// Package frontend is the buildpack strata/front-end: it runs the build scripts of an app that is no server on Node.js, and leaves the
// files that they make to the buildpack that serves them, or to the language of the server. Node.js and packages are there for the build
// alone, so any run image fits.
package frontend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/front-end", Detect: detect, Build: build, Install: install, Cross: true}
}

// plan is what the build of a front end decides.
type plan struct {
	node.Plan
	// template is the absolute path of a folder that may hold what a site is made of, "" if what is in it is left alone.
	template string
}

func decide(in bp.BuildContext, root string) (plan, error) {
	p, err := node.Decide(in)
	if err != nil {
		return plan{}, err
	}
	public := filepath.Join(p.Project.Dir, "public")
	if _, err := os.Stat(public); err != nil || len(p.Scripts.Run) == 0 || root != "" {
		return plan{Plan: p}, nil
	}
	return plan{p, public}, nil
}

// install installs a tool that runs here. Its name has no other architecture than this machine's, because detect tells it.
func install(ctx context.Context, in bp.InstallContext) error {
	in.Workspace = in.Here()
	return node.Install(ctx, in)
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	in.Workspace = in.Here() // files for a browser are the same for all
	_, asked, err := in.Required(assets)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if asked {
		return buildAssets(ctx, in)
	}
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	a, err := read(in.Workspace, s)
	if err != nil {
		return bp.BuildResult{}, err
	}
	d, why := decideSite(a)
	if d.Maker == "" {
		return bp.BuildResult{}, fault.Internal("detection took an app that is no front end: %s", why)
	}
	if s.Folder == "" && a.Dir != a.Project.Root {
		d.Folder = a.From()
	}
	if err := tell(ctx, in, d); err != nil {
		return bp.BuildResult{}, err
	}
	if d.AsIs {
		return bp.BuildResult{}, leaveOut(in, a.Project)
	}
	return buildSite(ctx, in, cmp.Or(s.Root, d.Root))
}

// tell tells the buildpack that serves the site what the app says about it.
func tell(ctx context.Context, in bp.BuildContext, d decision) error {
	said := layer.Env{}
	if d.Root != "" {
		in.Log.Decision("Site", d.Root, "the app's server serves it")
		said.Default("BP_WEB_SERVER_ROOT", d.Root)
	}
	if d.Folder != "" {
		said.Default("BP_NODE_PROJECT_PATH", d.Folder)
	}
	if d.PushState != "" {
		said.Default("BP_WEB_SERVER_ENABLE_PUSH_STATE", d.PushState)
	}
	if len(said) == 0 {
		return nil
	}
	_, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "site", Flags: layer.Flags{Build: true}, Key: said,
		Fill: func(_ context.Context, l *layer.Layer) error {
			l.BuildEnv = said
			return nil
		},
	})
	return err
}

// leaveOut removes from a site what is for its developers.
func leaveOut(in bp.BuildContext, p project.Project) error {
	in.Log.Bullet("no script builds the app, so its files are the site")
	for _, name := range []string{project.ManifestFile, p.Lockfile, project.ModulesDir} {
		if name == "" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(p.Dir, name)); err != nil {
			return fmt.Errorf("leaving out %s: %w", name, err)
		}
	}
	return nil
}

// buildSite runs the build scripts of a front end. Root is the folder that is served, "" if it is not known yet.
func buildSite(ctx context.Context, in bp.BuildContext, root string) (bp.BuildResult, error) {
	p, err := decide(in, root)
	if err != nil {
		return bp.BuildResult{}, err
	}
	return p.make(ctx, in)
}

// buildAssets runs the build scripts of an app whose server is in another language. The app stays as it is otherwise.
func buildAssets(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	p, err := node.Decide(in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	return plan{Plan: p}.make(ctx, in)
}

// make runs the build scripts and removes the packages from the app.
func (p plan) make(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	b, err := node.Open(ctx, in, p.Plan)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer b.Close()
	if err := p.runScripts(ctx, b); err != nil {
		return bp.BuildResult{}, err
	}
	layout := b.Layout(p.Project)
	if err := layout.Unlink(); err != nil || !p.Project.HasPackages() {
		return bp.BuildResult{}, err
	}
	bill, err := layout.Bill(ctx) // a bundle has something of the packages that are not only for development
	return bp.BuildResult{LaunchBOM: bill}, err
}

// runScripts runs the build scripts. A folder public that they leave as it was is what they make a site of, with a template of its
// page, and not the site.
func (p plan) runScripts(ctx context.Context, b *node.Builder) error {
	before, err := hash(p.template)
	if err != nil {
		return err
	}
	if _, err := b.RunScripts(ctx, nil); err != nil {
		return err
	}
	after, err := hash(p.template)
	if err != nil || p.template == "" || after != before {
		return err
	}
	if err := os.RemoveAll(p.template); err != nil {
		return fmt.Errorf("leaving out what the site was made of: %w", err)
	}
	return nil
}

// hash returns a hash of a folder, "" if there is none.
func hash(dir string) (string, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return tree.Hash(dir, nil)
}
