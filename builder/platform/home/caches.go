package home

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// Limits bound the caches of all apps together.
type Limits struct {
	Bytes int64
	Age   time.Duration // since the last build of an app
}

// DefaultLimits are those of a home for which nobody sets others.
var DefaultLimits = Limits{Bytes: 10e9, Age: 30 * 24 * time.Hour}

// Use is what the home knows of an app's caches. It lies beside them, and its time is that of the last build.
type Use struct {
	Image string `json:"image"` // empty if the only build was killed
	Made  string `json:"made"`  // digest of what the last build made; empty if it failed
	Bytes int64  `json:"bytes"`

	dir  string
	last time.Time
}

// The names in the folder of an app that are no caches.
const (
	appLock = "lock"
	useFile = "use.json"
)

// NoteUse writes down that an app was built now, and how large its caches are. A build that makes the image of the build before it is
// taken to leave the caches as large as they were. The caller has the lock of App.
func (h *Home) NoteUse(app name.Reference, made v1.Hash) error {
	u := Use{Image: app.Name(), dir: filepath.Join(h.dir, "apps", appKey(app.Name()))}
	if made != (v1.Hash{}) {
		u.Made = made.String()
	}
	if before, found := readUseFile(u.dir); found && u.Made != "" && before.Made == u.Made {
		now := time.Now()
		return os.Chtimes(filepath.Join(u.dir, useFile), now, now)
	}
	return u.write()
}

// write measures the caches and writes the file.
func (u *Use) write() (err error) {
	if u.Bytes, err = size(u.dir); err != nil {
		return err
	}
	content, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("writing down the size of caches: %w", err)
	}
	return whole.Note(filepath.Join(u.dir, useFile), content) // without it, the next build measures again
}

// Trim drops the caches of apps that were not built for the limits' age, then of those that were built the longest ago, until
// all are within the limits' bytes. It passes over those that are in use, and moves dropped ones into the folder scratch at
// once, so that no app meets a half of them. The caller removes scratch. What cannot be dropped or measured stops it from nothing
// else; its error says so.
func (h *Home) Trim(limits Limits, scratch string) ([]Use, error) {
	entries, err := os.ReadDir(filepath.Join(h.dir, "apps"))
	if err != nil {
		return nil, fmt.Errorf("reading the home folder: %w", err)
	}
	var uses []Use
	var total int64
	var failed error
	for _, entry := range entries {
		u, found, err := readUse(filepath.Join(h.dir, "apps", entry.Name()))
		failed = errors.Join(failed, err)
		if found {
			uses = append(uses, u)
			total += u.Bytes
		}
	}
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Or(a.last.Compare(b.last), cmp.Compare(a.dir, b.dir)) })
	var dropped []Use
	for _, u := range uses {
		if total <= limits.Bytes && time.Since(u.last) <= limits.Age {
			break // all others were built later
		}
		gone, err := u.drop(scratch)
		failed = errors.Join(failed, err)
		if gone {
			total -= u.Bytes
			dropped = append(dropped, u)
		}
	}
	return dropped, failed
}

// readUse reads what is known of the caches in a folder, and whether there are any that may be looked at. Where a killed build
// left them without a word, it measures them.
func readUse(dir string) (u Use, found bool, err error) {
	if u, found := readUseFile(dir); found {
		return u, true, nil
	}
	u.dir = dir
	if len(cachesIn(dir)) == 0 {
		return u, false, nil
	}
	unlock, err := flock.Try(filepath.Join(dir, appLock))
	if err != nil {
		return u, false, nil // a build is under way
	}
	defer unlock()
	if err := u.write(); err != nil {
		return u, false, err
	}
	u.last = changed(filepath.Join(dir, useFile))
	return u, true, nil
}

// readUseFile reads what is known of the caches in a folder, if anything is.
func readUseFile(dir string) (u Use, found bool) {
	file := filepath.Join(dir, useFile)
	content, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(content, &u) != nil {
		return Use{dir: dir}, false
	}
	u.dir, u.last = dir, changed(file)
	return u, true
}

// changed returns when a file was written, or no time if it is gone.
func changed(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// drop moves the caches away, unless a build uses them. It reports whether it did.
func (u Use) drop(scratch string) (gone bool, err error) {
	unlock, err := flock.Try(filepath.Join(u.dir, appLock))
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	if now := changed(filepath.Join(u.dir, useFile)); now.IsZero() || !now.Equal(u.last) {
		return false, nil // another command dropped them, or used them meanwhile
	}
	to, err := os.MkdirTemp(scratch, "caches-")
	if err != nil {
		return false, fmt.Errorf("dropping caches: %w", err)
	}
	for _, name := range cachesIn(u.dir) {
		// A folder that moves is written to, and a build may have closed its own. It cannot have put a link in its place.
		from := filepath.Join(u.dir, name)
		if err := errors.Join(os.Chmod(from, 0o755), os.Rename(from, filepath.Join(to, name))); err != nil {
			return false, fmt.Errorf("dropping caches: %w", err)
		}
	}
	if err := os.Rename(filepath.Join(u.dir, useFile), filepath.Join(to, useFile)); err != nil {
		return false, fmt.Errorf("dropping caches: %w", err)
	}
	return true, nil
}

// cachesIn returns the names of the caches in the folder of an app.
func cachesIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it is gone
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}
