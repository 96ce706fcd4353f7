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
	"runtime"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/stacks/internal/archive"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
	"github.com/strata-buildpacks/strata/stacks/internal/truststore"
)

// revision goes into the key of every cached layer. It must change whenever this program makes other bytes of
// the same packages and files, or keeps something else beside them.
const revision = "4"

// Build makes the images named by o.Names from their locks, in that order and each for all of o.Archs.
func Build(ctx context.Context, o Options) ([]Image, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	return newBuilder(o).images(ctx)
}

// target is a stack for one architecture.
type target struct{ stack, arch string }

// builder makes every layer once, however many images have it.
type builder struct {
	o      Options
	client *fetch.Client
	source func() (archive.Source, error)
	// locks are those that are being made.
	locks map[target]*lockFile
	plans map[target]*assembled
	// strata are the layers of all plans.
	strata []*stratum
	// cancel ends all downloads.
	cancel context.CancelFunc
	// downloading holds what is being downloaded.
	downloading chan struct{}

	mu       sync.Mutex
	files    map[string]func() (string, error) // by hash
	packages map[string]func() (*deb.Package, error)
	indexes  map[string]func() (map[string]*archive.Index, error)
	packed   map[v1.Hash]func() (*layer.Layer, error) // by uncompressed digest
}

// assembled is a stack for one architecture with its layers, those of its base included.
type assembled struct {
	stack  *Stack
	arch   string
	lock   *lockFile
	layers []*stratum
}

// stratum is a layer and where it comes from.
type stratum struct {
	*layer.Layer
	stack, name, comment, key string
	// file is where the layer is written by hand.
	file   string
	recipe recipe
	below  []*stratum
	// made makes the layer, once, unless the cache has it.
	made func() error
	// packages are those that are in the layer, which those in drift are not as locked.
	packages []lockedPackage
	drift    []Drift
}

func newBuilder(o Options) *builder {
	client := o.client()
	return &builder{o: o, client: client,
		source:      sync.OnceValues(func() (archive.Source, error) { return o.source(client) }),
		locks:       map[target]*lockFile{},
		plans:       map[target]*assembled{},
		downloading: make(chan struct{}, downloads),
		files:       map[string]func() (string, error){},
		packages:    map[string]func() (*deb.Package, error){},
		indexes:     map[string]func() (map[string]*archive.Index, error){},
		packed:      map[v1.Hash]func() (*layer.Layer, error){},
	}
}

// images plans all images before it makes the first one.
func (b *builder) images(ctx context.Context) ([]Image, error) {
	ctx, b.cancel = context.WithCancel(ctx)
	defer b.cancel()
	var all []*assembled
	for _, name := range b.o.Names {
		s, err := b.o.load(name)
		if err != nil {
			return nil, err
		}
		for _, arch := range b.o.Archs {
			if s.LockOnly {
				continue
			}
			a, err := b.plan(ctx, target{name, arch})
			if err != nil {
				return nil, err
			}
			all = append(all, a)
		}
	}
	b.load()
	b.client.Expect(b.missing()...)
	images, errs := make([]Image, len(all)), make([]error, len(all))
	var made sync.WaitGroup
	for i, a := range all {
		made.Go(func() {
			if images[i], errs[i] = a.make(); errs[i] != nil {
				b.cancel()
			}
		})
	}
	made.Wait()
	if err := first(errs); err != nil {
		return nil, err
	}
	return images, nil
}

// load takes the layers that the cache has from it.
func (b *builder) load() {
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for _, l := range b.strata {
		g.Go(func() error {
			l.Layer = layer.Load(b.o.layerDir(l.key))
			return nil
		})
	}
	_ = g.Wait() // a layer that cannot be read is made again
}

// missing returns the packages of the layers that have to be made.
func (b *builder) missing() []fetch.Artifact {
	var out []fetch.Artifact
	for _, l := range b.strata {
		for _, p := range l.packages {
			if l.Layer == nil {
				out = append(out, fetch.Artifact{Name: p.Purl, Sum: "sha256:" + p.SHA256, Size: p.Size})
			}
		}
	}
	return out
}

