package store_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// disk is what a file system may have of a folder after each change: in memory, where every program sees it, and on the disk.
type disk struct {
	t   *testing.T
	dir string

	mu      sync.Mutex
	memory  map[string]*inode // by path
	onDisk  map[string]*inode
	changes int
	after   func() // called after each change
}

// inode is a file. Its content on the disk is nil until it was synced.
type inode struct{ memory, onDisk []byte }

// watch records what is done to a folder that exists already and is on the disk.
func watch(t *testing.T, dir string, after func(*disk)) *disk {
	t.Helper()
	d := &disk{t: t, dir: dir, memory: map[string]*inode{}, onDisk: map[string]*inode{}}
	for path, content := range files(t, dir) {
		d.memory[path] = &inode{content, content}
	}
	maps.Copy(d.onDisk, d.memory)
	d.after = func() { after(d) }
	whole.Watch = d.change
	t.Cleanup(func() { whole.Watch = nil })
	return d
}

func (d *disk) change(c whole.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.HasPrefix(c.Path, d.dir) {
		d.t.Errorf("something changes %s, outside of the store", c.Path)
		return
	}
	switch info, err := os.Stat(c.Path); {
	case c.To != "": // a new name
		content, err := os.ReadFile(c.To)
		if err != nil {
			d.t.Error(err)
		}
		file := d.memory[c.Path]
		if file == nil {
			file = &inode{}
		}
		file.memory = content
		delete(d.memory, c.Path)
		d.memory[c.To] = file
	case err != nil:
		d.t.Error(err)
	case info.IsDir(): // what has a name in it now keeps it
		in := func(path string, _ *inode) bool { return filepath.Dir(path) == c.Path }
		maps.DeleteFunc(d.onDisk, in)
		for path, file := range d.memory {
			if in(path, nil) {
				d.onDisk[path] = file
			}
		}
	default:
		content, err := os.ReadFile(c.Path)
		if err != nil {
			d.t.Error(err)
		}
		if d.memory[c.Path] == nil {
			d.memory[c.Path] = &inode{}
		}
		d.memory[c.Path].memory, d.memory[c.Path].onDisk = content, content
	}
	d.changes++
	d.after()
}

// cut writes what the disk may have when the power is cut now. Of a name that was not synced it has the old file or the new
// one, of content that was not synced the old, the new, a part, zeros or nothing.
func (d *disk) cut(random *rand.Rand, to string) {
	paths := map[string]bool{}
	for path := range d.memory {
		paths[path] = true
	}
	for path := range d.onDisk {
		paths[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		file := d.onDisk[path]
		if d.memory[path] != file && random.IntN(2) == 0 {
			file = d.memory[path]
		}
		if file == nil {
			continue
		}
		content := file.memory
		if !bytes.Equal(file.onDisk, file.memory) {
			part, zeros := file.memory[:random.IntN(len(file.memory)+1)], make([]byte, len(file.memory))
			content = [][]byte{file.memory, file.onDisk, part, zeros}[random.IntN(4)]
		}
		relative, err := filepath.Rel(d.dir, path)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(to, relative)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, relative), content, 0o644)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// surviveNotes has notes on blobs survive as they would with the files themselves, whose inodes and times are on the disk even if
// their content is not.
func surviveNotes(t *testing.T, dir string) {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(dir, "checked", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, note := range notes {
		var size int64
		content, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "blobs", "sha256", filepath.Base(note)))
		if _, scanErr := fmt.Sscan(string(content), &size); scanErr != nil || err != nil || info.Size() != size {
			continue
		}
		stat := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%d %d %d %d\n", size, stat.Ino, info.ModTime().UnixNano(), stat.Ctim.Nano())
		if err := os.WriteFile(note, []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns the files below a folder by their paths, except locks.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) == ".lock" {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestPowerCut cuts the power after each change that storing an image makes to the disk, and drops what was not synced until
// then, in several ways. The name then stands for the old image or the new one, in full, and storing the new one again ends
// well.
func TestPowerCut(t *testing.T) { // not parallel: it watches package whole
	run := platformtest.Run{}.Image(t)
	before := platformtest.App(t, run, platformtest.RunName, "before", nil)
	now := platformtest.App(t, run, platformtest.RunName, "now", nil)
	dir := t.TempDir()
	s := reopen(t, dir)
	platformtest.Put(t, s, platformtest.RunName, run)
	platformtest.Described(t, s, "app", before, "1")

	const ways = 2
	cuts := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	d := watch(t, dir, func(d *disk) {
		for way := range ways {
			d.cut(random, filepath.Join(cuts, fmt.Sprintf("%d-%d", d.changes, way)))
		}
	})
	platformtest.Described(t, reopen(t, dir), "app", now, "2")
	whole.Watch = nil

	// If something else than package whole wrote to the store, the test would know nothing of it.
	inMemory := map[string][]byte{}
	for path, file := range d.memory {
		inMemory[path] = file.memory
	}
	if diff := cmp.Diff(files(t, dir), inMemory); diff != "" {
		t.Fatalf("the store has (-) other files than were watched (+):\n%s", diff)
	}
	var mu sync.Mutex
	stands := map[v1.Hash]int{}
	entries, err := os.ReadDir(cuts)
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(16) // they wait for the disk
	for _, entry := range entries {
		group.Go(func() error {
			dir := filepath.Join(cuts, entry.Name())
			surviveNotes(t, dir)
			name, err := nameAfter(t.Context(), dir)
			if err == nil {
				err = storeAgain(t, dir, now)
			}
			if err != nil {
				t.Errorf("after cut %s: %v", entry.Name(), err)
			}
			mu.Lock()
			defer mu.Unlock()
			stands[name]++
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(stands) != 2 || stands[platformtest.Digest(t, before)] == 0 || stands[platformtest.Digest(t, now)] == 0 {
		t.Errorf("of %d cuts, the app was %v afterwards; want both the old and the new image", len(entries), stands)
	}
}

// nameAfter returns what the app's name stands for after a power cut, and an error if any image of the store is damaged.
func nameAfter(ctx context.Context, dir string) (v1.Hash, error) {
	s, err := store.Open(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	found, err := s.Verify(ctx)
	if err != nil {
		return v1.Hash{}, err
	}
	if len(found.Damaged) > 0 || len(found.Images) != 2 {
		return v1.Hash{}, fmt.Errorf("the store has %+v", found)
	}
	app, err := s.Find("app", "")
	if err != nil {
		return v1.Hash{}, err
	}
	return app.Digest()
}

// storeAgain is the next build after a power cut.
func storeAgain(t *testing.T, dir string, image v1.Image) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	if _, err := s.Put(platformtest.Parse(t, "app"), image, platformtest.Bills(t, "2")...); err != nil {
		return err
	}
	name, err := nameAfter(t.Context(), dir)
	if err == nil && name != platformtest.Digest(t, image) {
		err = fmt.Errorf("another build gives the app %s", name)
	}
	return err
}
