package assemble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/stacks/internal/archive"
	"github.com/strata-buildpacks/strata/stacks/internal/deb"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
	"github.com/strata-buildpacks/strata/stacks/internal/truststore"
)

// revision goes into the key of every cached layer. It must change whenever this program makes other bytes of
// the same packages and files, or keeps something else beside them.
const revision = "4"

// Build makes the images named by o.Names, in that order, from their locks.
func Build(ctx context.Context, o Options) ([]Image, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	return newBuilder(o).images(ctx)
}

// builder makes every layer once, however many images have it.
type builder struct {
	o      Options
	client *fetch.Client
	source func() (archive.Source, error)
	locks  map[string]*lockFile

	mu       sync.Mutex
	stacks   map[string]func() (*assembled, error)
	packages map[string]func() (*deb.Package, error)
	indexes  map[string]func() (*archive.Index, error)
	packed   map[v1.Hash]func() (*layer.Layer, error) // by uncompressed digest
}

// assembled is a stack with its finished layers, those of its base included.
type assembled struct {
	stack  *Stack
	lock   *lockFile
	layers []*stratum
}

// stratum is a finished layer and where it comes from.
type stratum struct {
	*layer.Layer
	stack, name, comment, key string
	// file is where the layer is written by hand.
	file string
	// packages are those that are in the layer, which those in drift are not as locked.
	packages []lockedPackage
	drift    []Drift
}

func newBuilder(o Options) *builder {
	client := o.client()
	return &builder{o: o, client: client,
		source:   sync.OnceValues(func() (archive.Source, error) { return o.source(client) }),
		locks:    map[string]*lockFile{},
		stacks:   map[string]func() (*assembled, error){},
		packages: map[string]func() (*deb.Package, error){},
		indexes:  map[string]func() (*archive.Index, error){},
		packed:   map[v1.Hash]func() (*layer.Layer, error){},
	}
}

func (b *builder) images(ctx context.Context) ([]Image, error) {
	images, errs := make([]Image, len(b.o.Names)), make([]error, len(b.o.Names))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for i, name := range b.o.Names {
		all.Go(func() {
			a, err := b.assemble(ctx, name)
			if err == nil {
				images[i], err = a.image(b.o.Arch)
			}
			if errs[i] = err; err != nil {
				cancel()
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err // of the first stack that fails, so that one mistake has one message
		}
	}
	return images, errors.Join(errs...)
}

// assemble makes the layers of a stack, once for all who ask.
func (b *builder) assemble(ctx context.Context, name string) (*assembled, error) {
	b.mu.Lock()
	once, ok := b.stacks[name]
	if !ok {
		once = sync.OnceValues(func() (*assembled, error) { return b.strata(ctx, name) })
		b.stacks[name] = once
	}
	b.mu.Unlock()
	return once()
}

func (b *builder) strata(ctx context.Context, name string) (*assembled, error) {
	s, err := b.o.load(name)
	if err != nil {
		return nil, err
	}
	a := &assembled{stack: s}
	below := map[string]bool{}
	if s.Base != "" {
		base, err := b.assemble(ctx, s.Base)
		if err != nil {
			return nil, err
		}
		a.layers = slices.Clone(base.layers)
		if len(s.Layers) == 0 {
			a.lock = base.lock
			return a, nil
		}
		for _, l := range a.layers {
			for pkg := range l.Packages() {
				below[pkg] = true
			}
		}
	}
	if a.lock, err = b.lock(s); err != nil {
		return nil, err
	}
	if err := a.lock.covers(s, below); err != nil {
		return nil, fault.Fault{ID: "lock-stale", What: s.lockPath(b.o.Arch), Err: err, Do: "run strata stack update " + name}
	}
	for i := range s.Layers {
		l, err := b.stratum(ctx, a, i)
		if err != nil {
			return nil, fmt.Errorf("stack %s, layer %s: %w", name, s.Layers[i].Name, err)
		}
		a.layers = append(a.layers, l)
	}
	return a, nil
}

// lock returns the lock that is being made or else the one on disk.
func (b *builder) lock(s *Stack) (*lockFile, error) {
	if l := b.locks[s.Name]; l != nil {
		return l, nil
	}
	return loadLock(s, b.o.Arch)
}

// covers checks that the lock was made for this stack.toml. Packages below are those that the base has.
func (l *lockFile) covers(s *Stack, below map[string]bool) error {
	if l.Compressor != layer.Compressor {
		return fmt.Errorf("it was made for the compressor %q, this is %q", l.Compressor, layer.Compressor)
	}
	layers := map[string]bool{}
	for _, def := range s.Layers {
		layers[def.Name] = true
		have := map[string]bool{}
		for _, p := range l.layer(def.Name) {
			have[p.Name] = true
		}
		for _, want := range def.Packages {
			if below[want] {
				continue
			}
			if !s.Whole && !have[want] || s.Whole && !slices.ContainsFunc(l.Packages, func(p lockedPackage) bool { return p.Name == want }) {
				return fmt.Errorf("stack.toml has package %s in layer %s, the lock has not", want, def.Name)
			}
		}
		if !s.Whole && !def.Dependencies && len(have) > len(def.Packages) {
			return fmt.Errorf("the lock has more packages in layer %s than stack.toml", def.Name)
		}
	}
	for _, p := range l.Packages {
		if !layers[p.Layer] {
			return fmt.Errorf("it has package %s in layer %q, which stack.toml has not", p.Name, p.Layer)
		}
	}
	return nil
}

// recipe is all that a layer's bytes depend on. Its hash is the layer's key in the cache.
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
	r := recipe{Revision: revision, Compressor: layer.Compressor, Arch: b.o.Arch, Layer: s.Layers[i], Whole: s.Whole, Drop: s.Drop,
		Top: i == len(s.Layers)-1, Packages: a.lock.layer(s.Layers[i].Name), Slices: map[string][]string{}}
	for _, l := range a.layers {
		r.Below = append(r.Below, l.key)
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
			return r, fault.Fault{ID: "lock-stale", What: s.lockPath(b.o.Arch),
				Err: fmt.Errorf("slices/%s.toml is not as it was when the lock was made", p.Name), Do: "run strata stack update " + s.Name}
		}
		if file == "" {
			continue // the package is whole
		}
		if r.Slices[p.Name], err = loadSlice(file, b.o.Arch); err != nil {
			return r, err
		}
	}
	return r, nil
}

