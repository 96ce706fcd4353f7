package deb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

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

// Triplets are Debian's names of the folders of libraries, by architecture.
var Triplets = map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

// Digest returns 16 hexadecimal digits that name the files that packages make by a recipe: others for other files.
func Digest(recipe string, packages []Locked) string {
	sum := sha256.New()
	fmt.Fprintln(sum, recipe)
	for _, p := range packages {
		fmt.Fprintln(sum, p.SHA256)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// Title describes what packages make, with their number and what is downloaded of them: "Rust 1.96.0: 6 packages of Debian, 96 MB".
func Title(what string, packages []Locked) string {
	size := int64(0)
	for _, p := range packages {
		size += p.Size
	}
	return fmt.Sprintf("%s: %d packages of Debian, %.0f MB", what, len(packages), float64(size)/1e6)
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
