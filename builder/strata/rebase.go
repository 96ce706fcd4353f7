package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func rebaseCommand() *cobra.Command {
	var options rebase.Options
	var list, catalogue, key string
	cmd := &cobra.Command{
		Use:   "rebase IMAGE…",
		Short: "Move app images to a newer run image, without a build",
		Long: "Move app images to a newer run image, without a build, in the local store or in a\n" +
			"registry: a name that says its registry is there, other names are in the store.\n" +
			"Every image is rebased whole or not at all; a second run does what is left.",
		RunE: func(cmd *cobra.Command, images []string) error {
			more, err := readList(list, cmd.InOrStdin())
			if err != nil {
				return err
			}
			options.Images = append(images, more...)
			if key != "" {
				if options.Signer, err = attest.ReadKey(key); err != nil {
					return err
				}
			}
			return rebaseImages(cmd.Context(), options, catalogue)
		},
	}
	f := cmd.Flags()
	f.StringVar(&list, "from-file", "", "file with one image a line, - for stdin; # begins a comment")
	f.StringVar(&catalogue, "catalogue", "", "registry whose app images are rebased, all of them; try it with --dry-run")
	f.StringVar(&options.To, "to", "", "debug: the run image with a shell and tools; base: the one without")
	f.StringVar(&options.RunImage, "run-image", "", "name of the run image (default: what the image says)")
	f.StringVar(&options.In, "in", "", "where all the images are: store or registry (default: as their names say)")
	f.StringVar(&key, "sign", "", "file of a private key to sign with what is rebased in a registry, as cosign does")
	f.BoolVar(&options.DryRun, "dry-run", false, "check the images and count the bytes, change nothing")
	return cmd
}

// readList reads the names of images from a file.
func readList(path string, stdin io.Reader) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.Fault{ID: "rebase-list", What: "--from-file cannot be read", Err: err, Do: "name a file with one image a line"}
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || info.IsDir() {
			return nil, fault.Fault{ID: "rebase-list", What: "--from-file is no file", Do: "name a file with one image a line"}
		}
		stdin = f
	}
	var images []string
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			images = append(images, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the list of images: %w", err)
	}
	return images, nil
}

// rebaseImages rebases the images that the options name and, unless catalogue is empty, all those of that registry.
func rebaseImages(ctx context.Context, options rebase.Options, catalogue string) error {
	h, err := openHome()
	if err != nil {
		return err
	}
	if catalogue != "" {
		apps, err := rebase.Catalogue(ctx, catalogue, options.Registry)
		if err != nil {
			return err
		}
		options.Images = append(options.Images, apps...)
	}
	if len(options.Images) == 0 {
		return fault.Fault{
			ID:   "rebase-nothing",
			What: "there is no image to rebase",
			Do:   "name one, a list of them with --from-file, or a registry with --catalogue",
		}
	}
	start := time.Now()
	results, err := rebase.Images(ctx, h, options)
	if err != nil {
		return err
	}
	if err := printRebased(stdout, results, options.DryRun, time.Since(start)); err != nil {
		return err
	}
	var failed []error
	for _, result := range results {
		if result.Err != nil {
			failed = append(failed, result.Err)
		}
	}
	what := fmt.Sprintf("%d of %d images were not rebased", len(failed), len(results))
	switch {
	case len(failed) == 0:
		return nil
	case ctx.Err() != nil:
		return partlyError(what + "; run the command again for the rest")
	case len(results) == 1:
		return failed[0]
	}
	for _, err := range failed {
		fmt.Fprintln(stderr, "strata:", err)
	}
	return fault.Fault{ID: "rebase-failed", What: what, Do: "the reasons are above"}
}

func printRebased(w io.Writer, results []rebase.Result, dryRun bool, took time.Duration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tIN\tOLD BASE\tNEW BASE\tMOVED\tTIME\tRESULT")
	var moved int64
	count := 0
	for _, r := range results {
		outcome := "rebased"
		switch {
		case r.Err != nil:
			outcome = "not rebased"
		case r.Current:
			outcome = "up to date"
		case dryRun:
			outcome = "would be rebased"
		}
		if r.Err == nil && !r.Current {
			count++
		}
		moved += r.Moved
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%.2f s\t%s\n",
			r.Image, orDash(r.In), orDash(r.Old), orDash(r.New), kilobytes(r.Moved), r.Took.Seconds(), outcome)
	}
	fmt.Fprintf(table, "total\t\t\t\t%s\t%.2f s\t%d of %d\n", kilobytes(moved), took.Seconds(), count, len(results))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	for _, r := range results {
		if r.ByKpack && r.Err == nil && !r.Current {
			fmt.Fprintf(w, "%s was built by kpack, which rebases it and does not notice what is done here\n", r.Image)
		}
	}
	return nil
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%.1f kB", float64(bytes)/1e3) }
