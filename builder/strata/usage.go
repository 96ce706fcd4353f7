package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// explainUsage gives what cobra says of wrong flags and arguments a next step, for a command and those below it.
func explainUsage(cmd *cobra.Command) {
	wrong := func(cmd *cobra.Command, err error) error {
		return fault.Fault{ID: "usage", What: err.Error(), Do: fmt.Sprintf("see `%s --help`", cmd.CommandPath())}
	}
	cmd.SetFlagErrorFunc(wrong)
	if accepts := cmd.Args; accepts != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := accepts(cmd, args); err != nil {
				return wrong(cmd, err)
			}
			return nil
		}
	} else if !cmd.Runnable() { // it has commands only
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			cmd.SuggestionsMinimumDistance = 2
			err := fmt.Errorf("there is no command %q of `%s`", args[0], cmd.CommandPath())
			if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
				err = fmt.Errorf("%w, but one %q", err, similar[0])
			}
			return wrong(cmd, err)
		}
	}
	for _, below := range cmd.Commands() {
		explainUsage(below)
	}
}
