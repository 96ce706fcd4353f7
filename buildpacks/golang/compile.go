package golang

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// compiler runs the go command for one app.
type compiler struct {
	settings
	dir        string // the app
	goroot     string
	shared     bool // goroot has packages of the standard library compiled
	modCache   string
	buildCache string
	env        config.Environment // what the go command sees
	finder     finder
	targets    []target
	imports    string             // changes with everything that go list -deps depends on
	linked     string             // changes with the app's files that the linker of C depends on
	vendored   bool               // modules come from vendor, which the go command would not look at
	filters    config.Environment // of git
	stamp      bool               // version control information goes into the binaries
	log        *report.Log
	suspects   []string // packages that have a variant with cgo
	native     *native  // nil without cgo
}

// passed are the variables that the go command gets as the platform set them, besides those of git. GOFLAGS is not among them.
var passed = slices.Concat(config.Network, []string{
	"PATH", "TMPDIR",
	"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH",
})

// shaping are those that also change the binaries.
var shaping = []string{
	"GOEXPERIMENT", "GOAMD64", "GOARM", "GOARM64", "GOFIPS140",
	"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS", "CGO_CFLAGS_ALLOW", "CGO_CXXFLAGS_ALLOW", "CGO_LDFLAGS_ALLOW",
}

// environment makes what the go command sees. home is a temporary folder.
func (g *compiler) environment(in bp.Workspace, home string) config.Environment {
	env := in.Env.Only(slices.Concat(passed, shaping)...).With(in.Env.Git()).With(g.filters).With(config.Environment{
		"HOME": home, "GOENV": "off", "GOTOOLCHAIN": "local", "GOROOT": g.goroot,
		"GOPATH": filepath.Join(home, "go"), "GOMODCACHE": g.modCache, "GOCACHE": g.buildCache,
		// Caches must be easy to delete for whoever keeps them.
		"GOFLAGS": "-modcacherw", "CGO_ENABLED": "0", "GOOS": in.Target.OS, "GOARCH": in.Target.Arch,
	})
	if g.vendored {
		env["GOFLAGS"] += " -mod=vendor"
	}
	if g.shared {
		env["GODEBUG"] = installGoroot
	}
	if env["GOPROXY"] == "" {
		env["GOPROXY"] = "off" // the go command's own default is nobody's choice
	}
	return env
}

// packages returns targets as the go command takes them.
func packages(targets []target) []string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Package)
	}
	return names
}

// together returns the targets that one call of the go command takes: those apart come one by one.
func together(targets []target) [][]target {
	var groups [][]target
	for _, t := range targets {
		if last := len(groups) - 1; last < 0 || t.Apart || groups[last][0].Apart {
			groups = append(groups, []target{t})
		} else {
			groups[last] = append(groups[last], t)
		}
	}
	return groups
}

func (g *compiler) command(args []string) command.Command {
	c := command.Command{Path: filepath.Join(g.goroot, "bin", "go"), Args: args, Dir: g.dir, Env: g.env.List(), Log: g.log}
	if g.native != nil {
		c.Skip = g.native.output.skip
	}
	return c
}

func (g *compiler) goOutput(ctx context.Context, args []string) ([]byte, error) {
	out, err := command.Output(ctx, g.command(args))
	return out, g.explain(ctx, err)
}

// build compiles all targets into bin, with cgo if need be.
func (g *compiler) build(ctx context.Context, in bp.BuildContext, d decision, bin string) error {
	err := g.decideCgo(ctx, in, d)
	if err != nil {
		return err
	}
	if g.native != nil {
		err = g.buildNative(ctx, in, d, bin)
	} else {
		err = g.compile(ctx, bin)
	}
	if err = g.explain(ctx, err); err != nil {
		return err
	}
	return g.sizes(bin)
}

// compile runs go build for all targets.
func (g *compiler) compile(ctx context.Context, bin string) error {
	done := g.log.Phase("Compiling %s", strings.Join(packages(g.targets), " "))
	linker, err := g.linkFlags()
	if err != nil {
		return err
	}
	for _, group := range together(g.targets) {
		to := bin + "/"
		if group[0].Apart {
			to = filepath.Join(bin, group[0].Binary)
		}
		args := []string{"build", "-trimpath"}
		if g.finder.since("go1.18") {
			args = append(args, "-buildvcs="+strconv.FormatBool(g.stamp))
		}
		args = append(args, "-ldflags="+linker, "-o", to)
		args = append(append(args, g.words()...), packages(group)...)
		if err := command.Run(ctx, g.command(args)); err != nil {
			return err
		}
	}
	done()
	return nil
}

// answer is what was found out about an app, in a file of a cache, until what it depends on changes.
type answer[T any] struct {
	Key   string `json:"key"`
	Value T      `json:"value"`
}

// recall reports whether a file has the answer for the key.
func (a *answer[T]) recall(file string) bool {
	var kept answer[T]
	data, err := tree.ReadFile(file)
	if err != nil || json.Unmarshal(data, &kept) != nil || kept.Key != a.Key {
		return false
	}
	a.Value = kept.Value
	return true
}

// writeJSON replaces a file of a cache.
func writeJSON(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tree.WriteFile(file, data)
}
