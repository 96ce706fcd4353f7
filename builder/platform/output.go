package platform

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/registry"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Output is a place beside the store that an image is written to.
type Output struct{ kind, target string }

// String is the output as the user wrote it.
func (o Output) String() string {
	if o.target == "" {
		return o.kind
	}
	return o.kind + ":" + o.target
}

// Registry tells whether the place is a registry.
func (o Output) Registry() bool { return o.kind == "registry" }

// OneImage tells whether the place can hold one image only.
func (o Output) OneImage() bool { return o.target != "" }

// ParseOutput reads the value of --output and checks what can be checked before there is an image.
func ParseOutput(text string, names []string) (Output, error) {
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
		if named {
			names = []string{target}
		}
		for _, name := range names {
			if _, err := appReference(name); err != nil {
				return o, err
			}
			if place(name) != "registry" {
				return o, fault.Fault{ID: "output", What: fmt.Sprintf("the name %s does not say which registry to push to", name), Do: "write it as REGISTRY/" + name + ", docker.io/" + name + " for Docker Hub"}
			}
		}
		return o, nil
	}
	return o, fault.Fault{ID: "output", What: fmt.Sprintf("--output %s is not known", text), Do: "write oci:FOLDER, oci-archive:FILE, docker-archive:FILE, docker, registry or registry:NAME"}
}

func checkFolder(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
			return fault.Fault{ID: "output", What: dir + " holds something else than an OCI image layout", Do: "name an empty or a new folder"}
		}
	}
	return nil
}

func checkFile(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fault.Fault{ID: "output", What: "there is no folder " + filepath.Dir(path) + " for " + filepath.Base(path), Do: "make it, or name a file elsewhere"}
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fault.Fault{ID: "output", What: path + " is there and is no file", Do: "name a file"}
	}
	return nil
}

// WriteOptions say how an image is written; the zero value is what users have.
type WriteOptions struct {
	Registry RegistryOptions
	Signer   *Signer // signs what goes to a registry
	Zstd     bool    // layers are compressed by Zstandard instead of gzip
	Bare     bool    // a registry does not get what is attached to the image
}

// ParseCompression reads the value of --compression.
func ParseCompression(text string) (zstd bool, err error) {
	switch text {
	case "gzip", "zstd":
		return text == "zstd", nil
	}
	return false, fault.Fault{ID: "compression", What: "--compression " + text + " is not known", Do: "write gzip or zstd"}
}

// Write writes an image of the store, under all of its names, to an output. A registry gets what is attached to it, too.
func (h *Home) Write(ctx context.Context, output Output, names []string, options WriteOptions) error {
	image, err := h.Image(names[0], "build it with `strata build`")
	if err != nil {
		return err
	}
	refs := make([]name.Reference, len(names))
	for i, name := range names {
		if refs[i], err = ParseReference(name); err != nil {
			return err
		}
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", names[0], err)
	}
	attached, err := h.store.Artifacts(digest)
	if err != nil {
		return err
	}
	if options.Zstd {
		if image, attached, err = h.zstd(refs[0], image, attached); err != nil {
			return err
		}
	}
	switch output.kind {
	case "oci":
		return writeLayout(output.target, refs, image)
	case "oci-archive", "docker-archive":
		return store.Replace(output.target, func(w io.Writer) error { return writeArchive(w, refs, image, output.kind == "docker-archive") })
	case "docker":
		return load(ctx, refs, image)
	}
	if output.target != "" {
		ref, err := ParseReference(output.target)
		if err != nil {
			return err
		}
		refs = []name.Reference{ref}
	}
	if options.Bare {
		attached = nil
	}
	client, err := registry.New(options.Registry)
	if err != nil {
		return err
	}
	return push(ctx, client, refs, image, attached, options.Signer)
}

// Tag gives an image of the store more names.
func (h *Home) Tag(image string, names []string) error {
	found, err := h.Image(image, "build it with `strata build`")
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := h.Put(name, found); err != nil {
			return err
		}
	}
	return nil
}

