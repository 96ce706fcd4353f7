package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// rebaseFlags are what a rebase is asked for beside its options.
type rebaseFlags struct {
	list, catalogue, key, wait, done string
	builder                          string // that makes runtimes
	runtimes                         bool
}

func rebaseCommand() *cobra.Command {
	var options rebase.Options
	var flags rebaseFlags
	cmd := &cobra.Command{
		Use:   "rebase IMAGE…",
		Short: "Move app images to a newer run image, without a build",
		Long: "Move app images to a newer run image, without a build, in the local store or in a\n" +
			"registry: a name that says its registry is there, other names are in the store.\n" +
			"With --runtimes, put newer runtimes under them, too.\n" +
			"Every image is rebased whole or not at all; a second run does what is left.",
		RunE: func(cmd *cobra.Command, images []string) error {
			more, err := readList(flags.list, cmd.InOrStdin())
			if err != nil {
				return err
			}
			options.Images = append(images, more...)
			if flags.key != "" {
				if options.Signer, err = attest.ReadKey(flags.key); err != nil {
					return err
				}
			}
			if flags.wait != "" {
				options.Check = checkBy(flags.wait)
			}
			return rebaseImages(cmd.Context(), options, flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.list, "from-file", "", "file with one image a line, - for stdin; # begins a comment")
	f.StringVar(&flags.catalogue, "catalogue", "", "REGISTRY[/PATH] whose app images are rebased, all that are due; try it with --dry-run")
	f.StringVar(&options.To, "to", "", "debug: the run image with a shell and tools; base: the one without")
	f.StringVar(&options.RunImage, "run-image", "", "name of the run image (default: what the image says)")
	f.BoolVar(&flags.runtimes, "runtimes", false, "also put the newest locked Node.js or Python of the same line under the images")
	f.StringVar(&flags.builder, "builder", defaultBuilder, "name of the builder whose buildpacks make the runtimes")
	f.StringVar(&options.In, "in", "", "where all the images are: store or registry (default: as their names say)")
	f.StringVar(&flags.key, "sign", "", "file of a private key to sign with what is rebased in a registry, as cosign does")
	f.BoolVar(&options.DryRun, "dry-run", false, "check the images and count the bytes, change nothing")
	f.IntVar(&options.Limit, "limit", 0, "how many images are rebased; with --wait, how many before the others")
	f.StringVar(&flags.wait, "wait", "", "command for a shell that has the images of --limit on stdin: the others are rebased if it succeeds")
	f.BoolVar(&options.Undo, "undo", false, "go back to what the images were before their last rebase, as their provenance says")
	f.StringVar(&flags.done, "write-list", "", "write the names of the images that were rebased into this file, for --from-file")
	return cmd
}

// checkBy returns what runs a command with the names of images on its stdin, one a line.
func checkBy(command string) rebase.Check {
	return func(ctx context.Context, moved []string) error {
		cmd := host.Command(ctx, "sh", "-c", command)
		cmd.Dir = "" // it is the user's own, and may name a script beside them
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(moved, "\n")+"\n"), stderr, stderr
		return cmd.Run()
	}
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

// rebaseImages rebases the images that the options name and those of a catalogue, if one is named.
func rebaseImages(ctx context.Context, options rebase.Options, flags rebaseFlags) error {
	if flags.runtimes && options.Undo {
		return fault.Fault{ID: "rebase-undo", What: "--undo takes runtimes back, too, without --runtimes", Do: "leave it out"}
	}
	h, err := openHome()
	if err != nil {
		return err
	}
	if flags.catalogue != "" {
		if options.Listed, err = fleet.Names(ctx, []string{flags.catalogue}, options.Registry); err != nil {
			return err
		}
	}
	if len(options.Images)+len(options.Listed) == 0 {
		return fault.Fault{
			ID:   "rebase-nothing",
			What: "there is no image to rebase",
			Do:   "name one, a list of them with --from-file, or a registry with --catalogue",
		}
	}
	start := time.Now()
	end := func(bool) {}
	if flags.runtimes {
		if options.Runtimes, end, err = newRuntimes(ctx, h, flags.builder); err != nil {
			return err
		}
	}
	results, err := rebase.Images(ctx, h, options)
	end(slices.ContainsFunc(results, func(r rebase.Result) bool { return r.Err != nil }))
	if err != nil && results == nil {
		return err
	}
	if err := printRebased(stdout, results, options, time.Since(start)); err != nil {
		return err
	}
	if flags.done != "" {
		if err := writeMoved(flags.done, results); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return rebaseFailures(ctx, results)
}

// writeMoved writes the names of the images that were rebased.
func writeMoved(path string, results []rebase.Result) error {
	var names strings.Builder
	for _, r := range results {
		if r.Moves() {
			tag, _, _ := strings.Cut(r.Image, "@") // it stands for another digest now
			names.WriteString(tag + "\n")
		}
	}
	if err := os.WriteFile(path, []byte(names.String()), 0o644); err != nil {
		return fault.Fault{ID: "rebase-list", What: "--write-list cannot be written", Err: err, Do: "name a file that you may write"}
	}
	return nil
}

// rebaseFailures returns what is to be said of images that were not rebased.
func rebaseFailures(ctx context.Context, results []rebase.Result) error {
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

func printRebased(w io.Writer, results []rebase.Result, options rebase.Options, took time.Duration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	runtimes := options.Runtimes != nil
	head, column := "", ""
	if runtimes {
		head, column = "RUNTIMES\t", "\t"
	}
	fmt.Fprintln(table, "IMAGE\tIN\tOLD BASE\tNEW BASE\t"+head+"MOVED\tTIME\tRESULT")
	var moved int64
	count := 0
	for _, r := range results {
		if r.Moves() {
			count++
		}
		moved += r.Moved
		with := ""
		if runtimes {
			with = runtimesText(r.Runtimes) + "\t"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s%s\t%.2f s\t%s\n",
			r.Image, orDash(r.In), orDash(r.Old), orDash(r.New), with, kilobytes(r.Moved), r.Took.Seconds(), outcome(r, options))
	}
	fmt.Fprintf(table, "total\t\t\t\t"+column+"%s\t%.2f s\t%d of %d\n", kilobytes(moved), took.Seconds(), count, len(results))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	for _, r := range results {
		if r.ByKpack && r.Moves() {
			fmt.Fprintf(w, "%s was built by kpack, which rebases it and does not notice what is done here\n", r.Image)
		}
	}
	return nil
}

// outcome says in a few words what became of an image.
func outcome(r rebase.Result, options rebase.Options) string {
	switch {
	case r.Err != nil:
		return "not rebased"
	case r.Current:
		return "up to date"
	case r.Left:
		return "left"
	case options.DryRun && options.Undo:
		return "would be taken back"
	case options.DryRun:
		return "would be rebased"
	case options.Undo:
		return "taken back"
	}
	return "rebased"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%.1f kB", float64(bytes)/1e3) }
