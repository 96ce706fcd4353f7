// Command benchmark measures strata build side by side with the bare go command
// and ko, with the bare npm, or with the bare uv, and, where there is an engine, with pack
// and docker build. All build the same source with the same release of Go, Node.js or Python, in turns.
// It also measures what is done with a fleet of images in a registry.
// scripts/bench makes the programs that it runs. Its working folder is the checkout.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/home"
)

const (
	dir      = ".strata/bench" // everything is made in it, and made again
	runImage = "strata/run-static:13"
)

func main() {
	only := flag.String("only", strings.Join(appNames, ","), "the apps that are measured, with commas between them")
	rounds := flag.Int("n", 5, "how often each build is measured, after one that is not")
	fleet := flag.Int("fleet", 1000, "how many apps the fleet has that is rebased; 0 for none")
	engine := flag.Bool("docker", false, "with pack build and docker build, in the engine that the docker command is set up for")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *rounds, *engine, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }))
	if err == nil && *fleet > 0 {
		err = measureFleet(ctx, os.Stdout, *fleet)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, engine bool, only []string) error {
	if rounds < 1 {
		return fmt.Errorf("-n %d: measure at least once", rounds)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if len(only) == 0 {
		return nil
	}
	b, err := newBench(ctx, engine)
	if err != nil {
		return err
	}
	before := load()
	apps, err := b.apps(ctx, only)
	if err != nil {
		return err
	}
	for _, a := range apps {
		if err := b.measure(ctx, a, rounds); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	fmt.Fprintf(os.Stdout, "%d rounds, %s/%s, %d CPUs, %s; load average before %s, after %s\n\n", rounds, runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), cmp.Or(b.release, "no Go"), before, load())
	for _, alike := range byTools(apps) {
		printTimes(os.Stdout, alike)
		if b.disk.stat != "" {
			printMoved(os.Stdout, alike)
		}
		printMemory(os.Stdout, alike)
		printCPU(os.Stdout, alike)
	}
	printPhases(os.Stdout, apps)
	printTargets(os.Stdout, apps)
	if err := printSizes(os.Stdout, b.home.Store, apps); err != nil || !engine {
		return err
	}
	if err := b.printEngineSizes(ctx, os.Stdout, apps); err != nil {
		return err
	}
	return b.clean(ctx, apps)
}

// appNames are the apps that are measured. Those of one language are next to each other.
var appNames = []string{"hello", "yq", "express", "flask", "science"}

// apps makes the apps with some names, in the order of appNames.
func (b *bench) apps(ctx context.Context, names []string) (all []*app, err error) {
	for _, name := range appNames {
		if !slices.Contains(names, name) {
			continue
		}
		var a *app
		switch name {
		case "hello":
			a, err = newApp(name, "integration/testdata/go/hello", "main.go")
		case "yq":
			var source string
			if source, err = download(ctx, "github.com/mikefarah/yq/v4@v4.47.1"); err == nil {
				a, err = newApp(name, source, "yq.go")
			}
		case "express":
			a, err = b.newNodeApp(ctx, name)
		default:
			a, err = b.newPythonApp(ctx, name)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("-only %s: there are %s", strings.Join(names, ","), strings.Join(appNames, ", "))
	}
	return all, nil
}

// byTools parts apps where the tools that build them change.
func byTools(apps []*app) (parts [][]*app) {
	for len(apps) > 0 {
		end := slices.IndexFunc(apps, func(a *app) bool { return !slices.Equal(a.tools, apps[0].tools) })
		if end < 0 {
			end = len(apps)
		}
		parts, apps = append(parts, apps[:end]), apps[end:]
	}
	return parts
}

// bench is what the builds of all apps share.
type bench struct {
	dir, bin string // absolute
	home     *home.Home
	disk     disk
	engine   *engine // nil without
	base     string  // the run image in a registry that ko can read
	release  string  // the Go release that strata build uses, as "go1.2.3"; empty until it did
}

// newBench makes the images that builds need.
func newBench(ctx context.Context, engine bool) (*bench, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	b := &bench{dir: filepath.Join(root, dir), bin: filepath.Join(root, ".strata/bin")}
	if b.home, err = home.Open(filepath.Join(b.dir, "home")); err != nil {
		return nil, err
	}
	if b.disk, err = diskOf(b.dir); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"stack", "build"}, {"builder", "create"}} {
		if _, _, err := b.time(ctx, root, nil, append([]string{filepath.Join(b.bin, "strata")}, args...)...); err != nil {
			return nil, err
		}
	}
	if engine {
		if b.engine, err = b.newEngine(ctx, root); err != nil {
			return nil, err
		}
	}
	b.base, err = serve(ctx, b.home.Store, runImage)
	return b, err
}

