package assemble

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// Build makes the images of the stacks that o.Names names from their locks, in that order, each for all of o.Archs.
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
	locks  map[target]*lockFile // locks that are being made
	plans  map[target]*assembled
	strata []*stratum         // the layers of all plans
	cancel context.CancelFunc // ends all downloads

	downloading chan struct{} // has an element for each download under way

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

// load takes layers from the cache.
func (b *builder) load() {
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for _, l := range b.strata {
		g.Go(func() error {
			l.Layer = layer.Load(b.o.layerDir(l.key))
			return nil
		})
	}
	_ = g.Wait() // no function fails: a layer that cannot be read is made again
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

// first returns the first error that does not follow from another one, so that one mistake has one message.
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

// plan reads a stack, its lock, and what its layers are made of.
func (b *builder) plan(ctx context.Context, t target) (*assembled, error) {
	if a := b.plans[t]; a != nil {
		return a, nil
	}
	s, err := b.o.load(t.stack)
	if err != nil {
		return nil, err
	}
	if s.LockOnly {
		return nil, fault.Fault{
			ID:   "stack-lock-only",
			What: "stack " + s.Name,
			Err:  errors.New("it is a list of packages and has no image"),
			Do:   "name a stack without lock-only",
		}
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

// planLayers adds the layers of the stack itself.
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

// lock returns the lock that is being made or, if there is none, the one on disk.
func (b *builder) lock(s *Stack, arch string) (*lockFile, error) {
	if l := b.locks[target{s.Name, arch}]; l != nil {
		return l, nil
	}
	return loadLock(s, arch)
}
