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
func load(ctx context.Context, refs []name.Reference, image v1.Image) error {
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
	writeErr := writeArchive(input, refs, image, true)
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
// takes the archive, and the digest stays the same.
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

// indexFiles returns the files that the archive begins with: oci-layout, index.json and, for docker, manifest.json.
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
