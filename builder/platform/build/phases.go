package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// platformAPI is the version of the platform interface. It is in the app's image: pack v0.40 speaks the same one, and so
// makes the same image.
const platformAPI = "0.15"

// ErrBuild is the error of App when a buildpack or the check of the image ended the build. The log says why.
var ErrBuild = errors.New("the log says why the build ended")

// phase is one program of the lifecycle.
type phase struct {
	name    string
	program string
	args    []string
	install bool // it installs a tool: it writes to the folder of tools
}

// What analysis and detection found lies where a build cannot write.
const (
	analyzedFile = "/platform/analyzed.toml"
	groupFile    = "/platform/group.toml"
	planFile     = "/platform/plan.toml"
)

var (
	detectPhase = phase{
		name: "detect", program: "detector",
		args: []string{"-app", "/workspace", "-order", "/platform/order.toml", "-analyzed", analyzedFile},
	}
	buildPhase   = phase{name: "build", program: "builder", args: buildArgs}
	installPhase = phase{name: "install", program: "builder", args: buildArgs, install: true}
	buildArgs    = []string{"-app", "/workspace", "-analyzed", analyzedFile, "-group", groupFile, "-plan", planFile}
)

// lifecycle runs phases, each in a sandbox of its own.
type lifecycle struct {
	builder  *builderimage.Builder
	folders  folders
	secrets  []sandbox.Folder
	network  sandbox.Network
	bounds   sandbox.Limits
	gateway  *egress.Gateway // of the network default
	proxies  []string        // as NAME=value
	caBundle string          // a file on the host
	report   func(Phase)
}

// spec says what a phase's sandbox is to be.
func (l lifecycle) spec(p phase) sandbox.Spec {
	env := []string{
		"CNB_PLATFORM_API=" + platformAPI, "HOME=/home/cnb", "CNB_NO_COLOR=true",
		// The lifecycle reads all authorities as it starts, for which these phases have no use. Buildpacks do not get the variables.
		"SSL_CERT_FILE=/dev/null", "SSL_CERT_DIR=/none",
	}
	spec := sandbox.Spec{
		Root: l.builder.Root, UID: l.builder.UID, GID: l.builder.GID, Dir: "/workspace", Env: slices.Concat(l.builder.Env, env, l.proxies),
		Args:    slices.Concat([]string{"/cnb/lifecycle/" + p.program, "-log-level", "info"}, p.args),
		Network: l.network, Binds: l.folders.binds(p.install), InMemory: l.secrets, Limits: l.bounds,
	}
	if l.network != sandbox.NoNetwork {
		spec.Binds = append(spec.Binds, l.folders.networkBinds(l.caBundle)...)
	}
	if l.network == sandbox.OwnNetwork {
		spec.Link, spec.Connect = l.gateway.Link(), l.gateway.Connect
		spec.Listen, spec.Serve = l.gateway.Listen(), l.gateway.Serve
	}
	return spec
}

// run runs a phase. The error of a phase that ends with another status than 0 is an *exec.ExitError.
func (l lifecycle) run(ctx context.Context, p phase, output *lines) error {
	spec := l.spec(p)
	spec.Stdout, spec.Stderr = output, output
	return l.timed(p.name, func() error {
		err := sandbox.Run(ctx, spec)
		if logErr := output.close(); err == nil {
			err = logErr
		}
		return err
	})
}

// timed does the work of a phase, and reports how long that took.
func (l lifecycle) timed(name string, work func() error) error {
	l.report(Phase{Name: name})
	start := time.Now()
	if err := work(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l.report(Phase{Name: name, Took: time.Since(start)})
	return nil
}

// withBuildpacks runs a phase in which buildpacks build, and shows what they print as it comes.
func (l lifecycle) withBuildpacks(ctx context.Context, p phase, log io.Writer) error {
	err := l.run(ctx, p, buildpackLog(log))
	if errors.As(err, new(*exec.ExitError)) {
		return fmt.Errorf("%s: %w", p.name, ErrBuild)
	}
	return err
}
