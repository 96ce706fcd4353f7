package output

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// load gives an image to the engine of the docker command.
func load(ctx context.Context, refs []name.Reference, c content) error {
	cmd := host.Command(ctx, "docker", "load", "--quiet")
	var said bytes.Buffer
	cmd.Stderr = &said
	input, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting `docker load`: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fault.Fault{
			ID:   "output-docker",
			What: "the docker command cannot be started",
			Err:  err,
			Do:   "install it, or write docker-archive:FILE and load that elsewhere",
		}
	}
	writeErr := writeArchive(input, refs, c, true)
	if err := input.Close(); writeErr == nil {
		writeErr = err
	}
	if err := cmd.Wait(); err != nil { // docker's own words say more than the broken pipe in writeErr
		return fault.Fault{
			ID:   "output-docker",
			What: "`docker load` failed",
			Err:  errors.New(strings.TrimSpace(said.String())),
			Do:   "see whether the engine runs (`docker info`), or write docker-archive:FILE",
		}
	}
	return writeErr
}

// writeArchive writes an OCI image layout as a tar archive. With the list of `docker save` beside the index, every engine
// takes the archive of one image, and the digest stays the same.
func writeArchive(w io.Writer, refs []name.Reference, c content, forDocker bool) error {
	top, raw, err := c.top()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	files, err := indexFiles(refs, top)
	if err != nil {
		return err
	}
	if forDocker {
		list, err := savedList(refs, c.images[0])
		if err != nil {
			return err
		}
		files = append(files, list)
	}
	archive := tar.NewWriter(w)
	written := map[v1.Hash]bool{}
	for _, f := range append(files, file{blobPath(top.Digest), raw}) {
		if err := add(archive, f.name, int64(len(f.content)), bytes.NewReader(f.content)); err != nil {
			return err
		}
	}
	written[top.Digest] = true
	for _, image := range c.images {
		if err := addImage(archive, image, written); err != nil {
			return err
		}
	}
	return archive.Close()
}

// addImage adds the blobs of an image, except those that were written.
func addImage(archive *tar.Writer, image v1.Image, written map[v1.Hash]bool) error {
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	digest, err := image.Digest()
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
	files := []file{{blobPath(digest), raw}, {blobPath(manifest.Config.Digest), config}}
	if written[digest] {
		files = files[1:]
	}
	for _, f := range files {
		if err := add(archive, f.name, int64(len(f.content)), bytes.NewReader(f.content)); err != nil {
			return err
		}
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
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
	return nil
}

type file struct {
	name    string
	content []byte
}

func blobPath(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

// fullName is a name as engines keep it.
func fullName(ref name.Reference) string {
	return strings.Replace(ref.Name(), name.DefaultRegistry+"/", "docker.io/", 1)
}

// indexFiles returns the files that the archive begins with: oci-layout and index.json.
func indexFiles(refs []name.Reference, top v1.Descriptor) ([]file, error) {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, ref := range refs {
		top.Annotations = map[string]string{
			"org.opencontainers.image.ref.name": ref.Identifier(), "io.containerd.image.name": fullName(ref),
		}
		index.Manifests = append(index.Manifests, top)
	}
	content, err := json.Marshal(index)
	if err != nil {
		return nil, fmt.Errorf("writing the index: %w", err)
	}
	return []file{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", content}}, nil
}

// savedList returns manifest.json, the list of `docker save`, for one image.
func savedList(refs []name.Reference, image v1.Image) (file, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return file{}, fmt.Errorf("reading the image: %w", err)
	}
	type saved struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	entry := saved{Config: blobPath(manifest.Config.Digest)}
	for _, ref := range refs {
		entry.RepoTags = append(entry.RepoTags, fullName(ref))
	}
	entry.RepoTags = slices.Compact(entry.RepoTags)
	for _, layer := range manifest.Layers {
		entry.Layers = append(entry.Layers, blobPath(layer.Digest))
	}
	content, err := json.Marshal([]saved{entry})
	if err != nil {
		return file{}, fmt.Errorf("writing the index: %w", err)
	}
	return file{"manifest.json", content}, nil
}

func add(archive *tar.Writer, name string, size int64, content io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}
