// Package layer makes image layers whose bytes depend only on the files in them.
package layer

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/stacks/internal/ldcache"
)

// Epoch is the modification time of every file and the creation time of every image. The lifecycle gives it to app layers. It is
// one second after the oldest time that zip files can hold.
var Epoch = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)

// Entry is a file of a layer without its content.
type Entry struct {
	Path    string   `json:"path"`
	Type    deb.Type `json:"type"`
	Mode    int64    `json:"mode"`
	UID     int      `json:"uid,omitempty"`
	GID     int      `json:"gid,omitempty"`
	Link    string   `json:"link,omitempty"`
	Package string   `json:"package,omitempty"`
	// Size is the size of a regular file in bytes, and Soname the name of a shared library.
	Size     int64  `json:"size,omitempty"`
	Soname   string `json:"soname,omitempty"`
	Implicit bool   `json:"implicit,omitempty"`
}

// Tree is a file system that grows by layers. Files go into the top layer, and none may be there twice.
type Tree struct {
	below map[string]Entry
	top   map[string]Entry
	data  map[string][]byte
	// parents has every folder with something in it, even one that no package has, and a path in that folder.
	parents map[string]string
}

// NewTree returns a tree on top of layers with some entries, lowest first.
func NewTree(below ...[]Entry) *Tree {
	t := &Tree{below: map[string]Entry{}, top: map[string]Entry{}, data: map[string][]byte{}, parents: map[string]string{}}
	for _, entries := range below {
		for _, e := range entries {
			t.below[e.Path] = e
			if !e.Implicit {
				t.adopt(e.Path)
			}
		}
	}
	return t
}

// Add puts a file of a package into the top layer, or one of the stack itself if pkg is "". A folder may be added again, and keeps
// its mode and owner. It is an error to add anything else twice, or below something that is no folder.
func (t *Tree) Add(f deb.File, pkg string) error {
	for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
		if e, ok := t.Lookup(dir); ok && e.Type != deb.Dir {
			return fmt.Errorf("/%s of %s is below /%s of %s, which is no folder", f.Path, owner(pkg), dir, owner(e.Package))
		}
	}
	if e, ok := t.Lookup(f.Path); ok {
		if e.Type == deb.Dir && f.Type == deb.Dir {
			return nil
		}
		if !e.Implicit {
			return fmt.Errorf("/%s is in %s and in %s", f.Path, owner(e.Package), owner(pkg))
		}
	}
	if child, ok := t.parents[f.Path]; ok && f.Type != deb.Dir {
		e, _ := t.Lookup(child)
		return fmt.Errorf("/%s of %s is below /%s of %s, which is no folder", child, owner(e.Package), f.Path, owner(pkg))
	}
	t.put(f, pkg)
	return nil
}

func (t *Tree) put(f deb.File, pkg string) {
	e := Entry{Path: f.Path, Type: f.Type, Mode: f.Mode, UID: f.UID, GID: f.GID, Link: f.Link, Package: pkg}
	if f.Type == deb.Regular {
		t.data[f.Path] = f.Data
		e.Size, e.Soname = int64(len(f.Data)), ldcache.Soname(f.Data)
	}
	t.top[f.Path] = e
	t.adopt(f.Path)
}

// Replace puts a regular file of the stack itself into the top layer, in the place of one that a lower layer may have.
func (t *Tree) Replace(f deb.File) error {
	if e, ok := t.Lookup(f.Path); ok && e.Type == deb.Regular && e.Package == "" {
		t.put(f, "")
		return nil
	}
	return t.Add(f, "")
}

// All returns the topmost entry of each path of all layers.
func (t *Tree) All() map[string]Entry {
	all := maps.Clone(t.below)
	maps.Copy(all, t.top)
	return all
}

// adopt notes the folders above a path.
func (t *Tree) adopt(p string) {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if _, ok := t.parents[dir]; ok {
			return
		}
		t.parents[dir] = p
	}
}

// Declare adds a folder of the stack itself. If the top layer has the folder, it gets the new mode and owner.
func (t *Tree) Declare(f deb.File) error {
	if e, ok := t.top[f.Path]; ok && e.Type == deb.Dir {
		e.Mode, e.UID, e.GID, e.Package = f.Mode, f.UID, f.GID, ""
		t.top[f.Path] = e
		return nil
	}
	return t.Add(f, "")
}

// Lookup finds a path in the top layer or, if it is not there, in those below.
func (t *Tree) Lookup(p string) (Entry, bool) {
	if e, ok := t.top[p]; ok {
		return e, true
	}
	e, ok := t.below[p]
	return e, ok
}

// Entries returns the top layer, sorted by path. It has every parent folder, even if a lower layer has it already: some runtimes
// unpack layers one by one.
func (t *Tree) Entries() []Entry {
	all := maps.Clone(t.top)
	for p := range t.top {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; ok {
				continue
			}
			e, ok := t.below[dir]
			if !ok {
				e = Entry{Path: dir, Type: deb.Dir, Mode: 0o755}
			}
			e.Implicit = true
			all[dir] = e
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
}

// write writes the top layer as a tar file.
func (t *Tree) write(w io.Writer) error {
	tw := tar.NewWriter(w)
	for _, e := range t.Entries() {
		h := &tar.Header{Name: e.Path, Mode: e.Mode, Uid: e.UID, Gid: e.GID, ModTime: Epoch, Linkname: e.Link}
		switch e.Type {
		case deb.Dir:
			h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
		case deb.Symlink:
			h.Typeflag = tar.TypeSymlink
		case deb.HardLink:
			h.Typeflag = tar.TypeLink
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(t.data[e.Path]))
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("writing /%s: %w", e.Path, err)
		}
		if h.Size > 0 {
			if _, err := tw.Write(t.data[e.Path]); err != nil {
				return fmt.Errorf("writing /%s: %w", e.Path, err)
			}
		}
	}
	return tw.Close()
}

func owner(pkg string) string {
	if pkg == "" {
		return "stack.toml"
	}
	return "package " + pkg
}
