package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

func inspectCommand() *cobra.Command {
	var bills string
	var hardening bool
	cmd := &cobra.Command{
		Use:   "inspect IMAGE|FILE",
		Short: "Show the layers of an image: what each is, its size, who shares it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			if bills != "" {
				if err := output.WriteAttached(h.Store, args[0], bills); err != nil {
					return err
				}
			}
			if hardening {
				return printHardening(stdout, h.Store, args[0])
			}
			return printTable(stdout, h.Store, args[0])
		},
	}
	cmd.Flags().BoolVar(&hardening, "hardening", false, "show how programs and libraries are hardened, of a file or an archive, too")
	cmd.Flags().StringVar(&bills, "sbom", "", "write what is attached to the image, SBOMs and provenance, into this folder")
	return cmd
}

// printTable prints the layers of an image of a store, and the image's name with its digest.
func printTable(w io.Writer, s *store.Store, name string) error {
	image, err := s.Find(name, store.BuildApp)
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	layers, err := s.Layers(name)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAYER\tWHAT\tCOMPRESSED\tUNCOMPRESSED\tSHARED WITH")
	var compressed, uncompressed, shared int64
	for _, layer := range layers {
		sharing := "-"
		if layer.Sharers > 0 {
			sharing = fmt.Sprintf("%d images", layer.Sharers)
			if layer.Sharers == 1 {
				sharing = "1 image"
			}
			shared += layer.Compressed
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
			layer.Digest.Hex[:12], layer.Origin, megabytes(layer.Compressed), megabytes(layer.Uncompressed), sharing)
		compressed += layer.Compressed
		uncompressed += layer.Uncompressed
	}
	fmt.Fprintf(table, "total\t%d layers\t%s\t%s\t%s shared\n", len(layers), megabytes(compressed), megabytes(uncompressed), megabytes(shared))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	tag, _, _ := strings.Cut(name, "@")
	fmt.Fprintf(w, "\n%s@%s\n", tag, digest)
	return nil
}
