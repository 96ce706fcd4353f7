package python

import (
	"cmp"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/python/interpreter"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// pythonID is the id of Python in the lock.
const pythonID = interpreter.ID

// ended are the last days of maintenance of Python's releases, from its developer's guide.
var ended = lock.Lines{pythonID: {"3.10": "2026-10-31"}}

// interpreters are those that a build may choose from.
type interpreters struct {
	lock lock.Lock // versions alone
	all  []interpreter.Interpreter
}

// known returns the interpreters for an architecture. Of a minor version, that of Debian goes before others: it gets fixes.
func known(arch string) (interpreters, error) {
	all, err := interpreter.Debian(arch)
	if err != nil || len(all) == 0 {
		return interpreters{}, err
	}
	locked, err := lock.Read(lockFile)
	if err != nil {
		return interpreters{}, err
	}
	k := interpreters{lock: lock.Lock{Default: map[string]string{pythonID: all[0].Version}, Ended: ended}, all: all}
	for _, r := range locked.Releases {
		if r.ID == pythonID && r.Arch == arch {
			k.all = append(k.all, interpreter.Standalone(r))
		}
	}
	slices.SortStableFunc(k.all, func(a, b interpreter.Interpreter) int {
		minor := func(p interpreter.Interpreter) *semver.Version { return semver.MustParse(p.Minor()) }
		return minor(b).Compare(minor(a))
	})
	for _, p := range k.all {
		k.lock.Releases = append(k.lock.Releases, lock.Release{ID: pythonID, Version: p.Version, Arch: arch})
	}
	return k, nil
}

// choose returns the interpreter that the first of the asks asks for, and why.
func (k interpreters) choose(arch string, asks ...version.Ask) (interpreter.Interpreter, version.Choice, error) {
	chosen, err := k.tool(arch).Choose(version.First(asks...))
	if err != nil {
		return interpreter.Interpreter{}, chosen, err
	}
	p, err := k.of(chosen.Version)
	return p, chosen, err
}

// tool is what a version is chosen of.
func (k interpreters) tool(arch string) version.Tool {
	return version.Tool{
		Title: "Python", ID: pythonID, Arch: arch, Lock: k.lock, Default: "default", Like: "3.13, 3.11.2 or >=3.11,<3.14", Read: project.Python,
	}
}

// of returns the interpreter of a version.
func (k interpreters) of(version string) (interpreter.Interpreter, error) {
	at := slices.IndexFunc(k.all, func(p interpreter.Interpreter) bool { return p.Version == version })
	if at < 0 {
		return interpreter.Interpreter{}, fault.Internal("no interpreter is Python %s", version)
	}
	return k.all[at], nil
}

// first returns the interpreter of a tool's folder.
func (k interpreters) first(folder string) (interpreter.Interpreter, error) {
	at := slices.IndexFunc(k.all, func(p interpreter.Interpreter) bool { return p.Folder() == folder })
	if at < 0 {
		return interpreter.Interpreter{}, fault.Fault{ID: "python-tool-unknown", What: cmp.Or(folder, "it") + " is no interpreter that is locked",
			Do: "leave it to the app's build"}
	}
	return k.all[at], nil
}
