package assemble

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Due is what Update found to do.
type Due struct {
	Changes []Change
	// Files are the locks and lists that have to change, relative to Options.Dir and sorted. They may change although no
	// package does, because of a slice for example.
	Files []string
}

// Err returns a fault that says how much is due, or nil if nothing is.
func (d Due) Err() error {
	if len(d.Files) == 0 {
		return nil
	}
	return fault.Fault{
		ID:   "stack-due",
		What: fmt.Sprintf("%d package changes are due", len(d.Changes)),
		Err:  fmt.Errorf("not up to date: %s", strings.Join(d.Files, ", ")),
		Do:   "run strata stack update",
	}
}

// Change is a package that a new lock adds, drops, or has in another version.
type Change struct {
	Stack, Arch, Package string
	// Old is the locked version, empty if the package is new. New is the newest, empty if the package goes.
	Old, New string
	// Security reports whether the new version comes from the security archive.
	Security bool
}

// Update chooses the newest signed packages for the stacks that o.Names names, and returns what that changes. Unless o.Check is
// set, it then writes for each stack and architecture the lock, the list of the image's files, and the digests of the image.
// It writes all of it or nothing.
func Update(ctx context.Context, o Options) (Due, error) {
	if err := o.defaults(); err != nil {
		return Due{}, err
	}
	o.Locked = true
	b := newBuilder(o)
	var due Due
	stacks, err := o.lowestFirst()
	if err != nil {
		return Due{}, err
	}
	for _, s := range stacks {
		for _, arch := range o.Archs {
			if len(s.Layers) == 0 {
				continue
			}
			changes, err := b.relock(ctx, s, arch)
			if err != nil {
				return Due{}, fmt.Errorf("locking stack %s for %s: %w", s.Name, arch, err)
			}
			due.Changes = append(due.Changes, changes...)
		}
	}
	slices.SortStableFunc(due.Changes, func(a, b Change) int {
		return cmp.Compare(slices.Index(o.Names, a.Stack), slices.Index(o.Names, b.Stack))
	})
	if _, err := b.images(ctx); err != nil {
		return Due{}, err
	}
	files, err := b.due(stacks)
	if err != nil {
		return Due{}, err
	}
	for _, f := range files {
		rel, err := filepath.Rel(o.Dir, f.path)
		if err != nil {
			return Due{}, err
		}
		due.Files = append(due.Files, rel)
	}
	if o.Check {
		return due, nil
	}
	return due, replaceAll(files)
}

// due returns the files that have to change, sorted by path.
func (b *builder) due(stacks []*Stack) ([]file, error) {
	files := map[string][]byte{}
	for _, s := range stacks {
		for _, arch := range b.o.Archs {
			if err := b.filesOf(s, arch, files); err != nil {
				return nil, err
			}
		}
	}
	var due []file
	for _, path := range slices.Sorted(maps.Keys(files)) {
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("reading what is to be replaced: %w", err)
		}
		if !bytes.Equal(old, files[path]) {
			due = append(due, file{path, old, files[path]})
		}
	}
	return due, nil
}

// relock makes a new lock of a stack and compares it with the one in place.
func (b *builder) relock(ctx context.Context, s *Stack, arch string) ([]Change, error) {
	ix, err := b.index(ctx, s.Codename, arch)
	if err != nil {
		return nil, err
	}
	below, err := b.below(s, arch)
	if err != nil {
		return nil, err
	}
	is, err := newLock(s, ix, below, b.sliceDirs(s))
	if err != nil {
		return nil, err
	}
	b.locks[target{s.Name, arch}] = is
	was, err := loadLock(s, arch)
	if err != nil {
		// There is no lock yet, or it cannot be read and will be replaced.
		was = &lockFile{}
	}
	if err := is.noRollback(s.Name, was); err != nil {
		return nil, err
	}
	is.keep(was)
	return is.changes(s.Name, arch, was), nil
}

// noRollback refuses an index that is older than that of the lock in place.
func (l *lockFile) noRollback(stack string, old *lockFile) error {
	for _, was := range old.Suites {
		for _, is := range l.Suites {
			if is.Name == was.Name && is.Date.Before(was.Date) {
				return fault.Fault{
					ID:   "lock-rollback",
					What: "InRelease of " + is.Name,
					Err: fmt.Errorf("it is of %s, and the lock of stack %s was made from one of %s",
						is.Date.Format(time.RFC3339), stack, was.Date.Format(time.RFC3339)),
					Do: "use a mirror that is up to date",
				}
			}
		}
	}
	return nil
}

// keep takes the indexes of the old lock if they vouch for the same packages. An index is signed again several times a day,
// and that alone gives an image no other date and digest.
func (l *lockFile) keep(old *lockFile) {
	same := func(a, b lockedPackage) bool {
		return a.SHA256 == b.SHA256 && a.Archive == b.Archive && a.Path == b.Path && a.Layer == b.Layer
	}
	if old.Suites != nil && slices.EqualFunc(l.Packages, old.Packages, same) {
		l.Date, l.Suites = old.Date, old.Suites
	}
}

// changes returns what differs from the old lock, by package.
func (l *lockFile) changes(stack, arch string, old *lockFile) []Change {
	byName := map[string]Change{}
	for _, p := range old.Packages {
		byName[p.Name] = Change{Stack: stack, Arch: arch, Package: p.Name, Old: p.Version}
	}
	for _, p := range l.Packages {
		c := byName[p.Name]
		byName[p.Name] = Change{Stack: stack, Arch: arch, Package: p.Name, Old: c.Old, New: p.Version, Security: p.Archive == deb.Security}
	}
	maps.DeleteFunc(byName, func(_ string, c Change) bool { return c.Old == c.New })
	return slices.SortedFunc(maps.Values(byName), func(a, b Change) int { return cmp.Compare(a.Package, b.Package) })
}

// file is a file that gets another content. old is nil if there is none yet.
type file struct {
	path     string
	old, new []byte
}

// replaceAll replaces all files or none. It first writes each new content beside the old one, so that every file is whole at
// any time.
func replaceAll(files []file) (err error) {
	defer func() {
		for _, f := range files {
			_ = os.Remove(f.path + ".new") // after a success there is none
		}
		if err != nil {
			err = fault.Fault{
				ID:   "lock-write",
				What: "the locks cannot be written, and none has changed",
				Err:  err,
				Do:   "make the folder writable",
			}
		}
	}()
	for _, f := range files {
		if err := os.WriteFile(f.path+".new", f.new, 0o644); err != nil {
			return err
		}
	}
	for i, f := range files {
		if err := os.Rename(f.path+".new", f.path); err != nil {
			return errors.Join(err, restore(files[:i]))
		}
	}
	return nil
}

// restore undoes a replacement.
func restore(files []file) error {
	var errs []error
	for _, f := range files {
		if f.old == nil {
			errs = append(errs, os.Remove(f.path))
		} else {
			errs = append(errs, os.WriteFile(f.path, f.old, 0o644))
		}
	}
	return errors.Join(errs...)
}
