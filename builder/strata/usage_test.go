package main

import (
	"errors"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestUsage has wrong commands, flags and arguments.
func TestUsage(t *testing.T) {
	t.Setenv("STRATA_HOME", t.TempDir())
	for want, args := range map[string][]string{
		"there is no command \"foo\" of `strata`; see `strata --help`":                               {"foo"},
		"there is no command \"biuld\" of `strata`, but one \"build\"; see `strata --help`":          {"biuld"},
		"there is no command \"foo\" of `strata stack`; see `strata stack --help`":                   {"stack", "foo"},
		"unknown flag: --foo; see `strata build --help`":                                             {"build", "--foo"},
		"accepts at most 1 arg(s), received 2; see `strata build --help`":                            {"build", "a", "b"},
		"requires at least 1 arg(s), only received 0; see `strata run --help`":                       {"run"},
		"unknown command \"x\" for \"strata prune\"; see `strata prune --help`":                      {"prune", "x"},
		"--arch foo is not known; write amd64, arm64 or all":                                         {"stack", "build", "--arch", "foo"},
		"--dir none is not a folder; name the folder that holds the folders of your stacks":          {"stack", "build", "--dir", "none"},
		"\"X\" is no image name; write it as [registry/]name[:tag], in lower case":                   {"builder", "create", "--tag", "X"},
		"there is no app to build: its folder has no name; name it, or leave it out for this folder": {"build", ""},
		"--forget is a part of the repair; add --repair, or leave --forget out":                      {"verify", "--forget"},
		"--join=x is no process; write its number, or --join alone":                                  {"debug", "app", "--join=x"},
		"no `strata run` of app is there; start it in another terminal, or leave --join out":         {"debug", "app", "--join"},
		"--from-file is no file; name a file with one image a line":                                  {"rebase", "--from-file", "testdata"},
	} {
		cmd := command()
		cmd.SetArgs(args)
		if err := cmd.ExecuteContext(t.Context()); !errors.As(err, new(fault.Fault)) || err.Error() != want {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
	}
}
