package deb

import (
	"context"
	"errors"

	"github.com/BurntSushi/toml"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// Locked is a package of a lock that `strata stack update` wrote.
type Locked struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
	Purl    string `toml:"purl"`
	SHA256  string `toml:"sha256"`
	Size    int64  `toml:"size"`
	// Archive is Main or Security, Path the package's path in it.
	Archive string `toml:"archive"`
	Path    string `toml:"path"`
	// Layer is the name of the layer in stack.toml that has the package, "" for a package of no stack.
	Layer string `toml:"layer"`
}

// ReadLock returns the packages of a lock file.
func ReadLock(text string) ([]Locked, error) {
	var file struct {
		Packages []Locked `toml:"package"`
	}
	_, err := toml.Decode(text, &file)
	return file.Packages, err
}

// parallel is how many packages are fetched and unpacked at a time.
const parallel = 4

// Unpack fetches packages and writes their files into a folder, as package unpack does: a file is of one package only. What is in the
// client's cache is not fetched. A package without a mirror, and one that no mirror has any more, are faults that say what to set.
func Unpack(ctx context.Context, client *fetch.Client, mirrors Mirrors, packages []Locked, dir string, o unpack.Options) error {
	if err := mirrors.Known(packages); err != nil {
		return err
	}
	artifacts := make([]fetch.Artifact, len(packages))
	for i, locked := range packages {
		artifacts[i] = mirrors.Artifact(locked)
	}
	client.Expect(artifacts...)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, a := range artifacts {
		g.Go(func() error {
			file, err := client.Get(ctx, a)
			if err != nil {
				return explain(err)
			}
			if err := unpack.Archive(file, dir, o); err != nil {
				return fault.Fault{ID: "deb-invalid", What: a.Name, Err: err, Do: "this package cannot be used: choose another version"}
			}
			return nil
		})
	}
	return g.Wait()
}

// Known returns a fault if packages have no mirror that they could come from.
func (m Mirrors) Known(packages []Locked) error {
	for _, p := range packages {
		if len(m[p.Archive]) == 0 && len(m[Snapshot]) == 0 {
			return fault.Fault{
				ID: "deb-mirror-unset", What: "no mirror of Debian is known to fetch " + p.Purl + " from",
				Do: "set " + Variables[Main] + " and " + Variables[Security] + " to the addresses of mirrors",
			}
		}
	}
	return nil
}

// explain says what to do about a package that no mirror has any more.
func explain(err error) error {
	if f, ok := errors.AsType[fault.Fault](err); ok && errors.Is(err, fetch.ErrGone) {
		return fault.Fault{ID: "deb-gone", What: f.What, Err: fetch.ErrGone,
			Do: "build with a newer builder, whose lock names its successor, or name an archive of old files in " + Variables[Snapshot]}
	}
	return err
}
