package assemble

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/internal/archive"
	"github.com/strata-buildpacks/strata/stacks/internal/deb"
	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

// Lock chooses the newest signed packages for the stacks named by o.Names and writes, per stack, the lock, the
// list of the image's files and the digests it has. Nothing is written unless all of it can be.
func Lock(ctx context.Context, o Options) error {
	if err := o.defaults(); err != nil {
		return err
	}
	o.Locked = true
	b := newBuilder(o)
	src, err := b.source()
	if err != nil {
		return err
	}
	stacks, err := o.lowestFirst()
	if err != nil {
		return err
	}
	indexes := map[string]*archive.Index{}
	for _, s := range stacks {
		if indexes[s.Codename] == nil {
			if indexes[s.Codename], err = archive.Open(ctx, src, s.Codename, o.Arch); err != nil {
				return err
			}
		}
		below, err := b.below(s)
		if err != nil {
			return err
		}
		if b.locks[s.Name], err = newLock(s, indexes[s.Codename], below); err != nil {
			return fmt.Errorf("locking stack %s: %w", s.Name, err)
		}
		if err := b.noRollback(s); err != nil {
			return err
		}
	}
	if _, err := b.images(ctx); err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, name := range o.Names {
		a, err := b.assemble(ctx, name)
		if err != nil {
			return err
		}
		if err := a.files(files, o.Arch); err != nil {
			return err
		}
	}
	return writeAll(files)
}

// lowestFirst returns the stacks named by o.Names, each after its base.
func (o *Options) lowestFirst() ([]*Stack, error) {
	var out []*Stack
	height := map[string]int{}
	for _, name := range o.Names {
		s, err := o.load(name)
		if err != nil {
			return nil, err
		}
		for base := s.base; base != nil; base = base.base {
			height[name]++
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b *Stack) int { return height[a.Name] - height[b.Name] })
	return out, nil
}

// below returns the locked packages of all the stacks below one, by name.
func (b *builder) below(s *Stack) (map[string]string, error) {
	versions := map[string]string{}
	for base := s.base; base != nil; base = base.base {
		l, err := b.lock(base)
		if err != nil {
			return nil, err
		}
		for _, p := range l.Packages {
			versions[p.Name] = p.Version
		}
	}
	return versions, nil
}

// newLock chooses the packages of a stack. Packages below are not taken again.
func newLock(s *Stack, ix *archive.Index, below map[string]string) (*lockFile, error) {
	l := &lockFile{Compressor: layer.Compressor}
	for _, suite := range ix.Suites {
		l.Suites = append(l.Suites, lockedSuite{Name: suite.Name, Archive: suite.Archive, Date: suite.Release.Date,
			SHA256: suite.SHA256, Signers: suite.Release.Signers})
		if suite.Release.Date.After(l.Date) {
			l.Date = suite.Release.Date
		}
	}
	have := maps.Clone(below)
	for _, def := range s.Layers {
		chosen, err := choose(s, ix, def, have)
		if err != nil {
			return nil, err
		}
		for _, p := range chosen {
			have[p.Name] = p.Version
			l.Packages = append(l.Packages, lockPackage(p, s.Version, def.Name))
		}
	}
	return l, nil
}