// certificates reads the files with certificates of a layer. What stands between the certificates is left out.
func (s *Stack) certificates(l Layer) ([]string, error) {
	var out []string
	for _, name := range l.Certificates {
		file := filepath.Join(s.dir, s.Name, name)
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Fault{ID: "certificate-missing", What: "certificate " + name, Err: err, Do: "correct certificates in its stack.toml"}
		}
		found, err := truststore.Parse(b)
		if err != nil {
			return nil, fault.Fault{ID: "certificate-invalid", What: file, Err: err, Do: "give certificates in PEM and nothing else"}
		}
		for _, c := range found {
			out = append(out, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
		}
	}
	return out, nil
}

// sliceDirs are the folders with slices for a stack. A stack of Base does not see those of Dir: its layers are the
// same whatever stands on them.
func (b *builder) sliceDirs(s *Stack) []string {
	if b.o.Base == "" || s.dir == b.o.Base {
		return []string{s.dir}
	}
	return []string{s.dir, b.o.Base}
}

// stratum takes layer i of a stack from the cache or makes it.
func (b *builder) stratum(ctx context.Context, a *assembled, i int) (*stratum, error) {
	r, err := b.recipe(a, i)
	if err != nil {
		return nil, err
	}
	l := &stratum{stack: a.stack.Name, file: r.Layer.file, name: r.Layer.Name, comment: r.Layer.Comment, packages: r.Packages}
	if l.key, err = r.key(); err != nil {
		return nil, err
	}
	if l.Layer = layer.Load(b.o.layerDir(l.key)); l.Layer != nil {
		return l, nil
	}
	files, drift, err := b.debs(ctx, a.stack.Codename, a.stack.Version, r.Packages)
	if err != nil {
		return nil, err
	}
	if l.drift = drift; len(drift) > 0 {
		if l.key, err = r.key(); err != nil {
			return nil, err
		}
		if l.Layer = layer.Load(b.o.layerDir(l.key)); l.Layer != nil {
			return l, nil
		}
	}
	packages, err := b.unpack(ctx, r.Packages, files)
	if err != nil {
		return nil, unfit(drift, err)
	}
	tree, known, err := fill(r, packages, a.layers)
	if err != nil {
		return nil, unfit(drift, err)
	}
	if l.Layer, err = b.save(tree, known, b.o.layerDir(l.key)); err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	return l, nil
}

// save writes a layer to the cache. Of layers with the same bytes, such as that of the tools on static and on musl, one
// is compressed.
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
