package assemble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/stacks/internal/archive"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// revision goes into the key of every cached layer. It must change whenever this program makes other bytes of
// the same packages and files, or keeps something else beside them.
const revision = "2"

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

	mu      sync.Mutex
	stacks  map[string]func() (*assembled, error)
	indexes map[string]func() (*archive.Index, error)
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
	// packages are those that are in the layer, which those in drift are not as locked.
	packages []lockedPackage
	drift    []Drift
}

func newBuilder(o Options) *builder {
	client := o.client()
	return &builder{o: o, client: client,
		source:  sync.OnceValues(func() (archive.Source, error) { return o.source(client) }),
		locks:   map[string]*lockFile{},
		stacks:  map[string]func() (*assembled, error){},
		indexes: map[string]func() (*archive.Index, error){},
	}
}

func (b *builder) images(ctx context.Context) ([]Image, error) {
	// Stacks wait for their bases below, so a cycle must be found before any of them starts.
	for _, name := range b.o.Names {
		if err := noCycle(b.o.Dir, name); err != nil {
			return nil, err
		}
	}
	images := make([]Image, len(b.o.Names))
	g, ctx := errgroup.WithContext(ctx)
	for i, name := range b.o.Names {
		g.Go(func() error {
			a, err := b.assemble(ctx, name)
			if err != nil {
				return err
			}
			images[i], err = a.image(b.o.Arch)
			return err
		})
	}
	return images, g.Wait()
}

// noCycle walks from a stack to the lowest of its bases.
func noCycle(dir, name string) error {
	var seen []string
	for base := name; base != ""; {
		if slices.Contains(seen, base) {
			return fault.Fault{ID: "stack-cycle", What: "stack " + name, Err: fmt.Errorf("its bases go in a circle: %s", strings.Join(append(seen, base), ", ")),
				Do: "correct base in a stack.toml"}
		}
		seen = append(seen, base)
		s, err := Load(dir, base)
		if err != nil {
			return err
		}
		base = s.Base
	}
	return nil
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
	s, err := Load(b.o.Dir, name)
	if err != nil {
		return nil, err
	}
	a := &assembled{stack: s}
	if a.lock = b.locks[name]; a.lock == nil {
		if a.lock, err = loadLock(b.o.Dir, name, b.o.Arch); err != nil {
			return nil, err
		}
	}
	if err := a.lock.covers(s); err != nil {
		return nil, fault.Fault{ID: "lock-stale", What: lockPath(b.o.Dir, name, b.o.Arch), Err: err, Do: "run strata stack update " + name}
	}
	if s.Base != "" {
		base, err := b.assemble(ctx, s.Base)
		if err != nil {
			return nil, err
		}
		a.layers = slices.Clone(base.layers)
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

// covers checks that the lock was made for this stack.toml.
func (l *lockFile) covers(s *Stack) error {
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
			if !s.Whole && !have[want] || s.Whole && !slices.ContainsFunc(l.Packages, func(p lockedPackage) bool { return p.Name == want }) {
				return fmt.Errorf("stack.toml has package %s in layer %s, the lock has not", want, def.Name)
			}
		}
		if !s.Whole && len(have) > len(def.Packages) {
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
	Packages                   []lockedPackage
	Below                      []string
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
	if s.Whole {
		return r, nil
	}
	for _, p := range r.Packages {
		hash, err := sliceHash(b.o.Dir, p.Name)
		if err != nil {
			return r, err
		}
		if hash != p.Slice {
			return r, fault.Fault{ID: "lock-stale", What: lockPath(b.o.Dir, s.Name, b.o.Arch),
				Err: fmt.Errorf("%s is not as it was when the lock was made", slicePath(b.o.Dir, p.Name)), Do: "run strata stack update " + s.Name}
		}
		if r.Slices[p.Name], err = loadSlice(b.o.Dir, p.Name, b.o.Arch); err != nil {
			return r, err
		}
	}
	return r, nil
}

// stratum takes layer i of a stack from the cache or makes it.
func (b *builder) stratum(ctx context.Context, a *assembled, i int) (*stratum, error) {
	r, err := b.recipe(a, i)
	if err != nil {
		return nil, err
	}
	l := &stratum{stack: a.stack.Name, name: r.Layer.Name, comment: r.Layer.Comment, packages: r.Packages}
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
	packages, err := unpack(ctx, r.Packages, files)
	if err != nil {
		return nil, err
	}
	tree, known, err := fill(r, packages, a.layers)
	if err != nil {
		return nil, err
	}
	l.Layer, err = layer.Save(tree, known, b.o.layerDir(l.key))
	if err != nil {
		return nil, fmt.Errorf("writing the layer: %w", err)
	}
	return l, nil
}
