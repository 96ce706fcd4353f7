package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func pruneCommand() *cobra.Command {
	var dryRun, caches bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the disk what no image of the store needs",
		Long: "Remove what no image of the store needs: files of images that lost their name,\n" +
			"builders and their tools, caches of apps. Verified downloads are kept. With\n" +
			"--caches the caches of all apps go; their next builds fetch and compile again.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			pruned, err := h.Prune(dryRun, caches)
			if len(pruned) == 0 {
				return err
			}
			table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "REMOVED\tNUMBER\tSIZE")
			for _, one := range pruned {
				fmt.Fprintf(table, "%s\t%d\t%s\n", one.What, one.Count, megabytes(one.Bytes))
			}
			return errors.Join(err, table.Flush())
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "tell what would be removed, and remove nothing")
	cmd.Flags().BoolVar(&caches, "caches", false, "remove the caches of apps whose images are there, too")
	return cmd
}