// app is a program that is built, and what was measured.
type app struct {
	name   string
	dir    string // the source; all tools build this one folder
	file   string // the file that is edited
	edit   func(text string, round int) (string, error)
	depend func(ctx context.Context, round int) error // gives the app another dependency
	text   string                                     // the file's content as it was
	tools  []tool                                     // strata build, then the bare tool, then others
	steps  []step                                     // of each round
	limits []limit
	rounds map[step][]round // of the same round: by index
}

// round is what the tools took for one step of one round.
type round map[tool]sample

// sample is one build: how long it took, how long it had a processor, how many bytes came from the disk and reached it, and the most memory
// that the tool itself had and that any process had, in bytes.
type sample struct {
	took, cpu    time.Duration
	phases       map[string]time.Duration // of strata build
	read         int64
	written      int64
	own, largest int64
}

// step is what changed before a build.
type step string

// tool is what builds.
type tool string

const (
	first    step = "first build"
	edited   step = "one line changed"
	same     step = "nothing changed"
	depended step = "one dependency changed"

	strata tool = "strata build"
	golang tool = "go build"
	ko     tool = "ko build"
)

// newApp copies an app's source to where it can be edited.
func newApp(name, source, file string) (*app, error) {
	target, err := filepath.Abs(filepath.Join(dir, "source", name))
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(target, os.DirFS(source)); err != nil {
		return nil, fmt.Errorf("copying the source of %s: %w", name, err)
	}
	a := &app{name: name, dir: target, file: filepath.Join(target, file), edit: editGo, tools: []tool{strata, golang, ko},
		steps: []step{edited, same}, limits: goLimits, rounds: map[step][]round{}}
	text, err := os.ReadFile(a.file)
	a.text = string(text)
	return a, err
}

// editGo changes one line of a program; each round makes another program of it.
func editGo(text string, round int) (string, error) {
	before, after, found := strings.Cut(text, "func main() {\n")
	if !found {
		return "", errors.New("there is no func main")
	}
	return fmt.Sprintf("%sfunc main() {\n\tprintln(\"round %d\")\n%s", before, round, after), nil
}

// change changes the app for a step.
func (a *app) change(ctx context.Context, s step, round int) error {
	switch s {
	case edited:
		text, err := a.edit(a.text, round)
		if err != nil {
			return fmt.Errorf("%s: %w", a.file, err)
		}
		return os.WriteFile(a.file, []byte(text), 0o644)
	case depended:
		return a.depend(ctx, round)
	}
	return nil
}

