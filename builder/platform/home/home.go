// Package home is the folder that holds the images of a user, the caches of their apps, and what a running command needs.
// It says where each thing lies, who may use it at a time, and when it goes.
package home

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Home is such a folder:
//
//	store/      the images, an OCI image layout
//	apps/       a folder per app image: its lock, its caches, and how large they were when
//	builders/   the unpacked file systems of builders, by digest
//	tools/      a folder per builder, by digest: the tools that its buildpacks installed for all apps
//	locks/      locks of tools that are being installed
//	zstd/       which blob of the store holds a layer compressed by Zstandard, by the layer's digest
//	tmp/        a folder per running command
//
// Several processes may use a home at the same time.
type Home struct {
	Store *store.Store
	// Note, unless it is nil, is told what the user should know and what fails no command.
	Note func(text string)

	dir string
	use *os.File // locked while the home is in use, so that nobody prunes it
}

// Open opens a home, and makes it if there is none. If that is not possible, the error is a fault. A home that is there need not be
// writable for commands that read.
func Open(dir string) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", dir, err)
	}
	for _, folder := range []string{"apps", "builders", "tools", "tmp"} {
		// Nobody else may enter: what a build leaves in its caches could be a program with the rights of the build's user.
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, notWritable(dir, err)
		}
	}
	lock := filepath.Join(dir, "use.lock")
	use, err := os.OpenFile(lock, os.O_CREATE|os.O_RDWR, 0o600)
	if readOnly(err) {
		if use, err = os.Open(lock); err != nil {
			return nil, notWritable(dir, err)
		}
	}
	if err == nil {
		err = unix.Flock(int(use.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	s, err := store.Open(filepath.Join(dir, "store"))
	if err != nil {
		return nil, err
	}
	return &Home{Store: s, dir: dir, use: use}, nil
}

// readOnly reports whether an error is that of a home which may be read and not written.
func readOnly(err error) bool { return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) }

func notWritable(dir string, err error) error {
	return fault.Fault{
		ID:   "home-not-writable",
		What: "cannot keep images in " + dir,
		Err:  err,
		Do:   "set STRATA_HOME to a folder that you may write",
	}
}

// App makes and locks the folder of an app image. If another process has the lock, App calls waiting, unless it is nil,
// and waits.
func (h *Home) App(ctx context.Context, image name.Reference, waiting func()) (dir string, unlock func(), err error) {
	dir = filepath.Join(h.dir, "apps", appKey(image.Name()))
	if err = os.MkdirAll(dir, 0o755); err == nil {
		unlock, err = flock.Lock(ctx, filepath.Join(dir, appLock), waiting)
	}
	if readOnly(err) {
		err = notWritable(h.dir, err)
	}
	return dir, unlock, err
}

// appKey returns the name of the folder of an app image.
func appKey(image string) string {
	key := sha256.Sum256([]byte(image))
	return hex.EncodeToString(key[:16])
}

// Builder returns the folder for the file system of a builder, which need not be there yet.
func (h *Home) Builder(digest v1.Hash) string { return filepath.Join(h.dir, "builders", digest.Hex) }

// LockBuilders locks the folder of unpacked builders.
func (h *Home) LockBuilders(ctx context.Context) (unlock func(), err error) {
	return flock.Lock(ctx, filepath.Join(h.dir, "builders", buildersLock), nil)
}

// buildersLock is the name of the lock among the folders of builders.
const buildersLock = "lock"

// Tools returns the folder for the tools of a builder, which need not be there yet.
func (h *Home) Tools(builder v1.Hash) string { return filepath.Join(h.dir, "tools", builder.Hex) }

// Locks returns the folder for locks of what several builds make, which need not be there yet.
func (h *Home) Locks() string { return filepath.Join(h.dir, "locks") }

// Dir returns the folder that all of it is in.
func (h *Home) Dir() string { return h.dir }

// Suite returns the file that says of which installed suite the store has the images. It need not be there yet.
func (h *Home) Suite() string { return filepath.Join(h.dir, "suite") }

// Zstd returns the file for the digest of a layer that Zstandard compressed, by the digest of the layer in the store.
func (h *Home) Zstd(layer v1.Hash) string { return filepath.Join(h.dir, "zstd", layer.Hex) }
