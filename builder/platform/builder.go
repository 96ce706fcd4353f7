package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// mountPoints are the folders of a builder's root that are bound for a phase;
// the root itself is read-only and the same for every build.
var mountPoints = []string{"workspace", "layers", "platform", "cache/build", "cache/layers", "cache/tools", "tmp", "proc", "dev", "etc/ssl/certs", "home/cnb"}

// mountFiles are the files of a builder's root that are bound.
var mountFiles = []string{"etc/hosts", "etc/resolv.conf", caBundle}

// caBundle is where Debian, and so the build image, keeps the certificates of the authorities it trusts.
const caBundle = "etc/ssl/certs/ca-certificates.crt"

// unpackedBuilder is a builder image whose file system lies on disk.
type unpackedBuilder struct {
	root     string
	tools    string // folder of the tools that its buildpacks installed for all apps
	digest   v1.Hash
	env      []string
	uid, gid int
	run      []string // names of the run images, the first is the default
}

// openBuilder unpacks a builder if this digest was not unpacked before.
func (h *Home) openBuilder(ctx context.Context, ref string) (*unpackedBuilder, error) {
	image, err := h.Image(ref, "make it with `strata builder create`")
	if err != nil {
		return nil, err
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", ref, err)
	}
	root := filepath.Join(h.dir, "builders", digest.Hex)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		if err := h.unpackBuilder(ctx, image, root); err != nil {
			return nil, fmt.Errorf("unpacking builder %s: %w", ref, err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", ref, err)
	}
	b := &unpackedBuilder{root: root, tools: filepath.Join(h.dir, "tools", digest.Hex), digest: digest, env: config.Config.Env}
	if b.uid, err = intVariable(config.Config.Env, "CNB_USER_ID"); err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", ref, err)
	}
	if b.gid, err = intVariable(config.Config.Env, "CNB_GROUP_ID"); err != nil {
		return nil, fmt.Errorf("reading builder %s: %w", ref, err)
	}
	var run struct {
		Images []struct {
			Image string `toml:"image"`
		} `toml:"images"`
	}
	if _, err := toml.DecodeFile(filepath.Join(root, "cnb", "run.toml"), &run); err != nil {
		return nil, fmt.Errorf("reading run.toml of builder %s: %w", ref, err)
	}
	for _, image := range run.Images {
		b.run = append(b.run, image.Image)
	}
	if len(b.run) == 0 {
		return nil, fault.Fault{ID: "builder-without-run-image", What: "builder " + ref + " names no run image in /cnb/run.toml", Do: "add [[run.images]] to its builder.toml"}
	}
	return b, nil
}

func (h *Home) unpackBuilder(ctx context.Context, image v1.Image, root string) error {
	unlock, err := store.Lock(ctx, filepath.Join(h.dir, "builders", "lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(root); err == nil {
		return nil // another command was faster
	}
	dir, remove, err := h.scratch(ctx)
	if err != nil {
		return err
	}
	defer remove()
	unpacked := filepath.Join(dir, "root")
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		return err
	}
	if err := store.Unpack(image, unpacked, nil); err != nil {
		return err
	}
	if err := addMountPoints(unpacked); err != nil {
		return err
	}
	return os.Rename(unpacked, root)
}

func addMountPoints(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, folder := range mountPoints {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	for _, file := range mountFiles {
		f, err := root.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("making a mount point: %w", err)
		}
	}
	return nil
}

func intVariable(env []string, key string) (int, error) {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, key+"="); ok {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("%s is not set", key)
}

const missingRunImage = "make it with `strata stack build`"

// runImages returns the names of the run images that a build may take, in the
// order in which they are tried: "auto" is all of the builder's, a variant's
// name ("static", "glibc", "musl") is the one with that distro name, anything else is an
// image's own name.
func (h *Home) runImages(b *unpackedBuilder, wanted string) ([]string, error) {
	if wanted == "" || wanted == "auto" {
		return b.run, nil
	}
	if strings.ContainsAny(wanted, "/:") {
		return []string{wanted}, nil
	}
	var variants []string
	for _, ref := range b.run {
		image, err := h.Image(ref, missingRunImage)
		if err != nil {
			return nil, err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("reading run image %s: %w", ref, err)
		}
		variant := strings.TrimPrefix(config.Config.Labels["io.buildpacks.base.distro.name"], "strata-")
		if variant == wanted {
			return []string{ref}, nil
		}
		variants = append(variants, variant)
	}
	return nil, fault.Fault{ID: "run-image-unknown", What: fmt.Sprintf("the builder has no run image %q", wanted), Do: "take one of " + strings.Join(variants, ", ") + ", or an image's full name"}
}
