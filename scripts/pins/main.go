// Pins is the program of scripts/update: it says which pins of a checkout are behind, and moves them. It runs at the root of a
// checkout. What is newest say the places that the machine's own clients are configured for.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// pin is one line of the table.
type pin struct {
	name           string // what moves it
	pinned, newest string // newest is empty if err says why it is not known
	where          string // file, relative to the checkout
	behind         bool
	err            error
}

// source is what is asked for, and moved, in one go.
type source struct {
	names []string // of its pins
	files []string // that pin something, relative to the checkout
	ask   func(context.Context) ([]pin, error)
	move  func(ctx context.Context, out io.Writer, names []string) error
}

// codeBehind is the exit code if something is behind. It is none of fault.Code.
const codeBehind = 10

func main() {
	all := flag.Bool("all", false, "move everything that is behind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	behind, err := run(ctx, os.Stdout, *all, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "update: "+fault.Explain(err))
	}
	switch {
	case behind:
		os.Exit(codeBehind)
	case err != nil:
		os.Exit(fault.Code(err))
	}
}

// run prints the table and reports whether something is behind, or moves what is named.
func run(ctx context.Context, out io.Writer, all bool, names []string) (bool, error) {
	sources, err := sourcesOf(".")
	if err != nil {
		return false, err
	}
	if all || len(names) > 0 {
		return false, move(ctx, out, sources, names)
	}
	return show(ctx, out, sources)
}

// sourcesOf finds all files of a checkout that pin something.
func sourcesOf(root string) ([]source, error) {
	var sources []source
	stacks := map[string][]string{} // locks of Debian packages by the folder of their stacks
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && file != root && (name == "testdata" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case name == "go.mod":
			found, err := modulesOf(file)
			sources = append(sources, found)
			return err
		case name == "lock.toml":
			found, err := releasesOf(file)
			sources = append(sources, found)
			return err
		case strings.HasPrefix(name, "lock-") && path.Ext(name) == ".toml":
			folder := filepath.Dir(filepath.Dir(file))
			stacks[folder] = append(stacks[folder], file)
		}
		return nil
	})
	slices.SortFunc(sources, func(a, b source) int { return strings.Compare(a.files[0], b.files[0]) })
	base := filepath.Join(root, "stacks", "images") // first, because the others stand on its stacks
	folders := slices.SortedFunc(maps.Keys(stacks), func(a, b string) int {
		return cmp.Or(-cmp.Compare(strings.Count(a, base), strings.Count(b, base)), strings.Compare(a, b))
	})
	for _, folder := range folders {
		sources = append(sources, packagesOf(base, folder, stacks[folder]))
	}
	return sources, err
}

// show prints a table of all pins, and below it why the newest of some are not known, which is an error too. It reports whether
// something is behind.
func show(ctx context.Context, out io.Writer, sources []source) (behind bool, err error) {
	answers := make([][]pin, len(sources))
	var asked errgroup.Group
	for i, s := range sources {
		asked.Go(func() error {
			pins, err := s.ask(ctx)
			if err != nil {
				pins = []pin{{name: s.names[0], pinned: "-", where: s.files[0], err: err}}
			}
			answers[i] = pins
			return nil
		})
	}
	_ = asked.Wait() // what went wrong is in the pins
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tPINNED\tNEWEST\tWHERE")
	var unknown []string
	for _, p := range slices.Concat(answers...) {
		newest := p.newest
		switch {
		case p.err != nil:
			newest = "not known"
			unknown = append(unknown, fmt.Sprintf("\nnot known: %s in %s: %v\n", p.name, p.where, p.err))
		case !p.behind:
			newest = "-"
		}
		behind = behind || p.behind
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.name, p.pinned, newest, p.where)
	}
	if err := table.Flush(); err != nil || len(unknown) == 0 {
		return behind, err
	}
	fmt.Fprint(out, strings.Join(unknown, ""))
	return behind, fault.Fault{
		ID: "update-unknown", What: fmt.Sprintf("the newest versions of %d pins are not known", len(unknown)),
		Do: "see above which place did not say them",
	}
}

// move moves the pins with some names, each in every file that has it; without names, all of them.
func move(ctx context.Context, out io.Writer, sources []source, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(sources, func(s source) bool { return slices.Contains(s.names, name) }) {
			return fault.Fault{
				ID: "update-name", What: fmt.Sprintf("no pin is called %q", name), Do: "take a name of the table that scripts/update prints",
			}
		}
	}
	for _, s := range sources {
		mine := s.names
		if len(names) > 0 {
			mine = slices.DeleteFunc(slices.Clone(s.names), func(name string) bool { return !slices.Contains(names, name) })
		}
		if len(mine) == 0 {
			continue
		}
		if err := s.move(ctx, out, mine); err != nil {
			return fmt.Errorf("moving what %s pins: %w", s.files[0], err)
		}
	}
	return nil
}
