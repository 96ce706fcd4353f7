// Package export makes an image of what a build left, as the lifecycle's exporter does (buildpacks/spec, platform.md,
// "exporter"), straight into the store. A test holds it to the lifecycle's own, byte for byte.
//
// It runs when no process of the build is left. It believes nothing that a build can write, except what belongs to the app:
// the run image, the buildpacks and the launcher are the caller's.
package export

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Paths in an image.
const (
	layersName   = "/layers"
	cnbName      = "/cnb"
	launcherName = "/cnb/lifecycle/launcher"
	processName  = "/cnb/process"
)

// Build is a build that is to become an image.
type Build struct {
	Group     []cnb.Member // the buildpacks that took part
	Layers    string       // the folder of layers, on the host
	App       string       // the app's folder, on the host
	Lifecycle string       // the folder of the lifecycle, on the host, with the launcher and its bills of materials
	Version   string       // of the lifecycle
	API       string       // the version of the platform interface
	UID, GID  int          // the owner of the app and its layers

	Run          v1.Image     // the image's base
	RunReference string       // its name with its digest
	RunNames     cnb.RunImage // where a rebase looks for a newer one

	Previous v1.Image   // the app's image before, nil if there is none
	Known    cnb.Layers // what its label says
	Cache    cnb.Cache

	Limit         int64  // how many bytes the files of the image and of the cache may have; zero is no limit
	LimitVariable string // that raises it
}

// ids are the owner of files in an image.
type ids struct{ uid, gid int }

// Image writes the layers and the configuration of the image to a store, and returns its manifest. It keeps the layers of the
// type cache for the next build.
func Image(ctx context.Context, s *store.Store, b Build) ([]byte, error) {
	root, err := os.OpenRoot(b.Layers)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of layers: %w", err)
	}
	defer root.Close()
	e := exporter{Build: b, root: root, blobs: s.Blobs(), owner: ids{b.UID, b.GID}}
	if e.said, err = cnb.ReadMetadata(root, b.Group); err != nil {
		return nil, err
	}
	if err := e.buildpacks(ctx); err != nil {
		return nil, err
	}
	if err := e.bills(ctx); err != nil {
		return nil, err
	}
	if err := e.app(ctx); err != nil {
		return nil, err
	}
	if err := e.launcher(ctx); err != nil {
		return nil, err
	}
	manifest, err := e.manifest()
	if err != nil {
		return nil, err
	}
	return manifest, e.keepCache(ctx)
}

// exporter is an image under way. The label grows with the layers.
type exporter struct {
	Build
	root   *os.Root // the folder of layers
	blobs  store.Blobs
	owner  ids
	said   cnb.Metadata
	label  cnb.Layers
	layers []layer
	cached []cachedLayer
	size   int64 // of all files so far, in bytes
}

// cachedLayer is a layer that the next build finds again.
type cachedLayer struct {
	member  cnb.Member
	name    string
	types   cnb.Types
	content archive
	diffID  v1.Hash
}

// folder returns a layer with what is below a folder of the folder of layers.
func (e *exporter) folder(name string) (archive, error) {
	return folder(filepath.Join(e.Layers, name), path.Join(layersName, name), e.owner)
}

// buildpacks adds the launch layers of the buildpacks, in the order of the group.
func (e *exporter) buildpacks(ctx context.Context) error {
	for _, member := range e.Group {
		found, kept, err := cnb.Read(e.root, member)
		if err != nil {
			return err
		}
		made := cnb.Buildpack{ID: member.ID, Version: member.Version, Layers: map[string]cnb.Layer{}, Store: kept}
		for _, one := range found {
			sha, err := e.buildpackLayer(ctx, member, one)
			if err != nil {
				return fmt.Errorf("layer %s: %w", one.ID(member), err)
			}
			if one.Launch {
				made.Layers[one.Name] = cnb.Layer{SHA: sha.String(), Types: one.Types}
			}
		}
		e.label.Buildpacks = append(e.label.Buildpacks, made)
	}
	return nil
}