// first returns the first error that is no consequence of another one, so that one mistake has one message.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

// make makes the layers and puts them together.
func (a *assembled) make() (Image, error) {
	for _, l := range a.layers {
		if err := l.made(); err != nil {
			return Image{}, err
		}
	}
	return a.image()
}

// plan reads a stack, its lock and what its layers are made of.
func (b *builder) plan(ctx context.Context, t target) (*assembled, error) {
	if a := b.plans[t]; a != nil {
		return a, nil
	}
	s, err := b.o.load(t.stack)
	if err != nil {
		return nil, err
	}
	if s.LockOnly {
		return nil, fault.Fault{ID: "stack-lock-only", What: "stack " + s.Name, Err: errors.New("it is a list of packages and has no image"), Do: "name a stack without lock-only"}
	}
	a := &assembled{stack: s, arch: t.arch}
	if s.Base != "" {
		base, err := b.plan(ctx, target{s.Base, t.arch})
		if err != nil {
			return nil, err
		}
		a.lock, a.layers = base.lock, slices.Clone(base.layers)
	}
	if len(s.Layers) > 0 {
		if err := b.planLayers(ctx, a); err != nil {
			return nil, err
		}
	}
	b.plans[t] = a
	return a, nil
}

// planLayers adds the stack's own layers.
func (b *builder) planLayers(ctx context.Context, a *assembled) error {
	s := a.stack
	below, err := b.below(s, a.arch)
	if err != nil {
		return err
	}
	if a.lock, err = b.lock(s, a.arch); err != nil {
		return err
	}
	if err := a.lock.covers(s, below); err != nil {
		return fault.Fault{ID: "lock-stale", What: s.lockPath(a.arch), Err: err, Do: "run strata stack update " + s.Name}
	}
	for i := range s.Layers {
		in := fmt.Sprintf("stack %s for %s, layer %s", s.Name, a.arch, s.Layers[i].Name)
		l, err := b.stratum(a, i)
		if err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
		l.made = sync.OnceValue(func() error {
			if err := b.make(ctx, a, l); err != nil {
				return fmt.Errorf("%s: %w", in, err)
			}
			return nil
		})
		a.layers, b.strata = append(a.layers, l), append(b.strata, l)
	}
	return nil
}

// lock returns the lock that is being made or else the one on disk.
func (b *builder) lock(s *Stack, arch string) (*lockFile, error) {
	if l := b.locks[target{s.Name, arch}]; l != nil {
		return l, nil
	}
	return loadLock(s, arch)
}

// covers checks that the lock was made for this stack.toml. Packages below are those that the base has.
func (l *lockFile) covers(s *Stack, below map[string]string) error {
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
			if _, ok := below[want]; ok {
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
	r := recipe{Revision: revision, Compressor: layer.Compressor, Arch: a.arch, Layer: s.Layers[i], Whole: s.Whole, Drop: s.Drop,
		Top: i == len(s.Layers)-1, Packages: a.lock.layer(s.Layers[i].Name), Slices: map[string][]string{}, Below: keys(a.layers)}
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
			return r, fault.Fault{ID: "lock-stale", What: s.lockPath(a.arch),
				Err: fmt.Errorf("slices/%s.toml is not as it was when the lock was made", p.Name), Do: "run strata stack update " + s.Name}
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

// stratum describes layer i of a stack, as it is if all below it is as locked.
func (b *builder) stratum(a *assembled, i int) (*stratum, error) {
	r, err := b.recipe(a, i)
	if err != nil {
		return nil, err
	}
	l := &stratum{stack: a.stack.Name, file: r.Layer.file, name: r.Layer.Name, comment: r.Layer.Comment, packages: r.Packages,
		recipe: r, below: slices.Clone(a.layers)}
	l.key, err = r.key()
	return l, err
}

// make makes a layer unless the cache has it. The layers below are made.
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

// renew takes a layer from the cache by another recipe than planned: one with packages that have drifted.
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
