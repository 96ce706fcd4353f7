package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/golang"
	"github.com/strata-buildpacks/strata/buildpacks/java"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/python"
)

// languages are the folders of buildpacks that have a lock.toml, with what it is made from.
var languages = map[string]lock.Source{"golang": golang.NewLock, "java": java.NewLock, "node": node.NewLock, "python": python.NewLock}

// releases are those that a lock.toml has.
type releases struct {
	file   string
	source lock.Source
}

// releasesOf returns the source of a language's lock.toml, which has the language's name.
func releasesOf(file string) (source, error) {
	language := filepath.Base(filepath.Dir(file))
	made, found := languages[language]
	if !found {
		return source{}, fault.Fault{
			ID: "update-language", What: file + " is made from nothing", Do: "add " + language + " to the languages in scripts/pins/locks.go",
		}
	}
	r := releases{file, made}
	return source{
		names: []string{language}, files: []string{file}, ask: r.ask,
		move: func(ctx context.Context, out io.Writer, _ []string) error { return r.move(ctx, out) },
	}, nil
}

// ask returns a pin for each tool of the lock, with its releases that are not locked yet. What else a new lock changes, such as an
// end of maintenance, is a pin of its own where no tool has a new release.
func (r releases) ask(ctx context.Context) ([]pin, error) {
	before, next, changes, err := r.compare(ctx)
	if err != nil {
		return nil, err
	}
	language := filepath.Base(filepath.Dir(r.file))
	had, has := versions(before), versions(next)
	var pins []pin
	released := false
	for _, tool := range slices.Sorted(maps.Keys(has)) {
		added := slices.DeleteFunc(has[tool], func(v string) bool { return slices.Contains(had[tool], v) })
		newest := append(had[tool], "none")[0]
		pins = append(pins, pin{language, tool + " " + newest, strings.Join(added, ", "), r.file, len(added) > 0, nil})
		released = released || len(added) > 0
	}
	if len(changes) > 0 && !released {
		pins = append(pins, pin{language, "-", fmt.Sprintf("%d changes", len(changes)), r.file, true, nil})
	}
	return pins, nil
}

// move writes the new lock and says what it changes.
func (r releases) move(ctx context.Context, out io.Writer) error {
	_, next, changes, err := r.compare(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d changes\n", r.file, len(changes))
	for _, line := range changes {
		fmt.Fprintln(out, "  "+line)
	}
	return tree.WriteFile(r.file, []byte(next.Text()))
}

// compare returns the lock in place, the one that the registries give now, and what that changes.
func (r releases) compare(ctx context.Context) (before, next lock.Lock, changes []string, err error) {
	text, err := os.ReadFile(r.file)
	if err != nil {
		return before, next, nil, err
	}
	if before, err = lock.Read(string(text)); err != nil {
		return before, next, nil, err
	}
	env, err := environment(ctx, filepath.Join(filepath.Dir(r.file), "buildpack.toml"))
	if err != nil {
		return before, next, nil, err
	}
	downloads, err := os.MkdirTemp("", "strata-lock-")
	if err != nil {
		return before, next, nil, err
	}
	defer func() { _ = os.RemoveAll(downloads) }() // below the temporary folder
	if next, err = r.source(ctx, fetch.New(downloads), env); err != nil {
		return before, next, nil, err
	}
	changes, err = before.Changes(next)
	return before, next, changes, err
}

// versions returns the versions of each tool, whatever the architecture; the newest first.
func versions(l lock.Lock) map[string][]string {
	all := map[string][]string{}
	for _, r := range l.Releases {
		if !slices.Contains(all[r.ID], r.Version) {
			all[r.ID] = append(all[r.ID], r.Version)
		}
	}
	return all
}

// environment is that of the machine with the registries that the package managers of a buildpack.toml are configured for.
func environment(ctx context.Context, file string) (config.Environment, error) {
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
