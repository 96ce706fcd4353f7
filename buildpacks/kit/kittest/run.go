// Package kittest has what the tests of buildpacks need: it runs a phase, serves packages, stands in for tools, and compares with
// golden files.
package kittest

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// Main is the TestMain of a buildpack's package. Detect and Build start the test binary again as "detect" or "build": a phase under
// test is a process with its own environment, working directory, streams and exit code.
func Main(m *testing.M, table ...bp.Buildpack) {
	switch filepath.Base(os.Args[0]) {
	case "detect", "build":
		os.Exit(bp.Main(table, os.Args))
	}
	called = true
	os.Exit(m.Run())
}

// called reports whether Main is the TestMain. Without it, the test binary would not run a phase but all tests again.
var called bool

// First is the entry of a buildpack plan for the first buildpack of a group, which warns of variables that none reads.
const First = "[[entries]]\nname = \"strata/variables\"\n"

// Case is the input of a phase.
type Case struct {
	Buildpack string                       // folder of buildpack.toml; the test's own when empty
	App       map[string]string            // path -> content of the app's files, written when AppDir is empty
	AppDir    string                       // an app folder that exists already
	Layers    string                       // CNB_LAYERS_DIR; a new folder when empty
	Env       config.Environment           // what the platform sets; HOME and PATH are there without it
	Bindings  map[string]map[string]string // name -> file -> content
	Distro    string                       // CNB_TARGET_DISTRO_NAME, such as "strata-static"
	Arch      string                       // CNB_TARGET_ARCH; the machine's own when empty
	Plan      string                       // the buildpack plan as TOML, input of build
}

// Result is what a phase did.
type Result struct {
	Code   int
	Stdout string // with temporary paths as <app>, <layers>, <buildpack>, <platform> and durations as <time>
	Stderr string // likewise
	AppDir string
	Layers string // CNB_LAYERS_DIR
	Plan   string // the build plan that detect wrote, as TOML
}

// Log returns the output and, below it, what ended the phase: the text of a golden file.
func (r Result) Log() string { return r.Stdout + r.Stderr }

// Alternatives returns what each alternative of the build plan provides and requires, names parted by spaces. The names that every
// buildpack has are left out.
func (r Result) Alternatives(t *testing.T) (provides, requires []string) {
	t.Helper()
	type plan struct{ Provides, Requires []struct{ Name string } }
	var all struct {
		plan
		Or []plan
	}
	if _, err := toml.Decode(r.Plan, &all); err != nil {
		t.Fatal(err)
	}
	names := func(list []struct{ Name string }) string {
		var names []string
		for _, one := range list {
			if one.Name != "strata/variables" {
				names = append(names, one.Name)
			}
		}
		return strings.Join(names, " ")
	}
	for _, p := range append([]plan{all.plan}, all.Or...) {
		provides, requires = append(provides, names(p.Provides)), append(requires, names(p.Requires))
	}
	return provides, requires
}

// Tools returns the names of the tools that the build plan asks a platform to install for all apps.
func (r Result) Tools() []string {
	var names []string
	for _, list := range toolList.FindAllStringSubmatch(r.Plan, -1) {
		for _, name := range quoted.FindAllStringSubmatch(list[1], -1) {
			names = append(names, name[1])
		}
	}
	return names
}

var (
	toolList = regexp.MustCompile(`(?m)^\s*tools = \[(.*)\]$`)
	quoted   = regexp.MustCompile(`"([^"]+)"`)
)

// Detect runs the detect phase of a buildpack.
func Detect(t *testing.T, c Case) Result {
	t.Helper()
	return run(t, "detect", c)
}

// Build runs the build phase of a buildpack.
func Build(t *testing.T, c Case) Result {
	t.Helper()
	return run(t, "build", c)
}

// Rebuild runs the build phase again after a build, as a platform does. The app's folder is the same and holds c.App and nothing
// else. The folder of layers is the same and holds what a lifecycle restores.
func Rebuild(t *testing.T, before Result, c Case) Result {
	t.Helper()
	entries, err := os.ReadDir(before.AppDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(before.AppDir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	Write(t, before.AppDir, c.App)
	restore(t, before.Layers)
	c.AppDir, c.Layers = before.AppDir, before.Layers
	return run(t, "build", c)
}

func run(t *testing.T, phase string, c Case) Result {
	t.Helper()
	if !called {
		t.Fatal("TestMain has to be kittest.Main")
	}
	buildpack, err := filepath.Abs(c.Buildpack)
	if err != nil {
		t.Fatal(err)
	}
	if c.AppDir == "" {
		c.AppDir = t.TempDir()
		Write(t, c.AppDir, c.App)
	}
	if c.Layers == "" {
		c.Layers = filepath.Join(t.TempDir(), "layers", "buildpack")
		Write(t, c.Layers, nil)
	}
	if c.Arch == "" {
		c.Arch = runtime.GOARCH
	}
	platform := t.TempDir()
	for name, files := range c.Bindings {
		Write(t, filepath.Join(platform, "bindings", name), files)
	}
	Write(t, platform, map[string]string{"plan-in.toml": c.Plan, "plan-out.toml": ""})

	env := config.Environment{
		"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": platform,
		"CNB_BUILDPACK_DIR": buildpack, "CNB_LAYERS_DIR": c.Layers, "CNB_PLATFORM_DIR": platform,
		"CNB_BP_PLAN_PATH":    filepath.Join(platform, "plan-in.toml"),
		"CNB_BUILD_PLAN_PATH": filepath.Join(platform, "plan-out.toml"),
		"CNB_TARGET_OS":       "linux", "CNB_TARGET_ARCH": c.Arch, "CNB_TARGET_DISTRO_NAME": c.Distro,
	}.With(c.Env)
	result := start(t, phase, c.AppDir, env)
	result.AppDir, result.Layers = c.AppDir, c.Layers
	plan, err := os.ReadFile(filepath.Join(platform, "plan-out.toml"))
	if err != nil {
		t.Fatal(err)
	}
	result.Plan = string(plan)

	hide := strings.NewReplacer(c.AppDir, "<app>", c.Layers, "<layers>", platform, "<platform>", buildpack, "<buildpack>")
	result.Stdout = duration.ReplaceAllString(hide.Replace(result.Stdout), "done in <time>")
	result.Stderr = hide.Replace(result.Stderr)
	return result
}

// duration matches the only part of a log that differs from run to run and is no path.
var duration = regexp.MustCompile(`done in [0-9][0-9.ms]*`)

func start(t *testing.T, phase, dir string, env config.Environment) Result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = []string{phase}
	cmd.Dir, cmd.Env = dir, env.List()
	if testing.CoverMode() != "" {
		cmd.Env = append(cmd.Env, "GOCOVERDIR="+coverage(t))
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// coverage returns the folder into which a process writes what it covered. If the go command started the test binary, it counts
// everything in that folder at the end.
func coverage(t *testing.T) string {
	t.Helper()
	if f := flag.Lookup("test.gocoverdir"); f != nil && f.Value.String() != "" {
		return f.Value.String()
	}
	return t.TempDir() // without a folder, the program complains on stderr
}