// buildpackLayer adds a layer to the image, the cache, both or neither, as its types say.
func (e *exporter) buildpackLayer(ctx context.Context, member cnb.Member, one cnb.Found) (v1.Hash, error) {
	if !one.Launch && !one.Cache {
		return v1.Hash{}, nil
	}
	createdBy := fmt.Sprintf("Layer: '%s', Created by buildpack: %s@%s", one.Name, member.ID, member.Version)
	if !one.Filled {
		return e.reuse(ctx, member, one, createdBy)
	}
	content, err := e.folder(path.Join(member.Folder(), one.Name))
	if err != nil {
		return v1.Hash{}, err
	}
	sha, err := e.diffID(ctx, content)
	if err != nil {
		return sha, err
	}
	if one.Cache {
		e.cached = append(e.cached, cachedLayer{member, one.Name, one.Types, content, sha})
	}
	if !one.Launch {
		return sha, nil
	}
	return sha, e.add(ctx, content, sha, createdBy)
}

// reuse takes a layer of the image before, because its buildpack left no content.
func (e *exporter) reuse(ctx context.Context, member cnb.Member, one cnb.Found, createdBy string) (v1.Hash, error) {
	if one.Cache {
		return v1.Hash{}, errors.New("it is of the type cache and has no content")
	}
	known, had := e.Known.Of(member.ID).Layers[one.Name]
	if !had {
		return v1.Hash{}, errors.New("it has no content, and the image before has no such layer")
	}
	sha, err := v1.NewHash(known.SHA)
	if err != nil {
		return sha, fmt.Errorf("the image before names its digest %q", known.SHA)
	}
	if e.Previous == nil {
		return sha, errors.New("it has no content, and there is no image before")
	}
	kept, err := e.Previous.LayerByDiffID(sha)
	if err != nil {
		return sha, fmt.Errorf("it has no content, and the image before has no layer %s: %w", sha, err)
	}
	return sha, e.put(sha, createdBy, func(w io.Writer) error {
		content, err := kept.Uncompressed()
		if err != nil {
			return err
		}
		limit := cmp.Or(e.Limit, math.MaxInt64)
		n, err := io.Copy(until{ctx, w}, io.LimitReader(content, limit))
		if n == limit {
			err = fmt.Errorf("it has no content, and that of the image before has %d bytes or more", limit)
		}
		return errors.Join(err, content.Close())
	})
}

// add adds a layer with a content of a digest.
func (e *exporter) add(ctx context.Context, content archive, sha v1.Hash, createdBy string) error {
	return e.put(sha, createdBy, func(w io.Writer) error { return content.write(until{ctx, w}) })
}

// put adds a layer of a digest, which write writes.
func (e *exporter) put(sha v1.Hash, createdBy string, write func(io.Writer) error) error {
	blob, err := e.blobs.PutLayer(sha, write)
	if err != nil {
		return err
	}
	e.layers = append(e.layers, layer{sha, blob, createdBy})
	return nil
}

// addNew is add for a layer whose digest is not known yet.
func (e *exporter) addNew(ctx context.Context, content archive, createdBy string) (cnb.SHA, error) {
	sha, err := e.diffID(ctx, content)
	if err != nil {
		return cnb.SHA{}, err
	}
	return cnb.SHA{SHA: sha.String()}, e.add(ctx, content, sha, createdBy)
}

// app adds the app, in slices.
func (e *exporter) app(ctx context.Context) error {
	parts, err := slice(e.App, e.said.Slices, e.owner)
	if err != nil {
		return fmt.Errorf("reading the app: %w", err)
	}
	for i, part := range parts {
		createdBy := fmt.Sprintf("Application Slice: %d", i+1)
		if len(parts) == 1 {
			createdBy = "Application Layer"
		}
		sha, err := e.addNew(ctx, part, createdBy)
		if err != nil {
			return fmt.Errorf("the app: %w", err)
		}
		e.label.App = append(e.label.App, sha)
	}
	return nil
}

