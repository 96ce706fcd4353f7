// Package platform is a Cloud Native Buildpacks platform (buildpacks/spec,
// platform.md, Platform API 0.15) for a machine without a container engine: it
// runs the phases of the lifecycle in sandboxes over an image store on disk.
package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Init has to be the first call of main in a program that builds or runs
// images: the program is started anew as the first process of a sandbox. It
// also makes the caller's umask count for nothing: what is written here has to be
// readable inside, and the same for everybody.
func Init() {
	unix.Umask(0o022)
	sandbox.Init()
}

// Home is the folder that holds the images of a user, the caches of their apps
// and what a running build needs.
//
//	store/      the images, an OCI image layout
//	apps/       a folder per app image: its lock and its caches
//	builders/   the unpacked file systems of builders, by digest
//	tools/      a folder per builder: tools that its buildpacks installed for all apps
//	tmp/        a folder per running command
type Home struct {
	dir   string
	use   *os.File // locked as long as the home is used, so that nothing is pruned
	store *store.Store
}

// Open opens a home and makes it if it is not there.
func Open(dir string) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", dir, err)
	}
	for _, folder := range []string{"apps", "builders", "tools", "tmp"} {
		// Nobody else may enter: what a build leaves in its caches could be a program that its user's rights cling to.
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fault.Fault{ID: "home-not-writable", What: "cannot keep images in " + dir, Do: "set STRATA_HOME to a folder that you may write", Err: err}
		}
	}
	use, err := os.OpenFile(filepath.Join(dir, "use.lock"), os.O_CREATE|os.O_RDWR, 0o600)
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
	return &Home{dir: dir, use: use, store: s}, nil
}

// Layout is the folder of the OCI image layout that holds the images.
func (h *Home) Layout() string { return h.store.Dir() }

// What registries take as names and tags (distribution-spec, "Pulling manifests").
var (
	separator  = `(?:\.|_|__|-+)`
	repository = regexp.MustCompile(`^[a-z0-9]+(?:(?:` + separator + `|/)[a-z0-9]+)*$`)
	tag        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// ParseReference reads an image name as people write it: registry and tag may be left out.
func ParseReference(text string) (name.Reference, error) {
	ref, err := name.ParseReference(text, name.WeakValidation)
	named := err == nil && repository.MatchString(ref.Context().RepositoryStr())
	if _, isTag := ref.(name.Tag); named && isTag {
		named = tag.MatchString(ref.Identifier())
	}
	if !named {
		return nil, fault.Fault{ID: "image-name", What: fmt.Sprintf("%q is no image name", text), Do: "write it as [registry/]name[:tag], in lower case"}
	}
	if _, port, err := net.SplitHostPort(ref.Context().RegistryStr()); err == nil { // else there is none
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, fault.Fault{ID: "image-name", What: fmt.Sprintf("%q has the port %q", text, port), Do: "write a port from 1 to 65535, or none"}
		}
	}
	return ref, nil
}

// Put stores an image under a name and returns its digest.
func (h *Home) Put(ref string, image v1.Image) (v1.Hash, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return v1.Hash{}, err
	}
	return h.store.Put(parsed, image)
}

// PutIndex stores the images of an index under one name and returns the index's digest.
func (h *Home) PutIndex(ref string, index v1.ImageIndex) (v1.Hash, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return v1.Hash{}, err
	}
	return h.store.PutIndex(parsed, index)
}

// Attach stores a bill of materials beside an image of the store, as artifacts whose subject is the image. title begins
// the names of its files.
func (h *Home) Attach(image v1.Hash, title string, bill sbom.Document) error {
	attached, err := bills(title, bill)
	if err != nil {
		return err
	}
	return h.store.Attach(image, attached...)
}

// Image returns an image of the store, of an index that for this machine's architecture; missing tells what to do when it is not there.
func (h *Home) Image(ref, missing string) (v1.Image, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	image, err := h.store.Image(parsed)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.Fault{ID: "image-missing", What: "there is no image " + ref + " in " + h.store.Dir(), Do: missing}
	}
	return image, err
}

// scratch makes a folder for one command, owned by the user inside the sandbox
// where the command may write. The caller calls remove when it is done.
func (h *Home) scratch(ctx context.Context) (dir string, remove func(), err error) {
	release, err := store.Lock(ctx, filepath.Join(h.dir, "tmp.lock"), nil)
	if err != nil {
		return "", nil, err
	}
	defer release()
	if err := h.sweep(); err != nil {
		return "", nil, err
	}
	dir, err = os.MkdirTemp(filepath.Join(h.dir, "tmp"), "")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder to work in: %w", err)
	}
	unlock, err := store.TryLock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = removeAll(dir); unlock() }, nil // what stays is swept by the next command
}

// sweep removes the folders of commands that were killed.
func (h *Home) sweep() error {
	entries, err := os.ReadDir(filepath.Join(h.dir, "tmp"))
	if err != nil {
		return fmt.Errorf("reading the home folder: %w", err)
	}
	for _, entry := range entries {
		dir := filepath.Join(h.dir, "tmp", entry.Name())
		unlock, err := store.TryLock(filepath.Join(dir, "lock"))
		if err != nil {
			continue // in use, or just gone
		}
		err = removeAll(dir)
		unlock()
		if err != nil {
			return fmt.Errorf("removing what a killed command left: %w", err)
		}
	}
	return nil
}

// removeAll removes a tree in which folders may be read-only.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// own gives a folder to the user that a sandboxed command is on the host.
func own(dirs ...string) error {
	uid, gid := sandbox.HostIDs()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", dir, err)
		}
		if os.Getuid() != uid {
			if err := os.Chown(dir, uid, gid); err != nil {
				return fmt.Errorf("giving %s to the sandbox: %w", dir, err)
			}
		}
	}
	return nil
}

// Digest returns the digest of an image of the store.
func (h *Home) Digest(ref string) (v1.Hash, error) {
	image, err := h.Image(ref, "build it with `strata build`")
	if err != nil {
		return v1.Hash{}, err
	}
	return image.Digest()
}

// ParseNetwork reads what a build may reach: "default" is what the machine reaches, "none" is nothing.
func ParseNetwork(text string) (sandbox.Network, error) {
	switch text {
	case "", "default":
		return sandbox.HostNetwork, nil
	case "none":
		return sandbox.NoNetwork, nil
	}
	return "", fault.Fault{ID: "network", What: fmt.Sprintf("--network %s is not known", text), Do: "write default or none"}
}