// measure builds an app in all ways: once with empty caches, once to warm up,
// then in rounds. Who begins changes from round to round.
func (b *bench) measure(ctx context.Context, a *app, rounds int) error {
	if b.engine != nil {
		a.tools = append(a.tools, packing, docker)
	}
	tools := a.tools
	turn := func(s step, number int) error {
		took := round{}
		if err := a.change(ctx, s, number); err != nil {
			return err
		}
		for i := range tools {
			t := tools[(number+i)%len(tools)]
			var err error
			if took[t], err = b.sample(ctx, t, a); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s, %s, round %d, %s: %v\n", a.name, s, number, t, took[t].took)
		}
		if s == first || number > 0 {
			a.rounds[s] = append(a.rounds[s], took)
		}
		return nil
	}
	if err := turn(first, 0); err != nil {
		return err
	}
	for number := range rounds + 1 {
		for _, s := range a.steps {
			if err := turn(s, number); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample runs one tool and measures it.
func (b *bench) sample(ctx context.Context, t tool, a *app) (sample, error) {
	read, written, err := b.disk.moved()
	if err != nil {
		return sample{}, err
	}
	one, err := b.build(ctx, t, a)
	if err != nil {
		return sample{}, err
	}
	one.read, one.written, err = b.disk.moved()
	one.read -= read
	one.written -= written
	return one, err
}

// build runs one tool. Each has caches of its own; strata's are those of the
// app in its home. ko keeps what it compressed in KOCACHE and makes its SPDX SBOM.
func (b *bench) build(ctx context.Context, t tool, a *app) (sample, error) {
	if t == strata {
		took, output, err := b.time(ctx, a.dir, nil, filepath.Join(b.bin, "strata"), "build", ".", "-t", a.image())
		if err == nil {
			took.phases, err = phasesOf(output)
		}
		if found := regexp.MustCompile(`(?m)^ +Go +(\d[\d.]*) `).FindStringSubmatch(output); found != nil {
			b.release = "go" + found[1]
		} else if err == nil && a.isGo() {
			err = fmt.Errorf("strata build does not say which Go it used:\n%s", output)
		}
		return took, err
	}
	switch t {
	case npm:
		return b.bareNPM(ctx, a)
	case uv:
		return b.bareUV(ctx, a)
	}
	if t == packing || t == docker {
		return b.withEngine(ctx, t, a)
	}
	cache := filepath.Join(b.dir, strings.Fields(string(t))[0], a.name)
	env := []string{
		"CGO_ENABLED=0", "GOTOOLCHAIN=" + b.release, "GOWORK=off", "GOFLAGS=-buildvcs=false -modcacherw",
		"GOCACHE=" + filepath.Join(cache, "build"), "GOMODCACHE=" + filepath.Join(cache, "mod"),
		"GIT_CEILING_DIRECTORIES=" + b.dir, // the app's folder is in a checkout that is not the app's
		"KOCACHE=" + filepath.Join(cache, "ko"), "KO_DEFAULTBASEIMAGE=" + b.base, "KO_DOCKER_REPO=127.0.0.1/bench",
	}
	args := []string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(cache, "bin"), "."}
	if t == ko {
		args = []string{filepath.Join(b.bin, "ko"), "build", "--push=false", "--ldflags=-s -w", "--sbom=spdx",
			"--platform=linux/" + runtime.GOARCH, "--oci-layout-path=" + b.layout(a), "."}
	}
	took, _, err := b.time(ctx, a.dir, env, args...)
	return took, err
}

func (a *app) isGo() bool { return slices.Contains(a.tools, golang) }

// runImage is what the app's image stands on.
func (a *app) runImage() string {
	if a.isGo() {
		return runImage
	}
	return "strata/run-glibc:13"
}

func (a *app) image() string { return "strata-bench/" + a.name }

// layout is the OCI image layout that ko writes.
func (b *bench) layout(a *app) string { return filepath.Join(b.dir, "ko", a.name, "layout") }

// time runs a command and returns how long it took and what it wrote to stderr.
func (b *bench) time(ctx context.Context, dir string, env []string, args ...string) (sample, string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "STRATA_HOME="+filepath.Join(b.dir, "home")), env...)
	var output strings.Builder
	cmd.Stderr = &output
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, "", err
	}
	stop := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	one := sample{took: time.Since(start), own: stop()}
	one.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok { // of the command and of those that it waited for
		one.largest = usage.Maxrss << 10
	}
	if err != nil {
		return one, "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output.String())
	}
	return one, output.String(), nil
}
