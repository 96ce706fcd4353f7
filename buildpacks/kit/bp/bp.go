// Package bp is what a buildpack is written against. It is the only importer of libcnb and libpak, so that their types
// and their versions stay here.
package bp

import (
	"context"
	"runtime"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Buildpack is one buildpack of the suite. Detect reads files and variables only; Build decides first, then acts.
// Install, which most have no need of, installs a tool for all apps.
type Buildpack struct {
	ID      string // as in its buildpack.toml
	Detect  func(context.Context, DetectContext) (DetectResult, error)
	Build   func(context.Context, BuildContext) (BuildResult, error)
	Install func(context.Context, InstallContext) error
	// Runtime makes one layer, that of the newest runtime that may take the place of one in an image. There is no app. A buildpack has it
	// if layers of it have a runtimes.Runtime.
	Runtime func(context.Context, BuildContext, runtimes.Runtime) error
	// Cross reports whether Build makes what runs on another architecture. Then it starts no program that it makes.
	Cross bool
}

// Info is who the running buildpack is, from its buildpack.toml.
type Info struct {
	ID      string
	Name    string
	Version string
	Dir     string // absolute path of the folder that holds buildpack.toml
}

// Workspace is what both phases see.
type Workspace struct {
	AppDir    string // absolute path of the app's source
	Buildpack Info
	Target    Target
	Config    config.Config      // the declared variables
	Env       config.Environment // the whole environment, for the tools that are called
	Log       *report.Log

	bindings    bindingList // of the types that the buildpack declares
	allBindings bindingList
}

// Here is the workspace of a build of which nothing for one architecture comes into the image.
func (w Workspace) Here() Workspace {
	w.Target.Arch, w.Target.Variant = runtime.GOARCH, ""
	return w
}

// DetectContext is the input of Detect.
type DetectContext struct{ Workspace }

// BuildContext is the input of Build.
type BuildContext struct {
	Workspace
	Layers *layer.Dir // contributes layers; what is contributed is part of the result
	plan   planEntries
}

// InstallContext is the input of Install. There is no app, and what is installed must depend on nothing but Tool: the
// environment and bindings are those of the app that happens to be the first.
type InstallContext struct {
	Workspace
	Tool string // one of the names that Detect gave to Tools
	Dir  string // absolute path of the folder in which to make the tool's own, of that name; apps find it at the same path
}

// Entry is a requirement of the build plan (Buildpack API, "Build Plan").
type Entry struct {
	Name     string
	Metadata map[string]any
}

// Plan is one alternative of what a buildpack provides to and requires from its group.
type Plan struct {
	Provides []string
	Requires []Entry
}

// DetectResult is whether the buildpack takes part, and why: one clause without a full stop, such as "go.mod found".
type DetectResult struct {
	Pass   bool
	Reason string
	Plans  []Plan // alternatives, the preferred first
}

// Pass returns the result of a buildpack that takes part.
func Pass(reason string, plans ...Plan) DetectResult {
	return DetectResult{Pass: true, Reason: reason, Plans: plans}
}

// Fail returns the result of a buildpack that does not take part.
func Fail(reason string) DetectResult { return DetectResult{Reason: reason} }

// Process is a way to start the app. It is always started directly, never by a shell.
type Process struct {
	Type       string   // "web", "worker"
	Command    []string // the program and the arguments that are always there
	Args       []string // arguments that those of the user replace
	WorkingDir string   // absolute; empty for the app's folder
	Default    bool     // started when no type is named
	From       string   // who says so: "Procfile line 3"; empty for the buildpack itself
}

// BuildResult is what a build gives besides its layers.
type BuildResult struct {
	Processes []Process
	Labels    map[string]string // labels of the app image
	Unmet     []string          // names of plan entries that are left to later buildpacks
	LaunchBOM *sbom.Document    // what is in the app image outside of layers
}