// writeLayout writes a folder; what it held is replaced once the image is whole.
func writeLayout(dir string, refs []name.Reference, image v1.Image) error {
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	target, err := store.Open(partial)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if _, err := target.Put(ref, image); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(partial, "index.lock")); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	return os.Rename(partial, dir)
}

// load hands an image to the engine that the docker command is set up for.
func load(ctx context.Context, refs []name.Reference, image v1.Image) error {
	cmd := exec.CommandContext(ctx, "docker", "load", "--quiet")
	var said bytes.Buffer
	cmd.Stderr = &said
	input, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting `docker load`: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fault.Fault{ID: "output-docker", What: "the docker command cannot be started", Err: err, Do: "install it, or write docker-archive:FILE and load that elsewhere"}
	}
	writeErr := writeArchive(input, refs, image, true)
	if err := input.Close(); writeErr == nil {
		writeErr = err
	}
	if err := cmd.Wait(); err != nil { // why it did not take the archive is more than that it did not
		return fault.Fault{ID: "output-docker", What: "`docker load` failed", Err: errors.New(strings.TrimSpace(said.String())), Do: "see whether the engine runs (`docker info`), or write docker-archive:FILE"}
	}
	return writeErr
}

// writeArchive writes an OCI image layout as a tar archive. With the list of
// `docker save` beside the index, every engine takes it, and the digest stays.
func writeArchive(w io.Writer, refs []name.Reference, image v1.Image, forDocker bool) error {
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	raw, err := image.RawManifest()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	files, err := indexFiles(refs, image, manifest, forDocker)
	if err != nil {
		return err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	files = append(files, file{blobPath(digest), raw}, file{blobPath(manifest.Config.Digest), config})
	archive := tar.NewWriter(w)
	for _, f := range files {
		if err := add(archive, f.name, int64(len(f.content)), bytes.NewReader(f.content)); err != nil {
			return err
		}
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	written := map[v1.Hash]bool{}
	for i, layer := range layers {
		d := manifest.Layers[i]
		if written[d.Digest] {
			continue
		}
		written[d.Digest] = true
		content, err := layer.Compressed()
		if err != nil {
			return fmt.Errorf("reading the layer %s: %w", d.Digest, err)
		}
		err = add(archive, blobPath(d.Digest), d.Size, content)
		content.Close()
		if err != nil {
			return err
		}
	}
	return archive.Close()
}

type file struct {
	name    string
	content []byte
}

func blobPath(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

// indexFiles are what the archive begins with: oci-layout, index.json and, for docker, manifest.json.
func indexFiles(refs []name.Reference, image v1.Image, manifest *v1.Manifest, forDocker bool) ([]file, error) {
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading the image: %w", err)
	}
	size, err := image.Size()
	if err != nil {
		return nil, fmt.Errorf("reading the image: %w", err)
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	var tags []string
	for _, ref := range refs {
		full := strings.Replace(ref.Name(), name.DefaultRegistry+"/", "docker.io/", 1)
		tags = append(tags, full)
		index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: manifest.MediaType, Digest: digest, Size: size,
			Annotations: map[string]string{"org.opencontainers.image.ref.name": ref.Identifier(), "io.containerd.image.name": full}})
	}
	content, err := json.Marshal(index)
	if err != nil {
		return nil, fmt.Errorf("writing the index: %w", err)
	}
	files := []file{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", content}}
	if !forDocker {
		return files, nil
	}
	type saved struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	entry := saved{Config: blobPath(manifest.Config.Digest), RepoTags: slices.Compact(tags)}
	for _, layer := range manifest.Layers {
		entry.Layers = append(entry.Layers, blobPath(layer.Digest))
	}
	content, err = json.Marshal([]saved{entry})
	if err != nil {
		return nil, fmt.Errorf("writing the index: %w", err)
	}
	return append(files, file{"manifest.json", content}), nil
}

func add(archive *tar.Writer, name string, size int64, content io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}
