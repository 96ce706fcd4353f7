package java

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// recipe changes when the same inputs give other layers of this package.
const recipe = 1

// build is a build of an app.
type build struct {
	bp.BuildContext
	plan plan
	jdks *installer
}

// Build builds the app, makes its layers and that of the runtime, and says how it is started.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	p, err := decide(in.Workspace)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b := build{BuildContext: in, plan: p}
	if err := b.describe(); err != nil {
		return bp.BuildResult{}, err
	}
	cache, err := in.Cache(ctx, "java-tools")
	if err != nil {
		return bp.BuildResult{}, err
	}
	if b.jdks, err = newInstaller(in.Workspace, cache); err != nil {
		return bp.BuildResult{}, err
	}
	start, err := b.app(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.check(start); err != nil {
		return bp.BuildResult{}, err
	}
	runtime, err := b.runtime(ctx, start)
	if err != nil {
		return bp.BuildResult{}, err
	}
	draws, err := b.desktop(ctx, start, runtime)
	if err != nil {
		return bp.BuildResult{}, err
	}
	start.Options = append(draws, start.Options...)
	return b.launch(ctx, start)
}

// describe prints the decisions.
func (b build) describe() error {
	b.Log.Decision("Java", b.plan.java.Version, b.plan.java.Reason)
	if b.plan.java.Aged != "" {
		b.Log.Warn("Java %d: %s", b.plan.java.Major(), b.plan.java.Aged)
	}
	if b.plan.java.Vendor() {
		b.Log.Warn("Java %s is a vendor's archive: a newer one patches it, and no package of Debian", b.plan.java.Version)
	}
	return tools.Describe(b.Workspace, b.plan.lock, b.plan.project)
}

// app makes the layers of the app: those of the build before, if nothing has changed.
func (b build) app(ctx context.Context) (artifact.Start, error) {
	inputs, err := b.inputs()
	if err != nil {
		return artifact.Start{}, err
	}
	request := artifact.Request{
		Java: b.plan.java.Major(), Inputs: inputs, Keep: b.plan.keep, Lock: b.plan.lock, Setting: tools.MirrorVariable,
		OnDisk: b.plan.archive != "", Ready: b.plan.project.File == "",
		Central: func() (string, error) { return tools.Central(b.Workspace) },
		JDK:     b.plan.java.Folder(), Compile: b.javac,
	}
	if !b.plan.project.Moving { // else the same source may be another app
		start, found, err := artifact.Before(ctx, b.BuildContext, request)
		if found || err != nil {
			return start, err
		}
	}
	var made []string
	if b.plan.project.File != "" {
		if made, err = b.compile(ctx); err != nil {
			return artifact.Start{}, err
		}
	}
	which := b.plan.artifact
	if which.Artifact == "" {
		if which.Artifact, err = named(b.AppDir); err != nil {
			return artifact.Start{}, err
		}
	}
	a, err := artifact.Find(b.AppDir, made, which)
	if err != nil {
		return artifact.Start{}, err
	}
	start, err := artifact.Place(ctx, b.BuildContext, a, request)
	return start, errors.Join(err, a.Close())
}

// javac compiles a file of ours.
func (b build) javac(ctx context.Context, args ...string) error {
	home, err := b.jdks.home(ctx, b.plan.java.JDK)
	if err != nil {
		return err
	}
	err = command.Run(ctx, command.Command{
		Path: filepath.Join(home, "bin", "javac"), Args: args, Dir: os.TempDir(), Env: config.Environment{"LC_ALL": "C.UTF-8"}.List(), Log: b.Log,
	})
	if err != nil && ctx.Err() == nil {
		return fault.Internal("compiling the launcher of WARs: %v", err)
	}
	return err
}

// compile builds the app with its build tool, which trusts whom the build trusts.
func (b build) compile(ctx context.Context) ([]string, error) {
	home, err := b.jdks.home(ctx, b.plan.java.JDK)
	if err != nil {
		return nil, err
	}
	dir, remove, err := command.Home()
	if err != nil {
		return nil, err
	}
	defer remove()
	options, err := jdk.Trust(b.Workspace, dir)
	if err != nil {
		return nil, err
	}
	return tools.Run(ctx, b.BuildContext, b.plan.project, tools.Request{Lock: b.plan.lock, JavaHome: home, Options: options})
}

// inputs returns a hash of all that the app's layers depend on.
func (b build) inputs() (string, error) {
	source, err := tools.Source(b.AppDir, b.plan.project)
	if err != nil {
		return "", err
	}
	how, err := tools.Key(b.Workspace, b.plan.lock, b.plan.project)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		source, how, b.plan.java.Folder(), b.plan.artifact.Artifact, b.plan.artifact.ContextPath,
	}, "\x00")))
	return hex.EncodeToString(sum[:]), nil
}

// check refuses an app that is compiled for a newer Java.
func (b build) check(start artifact.Start) error {
	if start.Needs.Java <= b.plan.java.Major() {
		return nil
	}
	return fault.Fault{
		ID: "java-too-old", Do: fmt.Sprintf("ask for Java %d in %s, or compile it for an older one", start.Needs.Java, jdk.VersionVariable),
		What: fmt.Sprintf("%s is compiled for Java %d, and this build has %s", start.Needs.From, start.Needs.Java, b.plan.java.Version),
	}
}
