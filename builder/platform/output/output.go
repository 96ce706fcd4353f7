// Package output writes images of the store to other places: OCI layouts, archives, a container engine, registries.
package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/publish"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Output is a place besides the store to which an image is written.
type Output struct{ kind, target string }

// String returns the output as the user wrote it.
func (o Output) String() string {
	if o.target == "" {
		return o.kind
	}
	return o.kind + ":" + o.target
}

// Registry reports whether the place is a registry.
func (o Output) Registry() bool { return o.kind == "registry" }

// OneImage reports whether the place can hold only one image.
func (o Output) OneImage() bool { return o.target != "" }

// Names returns the names that an image with some names has there.
func (o Output) Names(names []string) []string {
	if o.Registry() && o.target != "" {
		return []string{o.target}
	}
	return names
}

// Parse reads the value of --output for an image with some names, and checks what can be checked before there is an image.
// Its errors are faults.
func Parse(text string, names []string) (Output, error) {
	kind, target, named := strings.Cut(text, ":")
	o := Output{kind, target}
	switch {
	case named && target == "":
	case kind == "oci" && named:
		return o, checkFolder(target)
	case (kind == "oci-archive" || kind == "docker-archive") && named:
		return o, checkFile(target)
	case kind == "docker" && !named:
		return o, nil
	case kind == "registry":
		for _, name := range o.Names(names) {
			if _, err := imagename.ParseTag(name); err != nil {
				return o, err
			}
			if !imagename.SaysRegistry(name) {
				return o, fault.Fault{
					ID:   "output",
					What: fmt.Sprintf("the name %s does not say which registry to push to", name),
					Do:   "write it as REGISTRY/" + name + ", docker.io/" + name + " for Docker Hub",
				}
			}
		}
		return o, nil
	}
	return o, fault.Fault{
		ID:   "output",
		What: fmt.Sprintf("--output %s is not known", text),
		Do:   "write oci:FOLDER, oci-archive:FILE, docker-archive:FILE, docker, registry or registry:NAME",
	}
}

