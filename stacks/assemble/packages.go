package assemble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// downloads is how many packages are fetched at a time.
const downloads = 6

// debs fetches packages. If the mirror has dropped one, debs takes its newest version, and puts that into the list.
func (b *builder) debs(ctx context.Context, a *assembled, packages []lockedPackage) ([]string, []Drift, error) {
	if len(packages) == 0 {
		return nil, nil, nil
	}
	files := make([]string, len(packages))
	drifts, errs := make([]*Drift, len(packages)), make([]error, len(packages))
	var all sync.WaitGroup
	for i := range packages {
		all.Go(func() {
			files[i], errs[i] = b.deb(ctx, packages[i])
			if errors.Is(errs[i], fetch.ErrGone) {
				files[i], drifts[i], errs[i] = b.replace(ctx, a, &packages[i], errs[i])
			}
		})
	}
	all.Wait()
	if err := first(errs); err != nil {
		return nil, nil, err
	}
	var drift []Drift
	for _, d := range drifts {
		if d != nil {
			drift = append(drift, *d)
		}
	}
	return files, drift, nil
}

// deb fetches a package once for all layers that have it. If it fails, the downloads of all others end.
func (b *builder) deb(ctx context.Context, p lockedPackage) (string, error) {
	b.mu.Lock()
	once, ok := b.files[p.SHA256]
	if !ok {
		once = sync.OnceValues(func() (string, error) {
			b.downloading <- struct{}{}
			defer func() { <-b.downloading }()
			file, err := b.download(ctx, p)
			if err != nil && !errors.Is(err, fetch.ErrGone) {
				b.cancel()
			}
			return file, err
		})
		b.files[p.SHA256] = once
	}
	b.mu.Unlock()
	return once()
}

func (b *builder) download(ctx context.Context, p lockedPackage) (string, error) {
	src, err := b.source()
	if err != nil {
		return "", err
	}
	return b.client.Get(ctx, src.Mirrors.Artifact(p.Locked))
}

// replace fetches the newest signed version of a package that the mirror has dropped. A point release drops old files. That
// does not end a build, and a warning says so.
func (b *builder) replace(ctx context.Context, a *assembled, p *lockedPackage, gone error) (string, *Drift, error) {
	if b.o.Locked {
		return "", nil, fault.Fault{
			ID:   "lock-gone",
			What: p.Purl,
			Err:  fetch.ErrGone,
			Do:   "run strata stack update, name an archive of old files in STRATA_DEBIAN_SNAPSHOT_MIRROR, or build without --locked",
		}
	}
	ix, err := b.index(ctx, a.stack.Codename, a.arch)
	if err != nil {
		return "", nil, fmt.Errorf("looking for a newer version of %s: %w", p.Name, err)
	}
	newest := ix.Newest(p.Name)
	if newest == nil {
		return "", nil, fault.Fault{
			ID:   "lock-drift",
			What: p.Purl,
			Err:  errors.New("the mirror has dropped it, and has no other version"),
			Do:   mend,
		}
	}
	if newest.SHA256 == p.SHA256 {
		return "", nil, gone
	}
	d := &Drift{Package: p.Name, Locked: p.Version, Used: newest.Version}
	b.o.Log(fmt.Sprintf("warning: the mirror no longer has %s %s: using %s, so the digest is not the locked one",
		d.Package, d.Locked, d.Used))
	*p = lockPackage(newest, a.stack.Version, p.Layer, p.Slice)
	file, err := b.deb(ctx, *p)
	return file, d, err
}

// mend is what to do about a lock that the mirror has left behind.
const mend = "mend the stack and run strata stack update, or name an archive of old files in STRATA_DEBIAN_SNAPSHOT_MIRROR"

// unfit returns the fault of a layer whose packages have drifted: it is the packages' fault, and not the lock's.
func unfit(drift []Drift, err error) error {
	f, ok := errors.AsType[fault.Fault](err)
	if !ok || len(drift) == 0 {
		return err
	}
	f.Do = ""
	return fault.Fault{
		ID:   "lock-drift",
		What: "the mirror has dropped locked packages, and newer ones do not fit (" + drifted(drift) + ")",
		Err:  f,
		Do:   mend,
	}
}

// index opens the signed indexes of a release once, for all architectures. An index past its validity is an error when a lock
// is made. When a build looks for a package that its lock no longer finds, it is worth a warning.
func (b *builder) index(ctx context.Context, codename, arch string) (*archive.Index, error) {
	b.mu.Lock()
	once, ok := b.indexes[codename]
	if !ok {
		once = sync.OnceValues(func() (map[string]*archive.Index, error) {
			src, err := b.source()
			if err != nil {
				return nil, err
			}
			src.Stale = !b.o.Locked // Update is locked and comes here; a locked build does not
			indexes, err := archive.Open(ctx, src, codename, b.o.Archs...)
			if err != nil {
				return nil, err
			}
			for _, s := range indexes[arch].Suites {
				if v := s.Release.ValidUntil; !v.IsZero() && b.o.Now.After(v) {
					b.o.Log(fmt.Sprintf("warning: the mirror's index of %s was valid until %s: it may lack security updates",
						s.Name, v.Format("2 January 2006")))
				}
			}
			return indexes, nil
		})
		b.indexes[codename] = once
	}
	b.mu.Unlock()
	indexes, err := once()
	return indexes[arch], err
}

// unpacked is a package with its files.
type unpacked struct {
	lockedPackage
	*deb.Package
}

// unpack reads packages in parallel, each once for all stacks that have it. It puts base-files first, because the modes of
// its folders are the right ones.
func (b *builder) unpack(ctx context.Context, packages []lockedPackage, files []string) ([]unpacked, error) {
	out := make([]unpacked, len(packages))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, p := range packages {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.mu.Lock()
			once, ok := b.packages[p.SHA256]
			if !ok {
				once = sync.OnceValues(func() (*deb.Package, error) { return deb.Open(files[i]) })
				b.packages[p.SHA256] = once
			}
			b.mu.Unlock()
			d, err := once()
			if err != nil {
				return fault.Fault{
					ID:   "deb-invalid",
					What: p.Purl,
					Err:  err,
					Do:   "this package cannot be used: choose another version",
				}
			}
			out[i] = unpacked{p, d}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b unpacked) int {
		return cmp.Or(lowest(a)-lowest(b), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// lowest returns a number by which base-files comes before all others.
func lowest(p unpacked) int {
	if p.Name == "base-files" {
		return 0
	}
	return 1
}
