package python

import (
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/interpreter"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// plan is how an app is made. It is decided before anything is done, and nothing of it changes.
type plan struct {
	settings
	project project.Project
	needs   project.Install
	python  interpreter.Interpreter // of the image
	here    interpreter.Interpreter // the same release for this machine
	asked   string                  // what asks for the interpreter, as it is written
	why     string                  // the interpreter
	ended   string                  // the last day of its maintenance, "" if it is not over
	mirrors deb.Mirrors
}

// decide reads and checks all.
func decide(in bp.Workspace) (plan, error) {
	var p plan
	if libc, because := in.Target.Libc(); libc != bp.Glibc {
		return p, fault.Fault{ID: "python-target", What: "Python needs glibc, and the run image has none (" + because + ")",
			Do: "build for a run image with glibc, such as strata/run-glibc:13"}
	}
	if err := in.Config.Decode(&p.settings); err != nil {
		return p, err
	}
	if err := p.checkLeaveOut(); err != nil {
		return p, err
	}
	var about project.Settings
	err := in.Config.Decode(&about)
	if err != nil {
		return p, err
	}
	if p.mirrors, err = tool.Debian(in); err != nil {
		return p, err
	}
	if p.project, err = project.Find(in.AppDir, about); err != nil {
		return p, err
	}
	if err := p.choose(in.Target.Arch); err != nil {
		return p, err
	}
	p.needs, err = p.project.Install()
	return p, err
}

// choose decides on the interpreter.
func (p *plan) choose(arch string) error {
	k, err := known(arch)
	if err != nil {
		return err
	}
	if len(k.all) == 0 {
		return fault.Fault{ID: "python-target", What: "there is no Python for linux/" + arch, Do: "build for linux/amd64 or linux/arm64"}
	}
	asks, err := p.project.Asks()
	if err != nil {
		return err
	}
	ask := version.First(append([]version.Ask{{Text: p.Version, From: "BP_CPYTHON_VERSION"}}, asks...)...)
	python, chosen, err := k.choose(arch, ask)
	p.python, p.asked, p.why, p.ended = python, ask.Text, chosen.Reason, k.lock.Ended.Of(pythonID, chosen.Version)
	if err != nil {
		return err
	}
	p.here, err = counterpart(python, arch)
	return err
}

// counterpart returns the interpreter of the same version that runs here.
func counterpart(python interpreter.Interpreter, arch string) (interpreter.Interpreter, error) {
	if arch == runtime.GOARCH {
		return python, nil
	}
	here, err := known(runtime.GOARCH)
	if err != nil {
		return interpreter.Interpreter{}, err
	}
	p, _, err := here.choose(runtime.GOARCH, version.Ask{Text: python.Version, From: "the image's Python"})
	return p, err
}

// checkLeaveOut refuses kinds of files that are not known.
func (p *plan) checkLeaveOut() error {
	if slices.Equal(p.LeaveOut, []string{"none"}) {
		p.LeaveOut = nil
	}
	for _, kind := range p.LeaveOut {
		if !slices.Contains(install.Kinds(), kind) {
			return fault.Fault{ID: "python-leave-out", What: "BP_PYTHON_LEAVE_OUT names " + kind + ", which is no kind of files",
				Do: "name some of " + strings.Join(install.Kinds(), ", ") + ", or none"}
		}
	}
	return nil
}

// describe prints the decisions.
func (p plan) describe(in bp.BuildContext) {
	in.Log.Decision("Python", p.python.Version, p.why)
	if p.python.Standalone() {
		in.Log.Warn("Python %s is a standalone build: its OpenSSL and SQLite are patched by a newer build of Python, not by a rebase",
			p.python.Version)
	}
	if p.ended != "" {
		in.Log.Warn("Python %s has had no security fixes since %s", p.python.Minor(), p.ended)
	}
	if p.project.File != "" {
		in.Log.Decision("Packages", p.project.File, string(p.project.Manager))
	}
	for _, name := range p.project.Beside {
		in.Log.Warn("%s is not read: %s says what is installed", name, p.project.File)
	}
	for _, note := range p.needs.Notes {
		in.Log.Warn("%s", note)
	}
}

// requirements returns what is installed.
func (p plan) requirements() install.Requirements {
	r := install.Requirements{
		Lines: p.needs.Lines(false), Direct: p.needs.Lines(true), Constraints: strings.Join(p.needs.Constraints, "\n"),
		Complete: p.needs.Locked, Dir: p.project.App, Wheels: p.within(p.needs.Wheels), LeaveOut: p.LeaveOut,
	}
	for _, one := range p.needs.Requirements {
		if one.Local != "" {
			r.Folders = append(r.Folders, p.within([]string{one.Local})...)
		}
	}
	if itself := p.needs.Itself; itself != "" && p.needs.Locked {
		r.Project = p.within([]string{itself})[0]
	} else if itself != "" { // it says alone what it needs
		extras := ""
		if len(p.needs.Extras) > 0 {
			extras = "[" + strings.Join(p.needs.Extras, ",") + "]"
		}
		r.Direct += "./" + path.Clean(itself) + extras + "\n"
		r.Folders = append(r.Folders, p.within([]string{itself})...)
	}
	exact := tellsPatches(p.python.Version, r.Lines+"\n"+r.Direct+"\n"+r.Constraints)
	r.Needs = []runtimes.Need{{ID: pythonID, Version: p.python.Release(), Exact: exact}}
	return r
}

// within returns the absolute paths of files of the app.
func (p plan) within(names []string) []string {
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(p.project.App, filepath.FromSlash(name)))
	}
	return paths
}
