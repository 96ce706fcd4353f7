package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/run"
)

func debugCommand() *cobra.Command {
	var env, bindings []string
	cmd := &cobra.Command{
		Use:   "debug IMAGE [-- PROGRAM ARG…]",
		Short: "Open a shell in an app's image, with the tools of the debug twin",
		Long: "Open a shell, or start a program, in an app's image of the local store, on the debug\n" +
			"twin of its run image: with the files and variables that the app has, and tools. It\n" +
			"is a copy in a sandbox. The image stays as it is, and what is written is gone.",
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
			}
			return interact(options, true, func(options run.Options) error {
				return run.Start(cmd.Context(), h, image, options)
			})
		},
	}
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "variable of the shell, NAME=value (or NAME: with the value it has here)")
	cmd.Flags().StringArrayVar(&bindings, "binding", nil, "folder of a service binding")
	return cmd
}
