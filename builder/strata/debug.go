package main

import (
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func debugCommand() *cobra.Command {
	var env, bindings []string
	var join string
	cmd := &cobra.Command{
		Use:   "debug IMAGE [-- PROGRAM ARG…]",
		Short: "Open a shell in an app's image, with the tools of the debug twin",
		Long: "Open a shell, or start a program, in an app's image of the local store, on the debug\n" +
			"twin of its run image: with the files and variables that the app has, and tools. It\n" +
			"is a copy in a sandbox. The image stays as it is, and what is written is gone.\n" +
			"With --join the sandbox has the processes of a running `strata run` of the image:\n" +
			"ps, strace -p and kill see the app, whose own files are in /proc/1/root.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := givenEnv(env)
			if err != nil {
				return err
			}
			unpacked, err := unpackLimit(os.Getenv)
			if err != nil {
				return err
			}
			h, err := openHome()
			if err != nil {
				return err
			}
			var joined sandbox.Process
			if cmd.Flags().Changed("join") {
				if joined, err = joinedRun(h, args[0], join); err != nil {
					return err
				}
			}
			image, err := rebase.Debug(cmd.Context(), h, args[0])
			if err != nil {
				return err
			}
			program := args[1:]
			if len(program) == 0 {
				program = []string{"bash"}
			}
			options := run.Options{
				Image: args[0], Command: program[0], Args: program[1:], Env: given, Bindings: bindings, Unpacked: unpacked,
				Join: joined,
			}
			return interact(options, true, func(options run.Options) error {
				return run.Start(cmd.Context(), h, image, options)
			})
		},
	}
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "variable of the shell, NAME=value (or NAME: with the value it has here)")
	cmd.Flags().StringArrayVar(&bindings, "binding", nil, "folder of a service binding")
	cmd.Flags().StringVar(&join, "join", "", "see the processes of a running strata run of the image; --join=PID says which of several")
	cmd.Flags().Lookup("join").NoOptDefVal = anyRun
	return cmd
}

// anyRun is the value of --join without a value.
const anyRun = "any"

// joinedRun returns the first process of the run that --join means.
func joinedRun(h *home.Home, image, join string) (sandbox.Process, error) {
	pid := 0
	if join != anyRun {
		var err error
		if pid, err = strconv.Atoi(join); err != nil || pid < 1 {
			what := "--join=" + join + " is no process"
			return sandbox.Process{}, fault.Fault{ID: "run-flags", What: what, Do: "write its number, or --join alone"}
		}
	}
	return run.Running(h, image, pid)
}
