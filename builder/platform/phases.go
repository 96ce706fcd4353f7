package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// platformAPI is the version of the platform interface that is spoken with the
// lifecycle. From 0.14 on the restorer looks for the run image under the short
// name that run.toml has, which -insecure-registry, a prefix of the full name, does not match.
const platformAPI = "0.13"

// ErrBuild is what Build returns when a buildpack ended the build; why is in the log.
var ErrBuild = errors.New("a buildpack ended the build")

// run runs the phases in order (platform.md, "Build").
func (b *build) run(ctx context.Context) error {
	insecure := b.insecure()
	phases := []struct {
		name string
		args []string
		run  func(context.Context, []string) error
	}{
		{"analyze", slices.Concat(insecure, []string{"-run-image", b.runRef.Name(), b.image.Name()}), b.withRegistry},
		{"detect", []string{"-app", "/workspace"}, b.detect},
		{"restore", slices.Concat(insecure, []string{"-cache-dir", "/cache/layers"}), b.withRegistry},
		{"build", []string{"-app", "/workspace"}, b.build},
		{"export", slices.Concat(insecure, []string{"-app", "/workspace", "-cache-dir", "/cache/layers", b.image.Name()}), b.withRegistry},
	}
	for _, phase := range phases {
		b.Phase(Phase{Name: phase.name})
		start := time.Now()
		if err := phase.run(ctx, append([]string{"/cnb/lifecycle/" + program[phase.name], "-log-level", "info"}, phase.args...)); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		b.Phase(Phase{Name: phase.name, Took: time.Since(start)})
	}
	return nil
}

// program names the lifecycle's program of each phase.
var program = map[string]string{"analyze": "analyzer", "detect": "detector", "restore": "restorer", "build": "builder", "export": "exporter"}

// insecure tells the lifecycle to reach the registries over plain HTTP: they are at the loopback address.
func (b *build) insecure() []string {
	seen, flags := map[string]bool{}, []string{}
	for _, ref := range []name.Reference{b.image, b.runRef} {
		if registry := ref.Context().RegistryStr(); !seen[registry] {
			seen[registry] = true
			flags = append(flags, "-insecure-registry", registry)
		}
	}
	return flags
}

// withRegistry runs a phase that reads and writes images: it reaches the store and nothing else.
func (b *build) withRegistry(ctx context.Context, args []string) error {
	var output bytes.Buffer
	spec := b.spec(args, &output)
	spec.Network = sandbox.NoNetwork
	spec.Binds = b.binds(sandbox.NoNetwork, true)
	spec.Listen = b.ports()
	spec.Serve = b.registry.Serve
	err := sandbox.Run(ctx, spec)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return fmt.Errorf("the lifecycle ended with status %d: %s", exit.ExitCode(), lastLine(output.String()))
	}
	return err
}

func (b *build) ports() []int {
	seen := map[int]bool{}
	for _, ref := range []name.Reference{b.image, b.runRef} {
		_, port := hostPort(ref)
		seen[port] = true
	}
	ports := make([]int, 0, len(seen))
	for port := range seen {
		ports = append(ports, port)
	}
	sort.Ints(ports)
	return ports
}

// detect runs the detection; its output is of interest only when nothing was found.
func (b *build) detect(ctx context.Context, args []string) error {
	var output bytes.Buffer
	err := b.withNetwork(ctx, args, &output)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return fault.Fault{ID: "nothing-detected", What: "no buildpack can build " + b.App, Err: errors.New(reasons(output.String())), Do: "see the list of buildpacks in the README"}
	}
	return err
}

// build runs the buildpacks, whose words go to the user as they come.
func (b *build) build(ctx context.Context, args []string) error {
	filter := &lifecycleFilter{w: b.Log}
	err := b.withNetwork(ctx, args, filter)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return ErrBuild
	}
	return err
}

func (b *build) withNetwork(ctx context.Context, args []string, output io.Writer) error {
	spec := b.spec(args, output)
	spec.Network = b.Network
	spec.Binds = b.binds(b.Network, false)
	spec.Env = append(spec.Env, b.Proxies...)
	return sandbox.Run(ctx, spec)
}

func (b *build) spec(args []string, output io.Writer) sandbox.Spec {
	env := append([]string{}, b.builder.env...)
	env = append(env, "CNB_PLATFORM_API="+platformAPI, "HOME=/home/cnb", "CNB_NO_COLOR=true")
	return sandbox.Spec{
		Root: b.builder.root, UID: b.builder.uid, GID: b.builder.gid, Dir: "/workspace",
		Env: env, Args: args, Stdout: output, Stderr: output,
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "ERROR: ")
}

// reasons finds what each buildpack said in the output of a detection that
// failed: below "======== Output: ID@VERSION ========" it says "ID fail: why",
// or "error: why" when it could not tell.
func reasons(output string) string {
	var found []string
	id := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if header, ok := strings.CutPrefix(line, "======== Output: "); ok {
			id, _, _ = strings.Cut(header, "@")
			continue
		}
		if why, ok := strings.CutPrefix(line, id+" fail: "); ok {
			found = append(found, id+": "+why)
		} else if why, ok := strings.CutPrefix(line, "error: "); ok {
			found = append(found, id+": "+why)
		}
	}
	if len(found) == 0 {
		return "detection failed: " + strconv.Quote(lastLine(output))
	}
	return strings.Join(found, ", ")
}

// lifecycleFilter drops the lifecycle's own closing lines from a build's log:
// what the buildpack said is the reason, "ERROR: failed to build" is not.
type lifecycleFilter struct {
	w       io.Writer
	pending []byte
}

func (f *lifecycleFilter) Write(p []byte) (int, error) {
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
