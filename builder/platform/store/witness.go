package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// What lies in a store's folder besides an OCI image layout.
const (
	indexLock     = "index.lock" // locked while index.json is changed
	blobsLock     = "blobs.lock" // locked while a blob gets or loses its name
	checkedFolder = "checked"    // a witness of each blob that was hashed, by its digest
	damagedFolder = "damaged"    // blobs that were not good, by the digests that they should have
)

// witness is what a file system says of a file. A program that writes the file changes it.
type witness struct {
	size              int64 // bytes
	inode             uint64
	modified, changed int64 // nanoseconds since 1970
}

func witnessOf(info fs.FileInfo) witness {
	w := witness{size: info.Size(), modified: info.ModTime().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		w.inode, w.changed = stat.Ino, stat.Ctim.Nano()
	}
	return w
}

// String returns one line: size, inode, and the times of the last writing and of the last change.
func (w witness) String() string {
	return fmt.Sprintf("%d %d %d %d\n", w.size, w.inode, w.modified, w.changed)
}

// tick is longer than the clock of a file system takes to move on. Two writings within it may have the same time.
const tick = 20 * time.Millisecond

// seen is what a process knows of blobs.
type seen struct {
	mu       sync.Mutex
	good     map[v1.Hash]witness // hashed as they were written or read
	unsynced map[v1.Hash]bool    // those that may not be on the disk
}

// add notes that a blob is good, though it may not be on the disk: a killed command may have left it.
func (s *seen) add(digest v1.Hash, file witness) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good[digest], s.unsynced[digest] = file, true
}

func (s *seen) has(digest v1.Hash, file witness) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, found := s.good[digest]
	return found && known == file
}

// checked reports whether a blob's file is as it was when a process hashed it and had it on the disk.
func (b Blobs) checked(digest v1.Hash, file witness) bool {
	noted, err := os.ReadFile(b.witnessFile(digest))
	return err == nil && string(noted) == file.String()
}

func (b Blobs) witnessFile(digest v1.Hash) string {
	return filepath.Join(b.dir, checkedFolder, digest.Hex)
}

// sync returns when all blobs that this process has written or hashed are on the disk, and notes their witnesses. They are
// synced together: the file system then writes its journal once.
func (b Blobs) sync() error {
	b.seen.mu.Lock()
	defer b.seen.mu.Unlock()
	if len(b.seen.unsynced) == 0 {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(32)
	for digest := range b.seen.unsynced {
		group.Go(func() error {
			err := whole.Sync(b.Path(digest))
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				return err
			}
			// The kernel says once only that it lost what was written.
			return errors.Join(err, os.Remove(b.Path(digest)))
		})
	}
	err := group.Wait()
	if err == nil {
		err = whole.Sync(b.folder())
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(b.dir, checkedFolder), 0o755)
	}
	if err != nil {
		return fmt.Errorf("writing blobs to the disk: %w", err)
	}
	for digest := range b.seen.unsynced {
		if err := b.note(digest, b.seen.good[digest]); err != nil {
			return err
		}
		delete(b.seen.unsynced, digest)
	}
	return nil
}

// note writes the witness of a blob down, unless it would also be that of a writing that comes at once. Such a blob is hashed
// again when it is next needed.
func (b Blobs) note(digest v1.Hash, file witness) error {
	if time.Since(time.Unix(0, file.changed)) < tick {
		return nil
	}
	if err := whole.Note(b.witnessFile(digest), []byte(file.String())); err != nil {
		return fmt.Errorf("noting that the blob %s is good: %w", digest, err)
	}
	return nil
}
