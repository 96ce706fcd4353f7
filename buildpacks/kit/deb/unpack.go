package deb

import (
	"context"

	"github.com/BurntSushi/toml"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// Locked is a package of a lock that `strata stack update` wrote.
type Locked struct {
	Purl   string `toml:"purl"`
	SHA256 string `toml:"sha256"`
	Size   int64  `toml:"size"`
	// Archive is Main or Security, Path the package's path in it.
	Archive string `toml:"archive"`
	Path    string `toml:"path"`
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

// Unpack fetches packages and writes those of their files that are wanted into a folder, as package unpack does: a file is of
// one package only. What is in the client's cache is not fetched.
func Unpack(ctx context.Context, client *fetch.Client, mirrors Mirrors, packages []Locked, dir string, want func(path string) bool) error {
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
				return err
			}
			if err := unpack.Archive(file, dir, unpack.Options{Want: want}); err != nil {
				return fault.Fault{ID: "deb-invalid", What: a.Name, Err: err, Do: "this package cannot be used: choose another version"}
			}
			return nil
		})
	}
	return g.Wait()
}