// CheckCredentials finds out, before there is an image with some names, whether it can be pushed with the user's credentials. Its errors
// are faults.
func (o Output) CheckCredentials(ctx context.Context, names []string) error {
	if !o.Registry() {
		return nil
	}
	for _, name := range o.Names(names) {
		ref, err := imagename.ParseTag(name)
		if err == nil {
			err = registry.CheckCredentials(ctx, ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return CheckFolder(filepath.Dir(dir))
	case err != nil:
		return fault.Fault{
			ID:   "output",
			What: dir + " cannot hold an OCI image layout",
			Err:  fault.WithoutPath(err),
			Do:   "name an empty or a new folder",
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil && len(entries) > 0 {
		return fault.Fault{
			ID:   "output",
			What: dir + " holds something else than an OCI image layout",
			Do:   "name an empty or a new folder",
		}
	}
	return CheckFolder(filepath.Dir(filepath.Clean(dir))) // where the new one is made before it takes the place of this one
}

// CheckFolder checks that a folder can be written, or made if it is not there. Its errors are faults.
func CheckFolder(dir string) error {
	for above := filepath.Clean(dir); ; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if errors.Is(err, fs.ErrNotExist) {
			continue // "/" and "." are there
		}
		if err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			err = unix.Access(above, unix.W_OK|unix.X_OK)
		}
		if err != nil {
			return fault.Fault{ID: "output", What: "cannot write into " + dir, Err: fault.WithoutPath(err), Do: "name a folder that you may write"}
		}
		return nil
	}
}

func checkFile(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fault.Fault{
			ID:   "output",
			What: "there is no folder " + filepath.Dir(path) + " for " + filepath.Base(path),
			Do:   "make it, or name a file elsewhere",
		}
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fault.Fault{ID: "output", What: path + " is there and is no file", Do: "name a file"}
	}
	return CheckFolder(filepath.Dir(path))
}

// Options say how an image is written. Users have the zero value.
type Options struct {
	Registry registry.Options
	Signer   *attest.Signer // signs what goes to a registry; nil for nobody
	Zstd     bool           // compress layers by Zstandard instead of gzip
	Bare     bool           // do not send a registry what is attached to the image
}

// ParseCompression reads the value of --compression. Its error is a fault.
func ParseCompression(text string) (zstd bool, err error) {
	switch text {
	case "gzip", "zstd":
		return text == "zstd", nil
	}
	return false, fault.Fault{ID: "compression", What: "--compression " + text + " is not known", Do: "write gzip or zstd"}
}

// Write writes the image that a home has under the first of some names to the output, under all of them. A registry also
// gets what is attached to the image.
func (o Output) Write(ctx context.Context, h *home.Home, names []string, options Options) error {
	refs := make([]name.Reference, len(names))
	for i, name := range names {
		var err error
		if refs[i], err = imagename.Parse(name); err != nil {
			return err
		}
	}
	c, err := contentOf(h, names[0], refs[0], options.Zstd)
	if err != nil {
		return err
	}
	if err := o.CheckPlatforms(len(c.images)); err != nil {
		return err
	}
	switch o.kind {
	case "oci":
		return o.written(writeLayout(o.target, refs, c))
	case "oci-archive", "docker-archive":
		return o.written(whole.Replace(o.target, func(w io.Writer) error { return writeArchive(w, refs, c, o.kind == "docker-archive") }))
	case "docker":
		return load(ctx, refs, c)
	}
	if o.target != "" {
		ref, err := imagename.Parse(o.target)
		if err != nil {
			return err
		}
		refs = []name.Reference{ref}
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return err
	}
	images := make([]publish.Image, len(c.images))
	for i, image := range c.images {
		images[i] = publish.Image{Image: image, Signer: options.Signer}
		if !options.Bare {
			images[i].Attached = c.attached[i]
		}
	}
	if c.index != nil {
		return publish.Index{ImageIndex: c.index, Images: images, Signer: options.Signer}.Push(ctx, client, refs)
	}
	return images[0].Push(ctx, client, refs)
}

// CheckPlatforms returns a fault if the place cannot hold images for so many platforms under one name.
func (o Output) CheckPlatforms(platforms int) error {
	if platforms < 2 || o.kind != "docker" && o.kind != "docker-archive" {
		return nil
	}
	return fault.Fault{
		ID: "output-platforms", What: fmt.Sprintf("--output %s takes an image of one platform, not of %d", o, platforms),
		Do: "name one with --platform, or write oci:FOLDER, oci-archive:FILE or registry",
	}
}

// written explains why a folder or a file was not written, which is then as it was.
func (o Output) written(err error) error {
	is := func(code syscall.Errno) bool { return errors.Is(err, code) }
	switch {
	case err == nil:
		return nil
	case fault.Full(err):
		return fault.DiskFull(fmt.Errorf("writing %s: %w", o, err), filepath.Dir(o.target))
	case slices.ContainsFunc([]syscall.Errno{syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOTDIR}, is):
		what := o.String() + " was not written, and what there was of it is removed"
		return fault.Fault{ID: "output-write", What: what, Err: err, Do: "name a place that you may write"}
	}
	return fmt.Errorf("writing %s: %w", o, err)
}

// writeLayout writes an OCI image layout. When it is whole, it replaces what the folder held.
func writeLayout(dir string, refs []name.Reference, c content) error {
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(partial) }() // after the rename there is nothing to remove
	target, err := store.Open(partial)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if c.index != nil {
			_, err = target.PutIndex(ref, c.index)
		} else {
			_, err = target.Put(ref, c.images[0])
		}
		if err != nil {
			return err
		}
	}
	if err := target.Bare(); err != nil {
		return err
	}
	old := filepath.Clean(dir) + ".old"
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	if err := whole.Sync(filepath.Dir(filepath.Clean(dir))); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// WriteAttached writes the files that are attached to an image of a store into a folder, or else the bills of materials in it. Those of
// an image in an index go into a folder of their own there, such as linux-arm64.
func WriteAttached(s *store.Store, image, dir string) error {
	images, err := s.Platforms(image, store.BuildApp)
	if err != nil {
		return err
	}
	for _, one := range images {
		to := dir
		if len(images) > 1 {
			config, err := one.ConfigFile()
			if err != nil {
				return fmt.Errorf("reading %s: %w", image, err)
			}
			to = filepath.Join(dir, strings.ReplaceAll(config.Platform().String(), "/", "-"))
		}
		if err := writeAttached(s, image, one, to); err != nil {
			return err
		}
	}
	return nil
}

func writeAttached(s *store.Store, image string, found v1.Image, dir string) error {
	ref, err := imagename.Parse(image)
	if err != nil {
		return err
	}
	digest, err := found.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", image, err)
	}
	attached, err := s.Artifacts(digest)
	if err == nil && len(attached) == 0 {
		attached, err = attest.Contained(ref, found)
	}
	if err != nil {
		return s.Explain(image, store.BuildApp, err)
	}
	return WriteFiles(image, dir, attached)
}

// WriteFiles writes what belongs to an image into a folder.
func WriteFiles(image, dir string, files []store.Artifact) error {
	if len(files) == 0 {
		return fault.Fault{
			ID:   "bills-none",
			What: "nothing is attached to " + image + ", and it has no layer with bills of materials",
			Do:   "name an image that a buildpack has made",
		}
	}
	if err := CheckFolder(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing what is attached to %s: %w", image, err)
	}
	for _, file := range files {
		if file.Title != filepath.Base(file.Title) || !filepath.IsLocal(file.Title) {
			return fault.Fault{
				ID:   "bills-name",
				What: fmt.Sprintf("what is attached to %s has the file name %q", image, file.Title),
				Do:   "ask who made the image: this is no name of a file",
			}
		}
		if err := whole.Write(filepath.Join(dir, file.Title), file.Content); err != nil {
			return err
		}
	}
	return nil
}

// Attached returns what a registry has attached to an image: bills of materials, provenance and a seccomp profile.
func Attached(ctx context.Context, client *registry.Client, image name.Digest) ([]store.Artifact, error) {
	return publish.Attached(ctx, client, image, sbom.TypeCycloneDX, sbom.TypeSPDX, attest.StatementType, attest.ProfileType)
}
