package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/egress"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
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
	target  *target // of a phase that reads and writes images: it reaches the target's registry and no network
	install bool    // it installs a tool: it writes to the folder of tools
}

func analyze(t target) phase {
	args := slices.Concat(t.insecure(), []string{"-run-image", t.run.Name(), t.app.Name()})
	return phase{name: "analyze", program: "analyzer", args: args, target: &t}
}

var detectPhase = phase{name: "detect", program: "detector", args: []string{"-app", "/workspace", "-order", "/platform/order.toml"}}

// restore is told of no run.toml, because the run image is chosen: the restorer would look for a mirror that can be read.
func restore(t target) phase {
	args := slices.Concat(t.insecure(), []string{"-run", "/dev/null", "-cache-dir", "/cache/layers"})
	return phase{name: "restore", program: "restorer", args: args, target: &t}
}

var buildPhase = phase{name: "build", program: "builder", args: []string{"-app", "/workspace"}}

// installPhase is a build phase with a group and a plan of the platform's own.
var installPhase = phase{
	name: "install", program: "builder", install: true,
	args: []string{"-app", "/workspace", "-group", "/platform/group.toml", "-plan", "/platform/plan.toml"},
}

func export(t target, runImage []string) phase {
	args := slices.Concat(t.insecure(), runImage, []string{"-app", "/workspace", "-cache-dir", "/cache/layers", t.app.Name()})
	return phase{name: "export", program: "exporter", args: args, target: &t}
}

// lifecycle runs phases, each in a sandbox of its own.
type lifecycle struct {
	builder  *builderimage.Builder
	folders  folders
	network  sandbox.Network // of phases that run buildpacks
	gateway  *egress.Gateway // of the network default
	proxies  []string        // for them, as NAME=value
	caBundle string          // for them; a file on the host
	report   func(Phase)
}

// spec says what a phase's sandbox is to be.
func (l lifecycle) spec(p phase) sandbox.Spec {
	env := slices.Concat(l.builder.Env, []string{"CNB_PLATFORM_API=" + platformAPI, "HOME=/home/cnb", "CNB_NO_COLOR=true"})
	spec := sandbox.Spec{
		Root: l.builder.Root, UID: l.builder.UID, GID: l.builder.GID, Dir: "/workspace", Env: env,
		Args: slices.Concat([]string{"/cnb/lifecycle/" + p.program, "-log-level", "info"}, p.args),
	}
	if p.target != nil {
		spec.Network = sandbox.NoNetwork
		spec.Binds = l.folders.imageBinds()
		spec.Listen, spec.Serve = p.target.addresses(), p.target.registry.Serve
		return spec
	}
	spec.Network = l.network
	spec.Binds = l.folders.buildBinds(p.install)
	if l.network != sandbox.NoNetwork {
		spec.Binds = append(spec.Binds, l.folders.networkBinds(l.caBundle)...)
	}
	if l.network == sandbox.OwnNetwork {
		spec.Link, spec.Connect = l.gateway.Link(), l.gateway.Connect
		spec.Listen, spec.Serve = l.gateway.Listen(), l.gateway.Serve
	}
	spec.Env = append(spec.Env, l.proxies...)
	return spec
}

// run runs a phase. The error of a phase that ends with another status than 0 is an *exec.ExitError.
func (l lifecycle) run(ctx context.Context, p phase, output io.Writer) error {
	l.report(Phase{Name: p.name})
	start := time.Now()
	spec := l.spec(p)
	spec.Stdout, spec.Stderr = output, output
	if err := sandbox.Run(ctx, spec); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	l.report(Phase{Name: p.name, Took: time.Since(start)})
	return nil
}

// withImages runs a phase that reads and writes images. If it fails, its last line says why.
func (l lifecycle) withImages(ctx context.Context, p phase) error {
	var output bytes.Buffer
	err := l.run(ctx, p, &output)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		if damage := p.target.registry.Damage(); damage != nil {
			return fault.Fault{ID: "image-damaged", What: p.name + " found a damaged file of an image", Err: damage, Do: "build again"}
		}
		return fmt.Errorf("%s: the lifecycle ended with status %d: %s", p.name, exit.ExitCode(), lastLine(output.String()))
	}
	return err
}

// withBuildpacks runs a phase in which buildpacks build, and shows what they print as it comes.
func (l lifecycle) withBuildpacks(ctx context.Context, p phase, log io.Writer) error {
	err := l.run(ctx, p, &buildpackLog{w: log})
	if errors.As(err, new(*exec.ExitError)) {
		return fmt.Errorf("%s: %w", p.name, ErrBuild)
	}
	return err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "ERROR: ")
}

// buildpackLog drops the lifecycle's closing lines from a log. The buildpack has said why it failed, and "ERROR: failed to
// build" adds nothing.
type buildpackLog struct {
	w       io.Writer
	pending []byte
}

func (f *buildpackLog) Write(p []byte) (int, error) {
	f.pending = append(f.pending, p...)
	for {
		end := bytes.IndexByte(f.pending, '\n')
		if end < 0 {
			return len(p), nil
		}
		line := f.pending[:end+1]
		if !bytes.HasPrefix(line, []byte("ERROR: failed to build")) && !bytes.HasPrefix(line, []byte("Timer: ")) {
			if _, err := f.w.Write(line); err != nil {
				return 0, err
			}
		}
		f.pending = f.pending[end+1:]
	}
}
