// Package builderimage reads a builder image. It unpacks the image's file system once, and says which run images and
// buildpacks the builder has, in which order it tries them, and where they take packages from.
package builderimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Builder is a builder image whose file system lies on disk.
type Builder struct {
	Ref       name.Reference
	Digest    v1.Hash
	Root      string     // the folder with the file system, which every build shares
	Env       []string   // the image's variables, as NAME=value
	UID, GID  int        // of the user who builds
	Run       []RunImage // the default one first
	Lifecycle string     // the version of the lifecycle
	has       []definition
}

// RunImage is a run image by its names.
type RunImage struct {
	Image   string   `toml:"image"`
	Mirrors []string `toml:"mirrors"`
}

// Names returns the image's name and those of its mirrors.
func (r RunImage) Names() []string { return append([]string{r.Image}, r.Mirrors...) }

// metadataLabel says what a builder is made of (platform.md, "Builder Images").
const metadataLabel = "io.buildpacks.builder.metadata"

// CABundle is where Debian, and so the build image, keeps the certificates that it trusts.
const CABundle = "/etc/ssl/certs/ca-certificates.crt"

// mountFolders and mountFiles are the places in the file system on which a phase mounts something. All else is read-only.
var (
	mountFolders = []string{
		"workspace", "layers", "platform", "cache/build", "cache/tools", "tmp", "proc", "dev", "etc/ssl/certs", "home/cnb",
	}
	mountFiles = []string{"etc/hosts", "etc/resolv.conf", CABundle[1:]}
)

// Open opens the builder of a name. Unless a command before has done it, Open unpacks the builder's file system.
func Open(ctx context.Context, h *home.Home, text string) (*Builder, error) {
	tag, _, _ := strings.Cut(text, "@")
	image, err := h.Store.Find(text, "make it with `strata builder create --tag "+tag+"`")
	if err != nil {
		return nil, err
	}
	if err := store.CheckBase(text, image); err != nil {
		return nil, err
	}
	ref, err := imagename.Parse(text)
	if err != nil {
		return nil, err
	}
	b := &Builder{Ref: ref}
	if b.Digest, err = image.Digest(); err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", text, err)
	}
	b.Root = h.Builder(b.Digest)
	if _, err := os.Stat(b.Root); errors.Is(err, fs.ErrNotExist) {
		if err := b.unpack(ctx, h, image); err != nil {
			return nil, fmt.Errorf("unpacking builder %s: %w", text, err)
		}
	}
	if err := b.read(image); err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", text, err)
	}
	if len(b.Run) == 0 {
		return nil, fault.Fault{
			ID:   "builder-without-run-image",
			What: "builder " + text + " names no run image in /cnb/run.toml",
			Do:   "add [[run.images]] to its builder.toml",
		}
	}
	return b, nil
}

func (b *Builder) unpack(ctx context.Context, h *home.Home, image v1.Image) error {
	unlock, err := h.LockBuilders(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(b.Root); err == nil {
		return nil // another command was faster
	}
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return err
	}
	defer remove()
	unpacked := filepath.Join(dir, "root")
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		return err
	}
	if err := unpack.Image(image, unpacked, nil, unpack.Limit{}); err != nil {
		return err
	}
	if err := unpack.MountPoints(unpacked, mountFolders, mountFiles); err != nil {
		return err
	}
	return whole.Move(unpacked, b.Root)
}

// read reads the image's variables, its run images (platform.md, "run.toml") and its buildpacks.
func (b *Builder) read(image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	b.Env = config.Config.Env
	if b.UID, err = number(b.Env, "CNB_USER_ID"); err != nil {
		return err
	}
	if b.GID, err = number(b.Env, "CNB_GROUP_ID"); err != nil {
		return err
	}
	var run struct {
		Images []RunImage `toml:"images"`
	}
	if _, err := toml.DecodeFile(filepath.Join(b.Root, "cnb", "run.toml"), &run); err != nil {
		return fmt.Errorf("/cnb/run.toml: %w", err)
	}
	b.Run = run.Images
	var metadata struct {
		Lifecycle struct {
			Version string `json:"version"`
		} `json:"lifecycle"`
	}
	if err := json.Unmarshal([]byte(config.Config.Labels[metadataLabel]), &metadata); err != nil {
		return fmt.Errorf("label %s: %w", metadataLabel, err)
	}
	b.Lifecycle = metadata.Lifecycle.Version
	b.has, err = readDefinitions(b.Root)
	return err
}

// number reads a number from a variable.
func number(env []string, key string) (int, error) {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, key+"="); ok {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("%s is not set", key)
}

// RunImages returns the names of the run images that a build may take, in the order in which it tries them. "auto" and ""
// mean all of the builder's. The name of a variant ("static", "glibc", "musl") means the one whose distribution has that
// name. Anything else is the name of an image.
func (b *Builder) RunImages(s *store.Store, wanted string) ([]string, error) {
	var names []string
	for _, run := range b.Run {
		names = append(names, run.Image)
	}
	if wanted == "" || wanted == "auto" {
		return names, nil
	}
	if strings.ContainsAny(wanted, "/:") {
		return []string{wanted}, nil
	}
	var variants []string
	for _, ref := range names {
		image, err := s.Find(ref, s.BuildStack(ref))
		if err != nil {
			return nil, err
		}
		distribution, err := DistributionOf(image)
		if err != nil {
			return nil, fmt.Errorf("reading run image %s: %w", ref, err)
		}
		variant := strings.TrimPrefix(distribution.Name, "strata-")
		if variant == wanted {
			return []string{ref}, nil
		}
		variants = append(variants, variant)
	}
	return nil, fault.Fault{
		ID:   "run-image-unknown",
		What: fmt.Sprintf("the builder has no run image %q", wanted),
		Do:   "take one of " + strings.Join(variants, ", ") + ", or an image's full name",
	}
}

// CheckApp returns a fault if an app built with the builder cannot have a name: that of the builder, of one of its run images, of a
// mirror or of the debug twin of one, or of an image in the store that is no app.
func (b *Builder) CheckApp(s *store.Store, app name.Reference) error {
	if app.Name() == b.Ref.Name() {
		return store.Reserved(app, "the builder")
	}
	for _, image := range b.Run {
		for _, text := range image.Names() {
			for _, run := range []string{text, imagename.DebugTwin(text)} {
				if ref, err := imagename.Parse(run); err == nil && ref.Name() == app.Name() { // what is no name is refused when it is read
					return store.Reserved(app, "a run image of the builder")
				}
			}
		}
	}
	return s.CheckApp(app)
}

// Distribution is what a target may be limited to (buildpack.md, "Targets").
type Distribution struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
}

// DistributionOf returns the distribution of a run image. Its fields are empty if the image does not name one.
func DistributionOf(image v1.Image) (Distribution, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Distribution{}, err
	}
	labels := config.Config.Labels
	return Distribution{labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.base.distro.version"]}, nil
}
