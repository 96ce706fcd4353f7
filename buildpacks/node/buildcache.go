package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// buildCaches returns where build tools keep what they compiled, relative to the root.
func (d decision) buildCaches() []string {
	names := framework.Caches()
	folders := slices.Clone(names)
	for _, member := range d.Members {
		for _, name := range names {
			folders = append(folders, path.Join(member, name))
		}
	}
	return folders
}

// lendCaches puts what the last build's tools kept back into the app.
func (b *builder) lendCaches() error {
	for _, name := range b.buildCaches() {
		kept := filepath.Join(b.compiled, name)
		if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		in := filepath.Join(b.Root, name)
		if err := os.RemoveAll(in); err != nil {
			return fmt.Errorf("emptying %s: %w", name, err)
		}
		if err := tree.Copy(kept, in); err != nil {
			return fmt.Errorf("taking %s of the last build: %w", name, err)
		}
	}
	return nil
}

// keepCaches moves what build tools keep for the next build out of the app.
func (b *builder) keepCaches() error {
	if err := tree.Empty(b.compiled); err != nil {
		return err
	}
	for _, name := range b.buildCaches() {
		in := filepath.Join(b.Root, name)
		if info, err := os.Lstat(in); err != nil || !info.IsDir() {
			continue
		}
		if err := tree.Copy(in, filepath.Join(b.compiled, name)); err != nil {
			return fmt.Errorf("keeping %s for the next build: %w", name, err)
		}
		if err := os.RemoveAll(in); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}