// launcher adds the launcher, what it has to start, and a link to it for each process.
func (e *exporter) launcher(ctx context.Context) error {
	program := filepath.Join(e.Lifecycle, "launcher")
	info, err := os.Lstat(program)
	if err != nil {
		return fmt.Errorf("reading the launcher: %w", err)
	}
	launcher := archive{
		rootFolder(cnbName), rootFolder(path.Dir(launcherName)),
		file{name: launcherName, path: program, info: executable{info}},
	}
	if e.label.Launcher, err = e.addNew(ctx, launcher, "Buildpacks Application Launcher"); err != nil {
		return err
	}
	config, err := e.folder("config")
	if err != nil {
		return fmt.Errorf("reading what the launcher has to start: %w", err)
	}
	if e.label.Config, err = e.addNew(ctx, config, "Buildpacks Launcher Config"); err != nil {
		return err
	}
	if len(e.said.Processes) == 0 {
		return nil
	}
	types := archive{rootFolder(cnbName), rootFolder(processName)}
	for _, process := range e.said.Processes {
		types = append(types, rootLink(path.Join(processName, process.Type), launcherName))
	}
	e.label.ProcessTypes, err = e.addNew(ctx, types, "Buildpacks Process Types")
	return err
}

// executable is a file that everybody may execute.
type executable struct{ fs.FileInfo }

func (executable) Mode() fs.FileMode { return 0o755 }

// launcherBills is where the bills of materials of the launcher lie in the folder of all bills.
const launcherBills = "buildpacksio_lifecycle"

// bills adds a layer with the bills of materials of the image's layers and of the launcher.
func (e *exporter) bills(ctx context.Context) error {
	if err := e.checkBills(); err != nil {
		return err
	}
	if err := e.copyLauncherBills(); err != nil {
		return fmt.Errorf("writing the launcher's bills of materials: %w", err)
	}
	if _, err := e.root.Lstat("sbom/launch"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	content, err := e.folder("sbom/launch")
	if err != nil {
		return fmt.Errorf("reading bills of materials: %w", err)
	}
	sha, err := e.addNew(ctx, content, "Software Bill-of-Materials")
	e.label.SBOM = &sha
	return err
}

// legacyBill is the list of what buildpacks of old interfaces name (platform.md, "Bill-of-Materials"). The build phase writes it.
const legacyBill = "sbom.legacy.json"

// checkBills checks that all bills of materials are those of the build's buildpacks.
func (e *exporter) checkBills() error {
	for _, kind := range []string{"sbom", "sbom/launch"} {
		info, err := e.root.Lstat(kind)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !info.IsDir() {
			return e.foreignBill(kind, err)
		}
	}
	entries, err := fs.ReadDir(e.root.FS(), "sbom/launch")
	if err != nil {
		return fmt.Errorf("reading bills of materials: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == legacyBill && entry.Type().IsRegular() {
			continue
		}
		if !slices.ContainsFunc(e.Group, func(member cnb.Member) bool { return member.Folder() == entry.Name() }) {
			return e.foreignBill("sbom/launch/"+entry.Name(), nil)
		}
	}
	return nil
}

func (e *exporter) foreignBill(name string, err error) error {
	return fault.Fault{
		ID:   "foreign-bill",
		What: "/layers/" + name + " is no bill of materials of a buildpack of this build",
		Err:  err,
		Do:   "see whether a script of the app's build writes to /layers, which belongs to the buildpacks",
	}
}

// copyLauncherBills writes the bills of materials of the launcher beside those of the buildpacks.
func (e *exporter) copyLauncherBills() error {
	entries, err := os.ReadDir(e.Lifecycle)
	if err != nil {
		return err
	}
	dir := path.Join("sbom/launch", launcherBills, "launcher")
	for _, entry := range entries {
		name, isBill := strings.CutPrefix(entry.Name(), "launcher.")
		if !isBill || !strings.HasPrefix(name, "sbom.") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(e.Lifecycle, entry.Name()))
		if err != nil {
			return err
		}
		if err := e.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := e.root.WriteFile(path.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manifest writes the image's configuration, and returns its manifest.
func (e *exporter) manifest() ([]byte, error) {
	config, err := e.configuration()
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	digest, size, err := e.blobs.PutBytes(content)
	if err != nil {
		return nil, err
	}
	return e.describe(digest, size)
}
