package deb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/BurntSushi/toml"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
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

// parallel is how many packages are fetched and unpacked at a time; the files of each are in memory.
const parallel = 4

// Unpack fetches packages and writes those of their files that are wanted below a folder, with their modes and as the
// user that runs the build. What is in the client's cache is not fetched.
func Unpack(ctx context.Context, client *fetch.Client, mirrors Mirrors, packages []Locked, dir string, want func(path string) bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("unpacking packages: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking packages: %w", err)
	}
	defer root.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, locked := range packages {
		g.Go(func() error {
			file, err := client.Get(ctx, mirrors.Artifact(locked))
			if err != nil {
				return err
			}
			p, err := Open(file)
			if err != nil {
				return fault.Fault{ID: "deb-invalid", What: locked.Purl, Err: err, Do: "this package cannot be used: choose another version"}
			}
			if err := p.write(root, want); err != nil {
				return fmt.Errorf("unpacking %s: %w", locked.Purl, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// write writes the wanted files of a package. Folders are made for files only, so that each can be written to.
func (p *Package) write(root *os.Root, want func(path string) bool) error {
	for _, f := range p.Files {
		if f.Type == Dir || !want(f.Path) {
			continue
		}
		err := root.MkdirAll(path.Dir(f.Path), 0o755)
		if err != nil {
			return err
		}
		switch f.Type {
		case Symlink:
			err = root.Symlink(f.Link, f.Path)
		case HardLink:
			err = root.Link(f.Link, f.Path)
		default:
			err = writeFile(root, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(root *os.Root, f File) error {
	out, err := root.OpenFile(f.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(f.Mode&0o755))
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	return errors.Join(err, out.Close())
}
