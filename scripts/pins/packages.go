package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// packages are the Debian packages of the stacks in a folder.
type packages struct {
	base, folder string // base has stacks that those of the folder may stand on
	locks        []string
}

// packagesOf returns the source of the locks of a folder of stacks, which has the folder's name: all of them move at a time, so that
// they are of the same signed indexes.
func packagesOf(base, folder string, locks []string) source {
	p := packages{base, folder, locks}
	return source{names: []string{p.name()}, files: locks, ask: p.ask, move: p.move}
}

// update looks for newer packages, and locks them unless they are only looked for.
func (p packages) update(ctx context.Context, check bool) (assemble.Due, error) {
	cache := os.Getenv("STRATA_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return assemble.Due{}, err
		}
		cache = filepath.Join(user, "strata")
	}
	o := assemble.Options{Dir: p.folder, Base: p.base, Archs: []string{"amd64", "arm64"}, Cache: cache, Check: check}
	if o.Dir == o.Base {
		o.Base = ""
	}
	return assemble.Update(ctx, o)
}

// ask returns a pin for each lock, which is as old as the newest index that it is made from.
func (p packages) ask(ctx context.Context) ([]pin, error) {
	due, err := p.update(ctx, true)
	if err != nil {
		return nil, err
	}
	var pins []pin
	for _, file := range p.locks {
		var lock struct{ Date time.Time }
		if _, err := toml.DecodeFile(file, &lock); err != nil {
			return nil, err
		}
		name, err := filepath.Rel(p.folder, file)
		if err != nil {
			return nil, err
		}
		var changes []string
		for _, c := range due.Changes {
			if filepath.Join(c.Stack, "lock-"+c.Arch+".toml") == name {
				changes = append(changes, c.Package+" "+cmp.Or(c.New, "goes"))
			}
		}
		behind := slices.Contains(due.Files, name)
		if behind && len(changes) == 0 {
			changes = []string{"other files"} // a slice has changed, for example
		}
		pins = append(pins, pin{p.name(), lock.Date.Format(time.DateOnly), strings.Join(changes, ", "), file, behind, nil})
	}
	return pins, nil
}

// move locks the newest packages.
func (p packages) move(ctx context.Context, out io.Writer, _ []string) error {
	due, err := p.update(ctx, false)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d changes\n", p.name(), len(due.Changes))
	for _, c := range due.Changes {
		fmt.Fprintf(out, "  %s %s: %s %s, was %s\n", c.Stack, c.Arch, c.Package, cmp.Or(c.New, "none"), cmp.Or(c.Old, "none"))
	}
	for _, file := range due.Files {
		fmt.Fprintln(out, "  wrote "+filepath.Join(p.folder, file))
	}
	return nil
}

func (p packages) name() string { return filepath.ToSlash(p.folder) }
