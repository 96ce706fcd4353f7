// Package java is the buildpack strata/java. It builds an app with the tool that the app names, or takes the jars that it has, puts what
// rarely changes and what often changes into layers of their own, and starts it on a runtime that all apps share.
package java

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/java", Detect: Detect, Build: Build, Install: Install}
}

// settings are the variables of buildpack.toml that are about the runtime and the image. The packages of the build tools and of the
// artifact read theirs.
type settings struct {
	JLink     string   `config:"BP_JVM_JLINK"`
	Modules   []string `config:"BP_JVM_MODULES,names"`
	Desktop   string   `config:"BP_JVM_DESKTOP"`
	CDS       bool     `config:"BP_JVM_CDS_ENABLED"`
	AOT       bool     `config:"BP_JVM_AOTCACHE_ENABLED"`
	KeepFiles []string `config:"BP_KEEP_FILES,list"`
}

// Install installs a JDK of Debian with its runtimes, or a build tool, for all apps.
func Install(ctx context.Context, in bp.InstallContext) error {
	known, err := lock.Read(lockFile)
	if err != nil {
		return err
	}
	if mine, err := tools.Install(ctx, in, known); mine || err != nil {
		return err
	}
	i, err := newInstaller(in.Workspace, in.Dir)
	if err != nil {
		return err
	}
	t, err := jdk.Named(in.Target.Arch, in.Tool, i.source)
	if err != nil {
		return err
	}
	_, err = tool.Install(ctx, in.Workspace, in.Dir, t)
	return err
}

// installer installs JDKs and runtimes: it takes those of all apps, or makes them in a cache.
type installer struct {
	in     bp.Workspace
	cache  string
	source jdk.Source
}

func newInstaller(in bp.Workspace, cache string) (*installer, error) {
	mirrors, err := tool.Debian(in)
	if err != nil {
		return nil, err
	}
	mirror, _, err := in.Config.Lookup(jdk.MirrorVariable)
	if err != nil {
		return nil, err
	}
	i := &installer{in: in, cache: cache}
	i.source = jdk.Source{Mirrors: mirrors, Mirror: mirror, Log: in.Log, Home: i.home}
	return i, nil
}

// home returns the folder of a JDK.
func (i *installer) home(ctx context.Context, j jdk.JDK) (string, error) {
	return i.part(ctx, j, j.Tool(i.source))
}

// runtime returns the folder of a runtime of a JDK.
func (i *installer) runtime(ctx context.Context, j jdk.JDK, r jdk.Runtime) (string, error) {
	return i.part(ctx, j, r.Tool(i.source))
}

// part returns the folder of a tool: the one in the JDK's kit, if all apps have that and it has the tool.
func (i *installer) part(ctx context.Context, j jdk.JDK, t tool.Tool) (string, error) {
	kit := j.Kit(i.source)
	found, err := tool.Cached(i.in, i.cache, kit)
	if err != nil {
		return "", err
	}
	if found {
		dir, err := tool.Install(ctx, i.in, i.cache, kit)
		if err != nil {
			return "", err
		}
		inner := filepath.Join(dir, t.Folder)
		if _, err := os.Stat(inner); !errors.Is(err, fs.ErrNotExist) {
			return inner, err
		}
	}
	return tool.Install(ctx, i.in, i.cache, t)
}
