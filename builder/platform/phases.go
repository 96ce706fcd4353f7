package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
)

// platformAPI is the version of the platform interface that is spoken with the
// lifecycle. It is in the app's image: pack v0.40 speaks the same, so that it makes the same image.
const platformAPI = "0.15"

// ErrBuild is what Build returns when a buildpack ended the build; why is in the log.
var ErrBuild = errors.New("a buildpack ended the build")

// run runs the phases in order (platform.md, "Build") on the first run image
// that the app can be built for.
func (b *build) run(ctx context.Context, candidates []string) error {
	if err := b.choose(ctx, candidates); err != nil {
		return err
	}
	if err := b.installTools(ctx); err != nil {
		return err
	}
	own, err := b.ownRunImage()
	if err != nil {
		return err
	}
	insecure := b.insecure()
	return b.runPhases(ctx, []phase{
		// The run image is chosen: no run.toml, of which the restorer would look for a mirror that can be read.
		{"restore", slices.Concat(insecure, []string{"-run", "/dev/null", "-cache-dir", "/cache/layers"}), b.withRegistry},
		{"build", []string{"-app", "/workspace"}, b.build},
		{"export", slices.Concat(insecure, own, []string{"-app", "/workspace", "-cache-dir", "/cache/layers", b.image.Name()}), b.withRegistry},
	})
}

// ownRunImage are the flags that make an app know the run image that it is put on, where the builder does not name it:
// the exporter would write down the builder's first, and a rebase look for that (platform.md, "run.toml").
func (b *build) ownRunImage() ([]string, error) {
	for _, text := range b.builder.run {
		if ref, err := ParseReference(text); err == nil && ref.Name() == b.runRef.Name() {
			return nil, nil
		}
	}
	content := fmt.Sprintf("[[images]]\nimage = %q\n", b.runRef.String())
	if err := os.WriteFile(b.path("platform", "run.toml"), []byte(content), 0o644); err != nil {
		return nil, fmt.Errorf("writing which run image the app is put on: %w", err)
	}
	return []string{"-run", "/platform/run.toml"}, nil
}

// phase is one program of the lifecycle, its arguments and how it is run.
type phase struct {
	name string
	args []string
	run  func(context.Context, []string) error
}

func (b *build) runPhases(ctx context.Context, phases []phase) error {
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
var program = map[string]string{"analyze": "analyzer", "detect": "detector", "install": "builder", "restore": "restorer", "build": "builder", "export": "exporter"}

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

// undetected is a detection that found no group of buildpacks for the app.
type undetected struct{ output string }

func (u *undetected) Error() string { return "nothing was detected" }

// detect runs the detection; its output is of interest only when nothing was found.
func (b *build) detect(ctx context.Context, args []string) error {
	if err := b.source(); err != nil {
		return err
	}
	var output bytes.Buffer
	err := b.withNetwork(ctx, args, &output)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return &undetected{output.String()}
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

// verdict is why a buildpack does not build the app.
type verdict struct{ id, why string }

// verdicts are what the buildpacks said, each once, in the order of their
// words. As an error it is the list of them.
type verdicts []verdict

func (v verdicts) Error() string {
	said := make([]string, 0, len(v))
	for _, one := range v {
		said = append(said, one.id+": "+one.why)
	}
	return strings.Join(said, ", ")
}

// add reads the output of a detection that failed: below "======== Output:
// ID@VERSION ========" a buildpack says "ID fail: why", or "error: why" when it
// could not tell; below "======== Error: …" the lifecycle says why it did not
// ask it. passedOver tells whether that was because of the run image; what such
// a buildpack says on another one counts instead.
func (v *verdicts) add(output, runImage string) (passedOver bool) {
	id := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if header, ok := strings.CutPrefix(line, "======== "); ok {
			_, name, _ := strings.Cut(header, ": ")
			id, _, _ = strings.Cut(name, "@")
			continue
		}
		if why, ok := strings.CutPrefix(line, id+" fail: "); ok {
			v.set(id, why)
		} else if why, ok := strings.CutPrefix(line, "error: "); ok {
			v.set(id, why)
		} else if strings.HasPrefix(line, "unable to satisfy target os/arch constraints") {
			passedOver = true
			if !v.has(id) {
				v.set(id, "does not build for "+runImage)
			}
		}
	}
	if len(*v) == 0 {
		v.set("lifecycle", strconv.Quote(lastLine(output)))
	}
	return passedOver
}

func (v *verdicts) set(id, why string) {
	if i := v.index(id); i >= 0 {
		(*v)[i].why = why
		return
	}
	*v = append(*v, verdict{id, why})
}

func (v *verdicts) has(id string) bool { return v.index(id) >= 0 }

func (v *verdicts) index(id string) int {
	return slices.IndexFunc(*v, func(one verdict) bool { return one.id == id })
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
