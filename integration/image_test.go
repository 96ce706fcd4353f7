package integration

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// built is an image of the store, read from the OCI layout.
type built struct {
	image  v1.Image
	config *v1.ConfigFile
	layers []v1.Layer
}

// inspect opens an image and checks that all its digests are right.
func inspect(t *testing.T, digest string) built {
	t.Helper()
	b := open(t, digest)
	if err := validate.Image(b.image); err != nil {
		t.Fatalf("the image is not valid: %v", err)
	}
	return b
}

// open opens an image.
func open(t *testing.T, digest string) built {
	t.Helper()
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	img, err := layout.Path(filepath.Join(home(), "store")).Image(hash)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	return built{img, config, layers}
}

// label reads a label that holds JSON.
func (b built) label(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.config.Config.Labels[name]), into); err != nil {
		t.Fatalf("label %s: %v", name, err)
	}
}

// processes lists the process types, sorted; the default one has a star.
func (b built) processes(t *testing.T) []string {
	t.Helper()
	var metadata struct {
		Processes []struct{ Type string }
	}
	b.label(t, "io.buildpacks.build.metadata", &metadata)
	var types []string
	for _, p := range metadata.Processes {
		if slices.Equal(b.config.Config.Entrypoint, []string{"/cnb/process/" + p.Type}) {
			p.Type += "*"
		}
		types = append(types, p.Type)
	}
	slices.Sort(types)
	return types
}

// base counts the layers that come from the run image.
func (b built) base(t *testing.T) int {
	t.Helper()
	var metadata struct {
		RunImage struct {
			TopLayer string `json:"topLayer"`
		} `json:"runImage"`
	}
	b.label(t, "io.buildpacks.lifecycle.metadata", &metadata)
	for i, diffID := range b.config.RootFS.DiffIDs {
		if diffID.String() == metadata.RunImage.TopLayer {
			return i + 1
		}
	}
	t.Fatalf("no layer is the run image's top layer %s", metadata.RunImage.TopLayer)
	return 0
}

// entry is one file of a layer.
type entry struct {
	header  *tar.Header
	content []byte // nil unless it was asked for
}

// entries reads the layers above the run image.
func (b built) entries(t *testing.T, want func(name string) bool) []entry {
	t.Helper()
	var all []entry
	for _, layer := range b.layers[b.base(t):] {
		reader, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		for archive := tar.NewReader(reader); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			e := entry{header: header}
			if want(header.Name) {
				if e.content, err = io.ReadAll(archive); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, e)
		}
	}
	return all
}

// files lists what the build put on the run image: mode, owner, path. Sizes change with every release of Go and are left out.
func (b built) files(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	for _, e := range b.entries(t, func(string) bool { return false }) {
		h := e.header
		target := ""
		if h.Linkname != "" {
			target = " -> " + h.Linkname
		}
		fmt.Fprintf(&table, "%s %d:%d %s%s\n", h.FileInfo().Mode(), h.Uid, h.Gid, h.Name, target)
	}
	return table.String()
}

// checkSecret looks for a secret in everything that the image has above its run image.
func (b built) checkSecret(t *testing.T, secret string) {
	t.Helper()
	raw, err := b.image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(secret)) {
		t.Error("the image's configuration has the secret")
	}
	for _, e := range b.entries(t, func(string) bool { return true }) {
		if bytes.Contains(e.content, []byte(secret)) {
			t.Errorf("%s has the secret", e.header.Name)
		}
	}
}

// purls are the package URLs of the image's CycloneDX documents, sorted.
func (b built) purls(t *testing.T) []string {
	t.Helper()
	var purls []string
	for _, e := range b.entries(t, func(name string) bool { return strings.HasSuffix(name, ".cdx.json") }) {
		if e.content == nil {
			continue
		}
		var document struct {
			BOMFormat   string
			SpecVersion string
			Components  []struct{ PURL string }
		}
		if err := json.Unmarshal(e.content, &document); err != nil {
			t.Fatalf("%s: %v", e.header.Name, err)
		}
		if document.BOMFormat != "CycloneDX" {
			t.Errorf("%s is %q, want CycloneDX", e.header.Name, document.BOMFormat)
		}
		for _, c := range document.Components {
			if c.PURL != "" {
				purls = append(purls, c.PURL)
			}
		}
	}
	slices.Sort(purls)
	return slices.Compact(purls)
}