// choose returns the packages of a layer that no lower layer has: just those named, or all that they need. A
// dependency that several layers share is thus in the lowest of them.
func choose(s *Stack, ix *archive.Index, def Layer, have map[string]string) ([]*archive.Package, error) {
	file := s.Name + "/stack.toml"
	if s.Whole || def.Dependencies {
		chosen, _, err := ix.Resolve(def.Packages, def.Omit, have)
		if err != nil {
			return nil, err
		}
		// Of a shared layer's omissions some are of packages that this stack has below and another has not.
		_, idle, err := ix.Resolve(def.Packages, def.Omit, nil)
		if err == nil && len(idle) > 0 {
			err = fault.Fault{ID: "package-omit", What: file, Err: fmt.Errorf("omit names %s, which nothing depends on", strings.Join(idle, ", ")), Do: "remove it there"}
		}
		return chosen, err
	}
	var chosen []*archive.Package
	for _, name := range slices.Sorted(slices.Values(def.Packages)) {
		if _, ok := have[name]; ok {
			return nil, fault.Fault{ID: "package-twice", What: file, Err: fmt.Errorf("a lower layer has package %s already", name), Do: "name it once"}
		}
		p := ix.Newest(name)
		if p == nil {
			return nil, fault.Fault{ID: "package-unknown", What: file, Err: fmt.Errorf("the archive has no package %q", name), Do: "correct its name"}
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// noRollback refuses an index older than that of the lock in place.
func (b *builder) noRollback(s *Stack) error {
	old, err := loadLock(s, b.o.Arch)
	if err != nil {
		// There is no lock yet, or it cannot be read and is to be replaced.
		return nil
	}
	for _, was := range old.Suites {
		for _, is := range b.locks[s.Name].Suites {
			if is.Name == was.Name && is.Date.Before(was.Date) {
				return fault.Fault{ID: "lock-rollback", What: "InRelease of " + is.Name,
					Err: fmt.Errorf("it is of %s, the lock of stack %s was made from one of %s", is.Date.Format(time.RFC3339), s.Name, was.Date.Format(time.RFC3339)),
					Do:  "use a mirror that is up to date"}
			}
		}
	}
	return nil
}

// files adds what Lock writes for a stack, by path.
func (a *assembled) files(into map[string][]byte, arch string) error {
	img, err := a.image(arch)
	if err != nil {
		return err
	}
	digests, err := a.digests(img)
	if err != nil {
		return err
	}
	lock, err := a.lock.encode()
	if err != nil {
		return err
	}
	dir := filepath.Join(a.stack.dir, a.stack.Name)
	into[a.stack.lockPath(arch)] = lock
	into[filepath.Join(dir, "contents-"+arch+".txt")] = a.contents()
	into[filepath.Join(dir, "digests-"+arch+".txt")] = digests
	return nil
}

const listHeader = "# Code generated by strata stack lock. DO NOT EDIT.\n"

// digests lists the image and its layers: digest, uncompressed digest, name.
func (a *assembled) digests(img Image) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(listHeader)
	digest, err := img.Image.Digest()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "image %s %s\n", digest, img.Ref)
	for _, l := range a.layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		diff, err := l.DiffID()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "layer %s %s %s/%s\n", digest, diff, l.stack, l.name)
	}
	return b.Bytes(), nil
}

// contents lists the stack's own files: mode, owner, path, package.
func (a *assembled) contents() []byte {
	var b bytes.Buffer
	b.WriteString(listHeader)
	for _, l := range a.layers {
		if l.stack != a.stack.Name {
			continue
		}
		fmt.Fprintf(&b, "# %s\n", l.name)
		for _, e := range l.Entries() {
			if !e.Implicit {
				b.WriteString(line(e))
			}
		}
	}
	return b.Bytes()
}

func line(e layer.Entry) string {
	kind := map[deb.Type]string{deb.Regular: "-", deb.HardLink: "-", deb.Dir: "d", deb.Symlink: "l"}[e.Type]
	path, pkg := "/"+e.Path, e.Package
	if e.Type == deb.Symlink {
		path += " -> " + e.Link
	}
	if pkg == "" {
		pkg = "stack.toml"
	}
	return fmt.Sprintf("%s%04o %d:%d %s %s\n", kind, e.Mode, e.UID, e.GID, path, pkg)
}

// writeAll replaces files; each is written aside first, so that none is ever seen half.
func writeAll(files map[string][]byte) error {
	for path, b := range files {
		if err := os.WriteFile(path+".new", b, 0o644); err != nil {
			return err
		}
	}
	for path := range files {
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}
