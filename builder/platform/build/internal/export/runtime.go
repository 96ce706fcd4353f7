package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Single is the only layer that a build has made.
type Single struct {
	Name   string
	Blob   v1.Descriptor
	DiffID v1.Hash
	Data   any               // its metadata
	Bills  map[string][]byte // its bills of materials, by the names of their files
}

// Layer writes the only launch layer of the build's only buildpack to a store, as an image of the build would have it.
func Layer(ctx context.Context, s *store.Store, b Build) (Single, error) {
	root, err := os.OpenRoot(b.Layers)
	if err != nil {
		return Single{}, fmt.Errorf("opening the folder of layers: %w", err)
	}
	defer root.Close()
	e := exporter{Build: b, root: root, blobs: s.Blobs(), owner: ids{b.UID, b.GID}}
	if err := e.buildpacks(ctx); err != nil {
		return Single{}, err
	}
	if len(e.layers) != 1 {
		return Single{}, fmt.Errorf("internal error: the buildpack has made %d layers and not one", len(e.layers))
	}
	made := Single{Blob: e.layers[0].blob, DiffID: e.layers[0].diffID}
	for name, one := range e.label.Buildpacks[0].Layers {
		made.Name, made.Data = name, one.Data
	}
	made.Bills, err = readBills(root, path.Join("sbom/launch", b.Group[0].Folder(), made.Name))
	return made, err
}

// readBills reads the bills of materials in a folder.
func readBills(root *os.Root, dir string) (map[string][]byte, error) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading bills of materials: %w", err)
	}
	bills := map[string][]byte{}
	for _, entry := range entries {
		if bills[entry.Name()], err = tree.ReadIn(root, path.Join(dir, entry.Name())); err != nil {
			return nil, fmt.Errorf("reading bills of materials: %w", err)
		}
	}
	return bills, nil
}
