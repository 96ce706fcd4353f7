package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Pruned is how much Prune removes of one kind.
type Pruned struct {
	What  string
	Count int
	Bytes int64
}

// Prune removes what no image of the store needs: blobs, damaged ones too, the unpacked file systems and tools of builders, the
// caches of apps; with caches, those of all apps. With dryRun it only counts. What cannot be removed keeps nothing else: it is
// not counted, and the error says what it is. While another command uses the home, Prune is refused with a fault.
func (h *Home) Prune(dryRun, caches bool) ([]Pruned, error) {
	if err := unix.Flock(int(h.use.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fault.Fault{
			ID:   "prune-in-use",
			What: "another strata command uses " + h.dir,
			Do:   "prune when it has ended",
		}
	}
	reachable, err := h.Store.Reachable()
	if err != nil {
		return nil, err
	}
	names, err := h.Store.Names()
	if err != nil {
		return nil, err
	}
	apps := map[string]bool{}
	for _, name := range names {
		apps[appKey(name)] = true
	}
	ofNoBuilder := func(name string) bool {
		return name != buildersLock && !reachable[v1.Hash{Algorithm: "sha256", Hex: name}]
	}
	blobs := Pruned{What: "files of images"}
	all := []Pruned{{What: "builders"}, {What: "tools of builders"}, {What: "caches of apps"}}
	err = h.Store.Sweep(reachable, func(path string) error { return blobs.remove(path, dryRun) })
	if err == nil && !dryRun {
		err = h.Store.SweepWitnesses(reachable)
	}
	for i, dir := range []struct {
		name    string
		removes func(name string) bool
	}{{"builders", ofNoBuilder}, {"tools", ofNoBuilder}, {"apps", func(name string) bool { return caches || !apps[name] }}} {
		err = errors.Join(err, all[i].sweep(filepath.Join(h.dir, dir.name), dir.removes, dryRun))
	}
	return append([]Pruned{blobs}, all...), err
}

func (p *Pruned) sweep(dir string, removes func(name string) bool, dryRun bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the home folder: %w", err)
	}
	for _, entry := range entries {
		if removes(entry.Name()) {
			err = errors.Join(err, p.remove(filepath.Join(dir, entry.Name()), dryRun))
		}
	}
	return err
}

func (p *Pruned) remove(path string, dryRun bool) error {
	bytes, err := size(path)
	if err == nil && !dryRun {
		err = tree.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("removing what no image needs: %w", err)
	}
	p.Count++
	p.Bytes += bytes
	return nil
}
