package bp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/buildpacks/libcnb/v2/log"
	"golang.org/x/term"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// codeFail is the exit code of a buildpack that does not take part (Buildpack API, "Detection").
const codeFail = 100

// Main runs one phase of one buildpack of the table and returns the exit code. The phase is the base name of argv[0],
// "detect" or "build"; the buildpack is the one that $CNB_BUILDPACK_DIR/buildpack.toml names. The log goes to standard
// output, what ends the phase to standard error.
func Main(table []Buildpack, argv []string) int {
	// Files and folders get the modes that they are made with, whatever the platform's mask is.
	syscall.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	r := runner{ctx: ctx, table: table, env: config.FromProcess()}
	r.log = report.New(os.Stdout, logOptions(r.env))
	if err := r.run(argv); err != nil {
		fmt.Fprintln(os.Stderr, "error: "+fault.Explain(err))
		return fault.Code(err)
	}
	return r.code
}

func logOptions(env config.Environment) report.Options {
	return report.Options{
		Color: env["NO_COLOR"] == "" && term.IsTerminal(int(os.Stdout.Fd())),
		Debug: strings.EqualFold(env["BP_LOG_LEVEL"], "debug"),
	}
}

// runner is one phase of one buildpack. It is libcnb's exit handler as well, which collects how the phase ended.
type runner struct {
	ctx       context.Context
	table     []Buildpack
	env       config.Environment
	log       *report.Log
	buildpack Buildpack
	variables []config.Variable
	kinds     []string // of bindings that the buildpack declares
	code      int
	err       error
}

func (r *runner) run(argv []string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Internal("%v", cause)
			if r.buildpack.ID != "" {
				err = errors.Join(err, r.tell(fault.Explain(err)))
			}
		}
	}()
	if err := r.choose(); err != nil {
		return err
	}
	// The zero logger, because libcnb walks the whole app for a logger whose debug output is merely discarded.
	options := libcnb.NewConfig(
		libcnb.WithExitHandler(r), libcnb.WithLogger(log.PlainLogger{}), libcnb.WithArguments(argv),
	)
	switch phase := filepath.Base(argv[0]); phase {
	case "detect":
		libcnb.Detect(r.detect, options)
	case "build":
		libcnb.Build(r.build, options)
	default:
		return fault.Fault{ID: "phase-unknown", What: fmt.Sprintf("phase %q is not known", phase), Do: "call this program as detect or build"}
	}
	return r.err
}

// choose finds the buildpack that the lifecycle is running.
func (r *runner) choose() error {
	dir := r.env[libcnb.EnvBuildpackDirectory]
	if dir == "" {
		return fault.Fault{ID: "buildpack-dir-unset", What: libcnb.EnvBuildpackDirectory + " is not set", Do: "run this program by a lifecycle"}
	}
	var file struct {
		Info     libcnb.BuildpackInfo `toml:"buildpack"`
		Metadata struct {
			Bindings []struct{ Type string }
		}
	}
	path := filepath.Join(dir, "buildpack.toml")
	if _, err := toml.DecodeFile(path, &file); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for _, b := range r.table {
		if b.ID == file.Info.ID {
			r.buildpack = b
			for _, binding := range file.Metadata.Bindings {
				r.kinds = append(r.kinds, binding.Type)
			}
			var err error
			r.variables, err = config.Declared(path)
			return err
		}
	}
	return fault.Internal("buildpack %q is not in this suite", file.Info.ID)
}

// Error, Fail and Pass make a runner libcnb's exit handler.
func (r *runner) Error(err error) { r.err = err }

// Fail ends detection of a buildpack that does not take part.
func (r *runner) Fail() { r.code = codeFail }

// Pass ends a phase that went well.
func (r *runner) Pass() { r.code = 0 }

func (r *runner) workspace(appDir string, b libcnb.Buildpack, platform libcnb.Platform) Workspace {
	return Workspace{
		AppDir:    appDir,
		Buildpack: Info{ID: b.Info.ID, Name: b.Info.Name, Version: b.Info.Version, Dir: b.Path},
		Target:    targetFrom(r.env),
		Config:    config.New(r.variables, r.env),
		Env:       r.env,
		Log:       r.log,

		bindings: ofTypes(platform.Bindings, r.kinds), allBindings: platform.Bindings,
	}
}

var errNoReason = errors.New("internal error: detection gave no reason")
