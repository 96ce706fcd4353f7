package assemble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/truststore"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// revision goes into the key of every cached layer. It changes whenever this program makes other bytes of the same packages
// and files, or keeps something else beside them.
const revision = "4"

// stratum is a layer and where it comes from.
type stratum struct {
	*layer.Layer
	stack, name, comment, key string
	file                      string // the file in which people write the layer
	recipe                    recipe
	below                     []*stratum
	made                      func() error // makes the layer once, unless the cache has it
	packages                  []lockedPackage
	drift                     []Drift // the packages that are not the locked ones
}

// stratum describes layer i of a stack, as it is if nothing below it has drifted.
func (b *builder) stratum(a *assembled, i int) (*stratum, error) {
	r, err := b.recipe(a, i)
	if err != nil {
		return nil, err
	}
	l := &stratum{
		stack: a.stack.Name, file: r.Layer.file, name: r.Layer.Name, comment: r.Layer.Comment, packages: r.Packages,
		recipe: r, below: slices.Clone(a.layers),
	}
	l.key, err = r.key()
	return l, err
}

// recipe holds everything that a layer's bytes depend on. Its hash is the layer's key in the cache.
type recipe struct {
	Revision, Compressor, Arch string
	Layer                      Layer
	Whole, Top                 bool
	Drop                       []string
	Slices                     map[string][]string
	// Certificates are the certificates of the layer's files, in PEM.
	Certificates []string
	Packages     []lockedPackage
	Below        []string
}

func (r recipe) key() (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

// recipe collects what goes into layer i of a stack.
func (b *builder) recipe(a *assembled, i int) (recipe, error) {
	s := a.stack
	r := recipe{
		Revision: revision, Compressor: layer.Compressor, Arch: a.arch, Layer: s.Layers[i], Whole: s.Whole, Drop: s.Drop,
		Top: i == len(s.Layers)-1, Packages: a.lock.layer(s.Layers[i].Name), Slices: map[string][]string{}, Below: keys(a.layers),
	}
	var err error
	if r.Certificates, err = s.certificates(r.Layer); err != nil {
		return r, err
	}
	if s.Whole {
		return r, nil
	}
	for _, p := range r.Packages {
		hash, err := sliceHash(p.Name, r.Layer, b.sliceDirs(s))
		if err != nil {
			return r, err
		}
		file := slicePath(p.Name, b.sliceDirs(s))
		if hash != p.Slice {
			return r, fault.Fault{
				ID:   "lock-stale",
				What: s.lockPath(a.arch),
				Err:  fmt.Errorf("slices/%s.toml is not as it was when the lock was made", p.Name),
				Do:   "run strata stack update " + s.Name,
			}
		}
		if file == "" {
			continue // the package is whole
		}
		if r.Slices[p.Name], err = loadSlice(file, a.arch); err != nil {
			return r, err
		}
	}
	return r, nil
}

// certificates reads the certificates of a layer from their files. It leaves out what stands between them.
func (s *Stack) certificates(l Layer) ([]string, error) {
	var out []string
	for _, name := range l.Certificates {
		file := filepath.Join(s.dir, s.Name, name)
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Fault{
				ID:   "certificate-missing",
				What: "certificate " + name,
				Err:  err,
				Do:   "correct certificates in its stack.toml",
			}
		}
		found, err := truststore.Parse(b)
		if err != nil {
			return nil, fault.Fault{
				ID:   "certificate-invalid",
				What: file,
				Err:  err,
				Do:   "give certificates in PEM and nothing else",
			}
		}
		for _, c := range found {
			out = append(out, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
		}
	}
	return out, nil
}

// sliceDirs returns the folders with slices for a stack. A stack of Base does not see those of Dir, so that its layers are
// the same whatever stands on them.
func (b *builder) sliceDirs(s *Stack) []string {
	if b.o.Base == "" || s.dir == b.o.Base {
		return []string{s.dir}
	}
	return []string{s.dir, b.o.Base}
}

// make makes a layer, unless the cache has it. The layers below are made already.
func (b *builder) make(ctx context.Context, a *assembled, l *stratum) (err error) {
	r := l.recipe
	if r.Below = keys(l.below); !slices.Equal(r.Below, l.recipe.Below) {
		if err := b.renew(l, r); err != nil {
			return err
		}
	}
	if l.Layer != nil {
		return nil
	}
	files, drift, err := b.debs(ctx, a, r.Packages)
	if err != nil {
		return err
	}
	if l.drift = drift; len(drift) > 0 {
		if err := b.renew(l, r); err != nil || l.Layer != nil {
			return err
		}
	}
	packages, err := b.unpack(ctx, r.Packages, files)
	if err != nil {
		return unfit(drift, err)
	}
	tree, known, err := fill(r, packages, l.below)
	if err != nil {
		return unfit(drift, err)
	}
	if l.Layer, err = b.save(tree, known, b.o.layerDir(l.key)); err != nil {
		return fmt.Errorf("writing the layer: %w", err)
	}
	return nil
}

// renew looks for a layer in the cache by another recipe than planned, because packages have drifted.
func (b *builder) renew(l *stratum, r recipe) (err error) {
	if l.key, err = r.key(); err != nil {
		return err
	}
	l.Layer = layer.Load(b.o.layerDir(l.key))
	return nil
}

// keys returns the keys of layers.
func keys(layers []*stratum) []string {
	var out []string
	for _, l := range layers {
		out = append(out, l.key)
	}
	return out
}

// save writes a layer to the cache. It compresses only one of several layers with the same bytes, such as that of the tools
// on static and on musl.
func (b *builder) save(tree *layer.Tree, known map[string]layer.Package, dir string) (*layer.Layer, error) {
	id, err := tree.DiffID()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	once, twin := b.packed[id]
	if !twin {
		once = sync.OnceValues(func() (*layer.Layer, error) { return layer.Save(tree, known, dir, nil) })
		b.packed[id] = once
	}
	b.mu.Unlock()
	l, err := once()
	if err != nil || !twin {
		return l, err
	}
	return layer.Save(tree, known, dir, l)
}
