// Relock is the program of scripts/lock: it asks the registries of each language for its releases and writes its lock.toml.
// It runs at the root of a checkout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/golang"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node"
)

// language is a folder of buildpacks that has a lock.toml, and what it is made from.
type language struct {
	name   string
	source lock.Source
}

var languages = []language{{"golang", golang.NewLock}, {"node", node.NewLock}}

func main() {
	check := flag.Bool("check", false, "write nothing, and end with 1 if there are changes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	changed, err := run(ctx, os.Stdout, languages, flag.Args(), *check)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "lock: "+fault.Explain(err))
		os.Exit(fault.Code(err))
	case changed && *check:
		os.Exit(codeChanges)
	}
}

// codeChanges is the exit code of -check if there are changes. It is none of fault.Code.
const codeChanges = 10

// run makes the locks of the named languages, or of all, and reports whether there are changes.
func run(ctx context.Context, out io.Writer, all []language, names []string, check bool) (bool, error) {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(l language) bool { return l.name == name }) {
			return false, fault.Fault{
				ID: "lock-language", What: fmt.Sprintf("no language %q has a lock", name),
				Do: "name a folder of buildpacks that has a lock.toml",
			}
		}
	}
	downloads, err := os.MkdirTemp("", "strata-lock-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(downloads) }() // below the temporary folder
	client, changed := fetch.New(downloads), false
	for _, l := range all {
		if len(names) > 0 && !slices.Contains(names, l.name) {
			continue
		}
		changes, err := l.update(ctx, client, check)
		if err != nil {
			return false, fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Fprintf(out, "%s: %d changes\n", l.name, len(changes))
		for _, line := range changes {
			fmt.Fprintln(out, "  "+line)
		}
		changed = changed || len(changes) > 0
	}
	return changed, nil
}

// update returns what a new lock changes, and writes it unless it is only to be checked.
func (l language) update(ctx context.Context, client *fetch.Client, check bool) ([]string, error) {
	file := filepath.Join("buildpacks", l.name, "lock.toml")
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	before, err := lock.Read(string(text))
	if err != nil {
		return nil, err
	}
	env, err := l.environment(ctx)
	if err != nil {
		return nil, err
	}
	next, err := l.source(ctx, client, env)
	if err != nil {
		return nil, err
	}
	changes, err := before.Changes(next)
	if err != nil || check {
		return changes, err
	}
	return changes, tree.WriteFile(file, []byte(next.Text()))
}

// environment is that of the machine with the registries that its package managers are configured for.
func (l language) environment(ctx context.Context) (config.Environment, error) {
	file := filepath.Join("buildpacks", l.name, "buildpack.toml")
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	from, err := registries.Read(file, content)
	if err != nil {
		return nil, err
	}
	settings, err := from.OfMachine(ctx, os.Getenv)
	return config.FromProcess().With(settings), err
}
