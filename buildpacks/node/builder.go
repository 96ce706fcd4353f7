package node

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// recipe changes when the same inputs give other layers.
const recipe = 11 // layers say what they have of Node.js, and what they need

// toolsCache is the cache of Node.js and package managers, where they are not for all apps.
const toolsCache = "node-tools"

// Builder does what a plan says.
type Builder struct {
	bp.BuildContext
	plan      Plan
	runtime   string // node or bun, which runs the app
	tools     tools
	installer *install.Installer
	key       install.Key // of the app's packages
	built     string      // folder of apps after their build scripts, by key
	compiled  string      // what build tools keep for the next build
}

// Open prints a plan, opens the caches and removes from the app what is not its source. Close the builder at the end.
func Open(ctx context.Context, in bp.BuildContext, p Plan) (*Builder, error) {
	p.describe(in.Log, func() {})
	return open(ctx, in, p, "node")
}

func open(ctx context.Context, in bp.BuildContext, p Plan, runtime string) (*Builder, error) {
	var err error
	if p.source.Debian, err = debian.Open(ctx, in); err != nil {
		return nil, err
	}
	if p.source.Compiling, err = compiler.Asked(in.Config); err != nil {
		return nil, err
	}
	b := &Builder{BuildContext: in, plan: p, runtime: runtime}
	if err := b.leaveOut(); err != nil {
		return nil, err
	}
	if b.key, err = p.source.Key(recipe, p.node.Version); err != nil {
		return nil, err
	}
	name, err := install.Digest(b.key)
	if err != nil {
		return nil, err
	}
	b.tools = tools{in: b.Workspace, lock: p.lock, registry: p.Registry, unverified: p.Unverified, arch: p.arch}
	caches := install.Caches{Compiler: func(ctx context.Context) (string, error) { return b.Cache(ctx, "compiler") }}
	for _, cache := range []struct {
		name string
		dir  *string
	}{
		{toolsCache, &b.tools.dir}, {p.source.Manager.Tool().Name, &caches.Downloads}, {"node-modules", &caches.Installs},
		{"node-built", &b.built}, {"node-compiled", &b.compiled},
	} {
		if *cache.dir, err = b.Cache(ctx, cache.name); err != nil {
			return nil, err
		}
	}
	programs := install.Programs{Node: b.node, Manager: b.tools.programs}
	if b.installer, err = install.New(p.source, programs, caches, name); err != nil {
		return nil, err
	}
	if err := b.installer.TakeVendored(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close removes what ends with the build.
func (b *Builder) Close() { b.installer.Close() }

// node returns the folder of Node.js.
func (b *Builder) node(ctx context.Context) (string, error) { return b.tools.node(ctx, b.plan.node) }

// leaveOut removes from the app what is not its source.
func (b *Builder) leaveOut() error {
	p := b.plan.Project
	var away []string
	if !b.plan.Vendored {
		for _, folder := range p.Folders() {
			away = append(away, strings.TrimPrefix(filepath.Join(p.Root, folder), b.AppDir+"/"))
		}
	}
	for _, name := range append(away, ".git") {
		at := filepath.Join(b.AppDir, name)
		if _, err := os.Lstat(at); err != nil {
			continue
		}
		if path.Base(name) == project.ModulesDir && p.Lockfile == "" && p.HasPackages() {
			b.Log.Warn("%s of the app is left out and installed again; BP_NODE_VENDORED_ENABLED=true takes it as it is", name)
		} else {
			b.Log.Bullet("%s of the app: left out", name)
		}
		if err := os.RemoveAll(at); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// Layout returns the layout of a project's packages. The kinds of files of packages are left out of a layer.
func (b *Builder) Layout(p project.Project, leaveOut ...string) layout.Layout {
	if script := b.plan.source.Manager.PnP(); script != "" {
		return layout.PnP{Project: p, Packages: b.installer.Packages(), Script: script}
	}
	return b.trees(p, leaveOut...)
}

func (b *Builder) trees(p project.Project, leaveOut ...string) layout.Trees {
	return layout.Trees{
		Project: p, Packages: b.installer.Packages(), Arch: b.plan.arch, LeaveOut: leaveOut, Log: b.Log,
		Runtime: filepath.Join(b.Layers.Path(), b.runtime, "bin", b.runtime),
	}
}
