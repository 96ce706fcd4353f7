package output_test

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
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestMain starts the test binary as a program that pushes, so that a test can say which certificates the process trusts.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STRATA_TEST_PUSH"); dir != "" {
		h, err := home.Open(dir)
		if err == nil {
			err = write(h, "registry:"+os.Args[1], "app")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestArchives(t *testing.T) {
	t.Parallel()
	h, image := homeWithApp(t)
	names := []string{"app", "registry.example.com/team/app:1"}
	for _, kind := range []string{"oci-archive", "docker-archive"} {
		path := filepath.Join(t.TempDir(), "app.tar")
		if err := write(h, kind+":"+path, names...); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		contents := untar(t, path, dir)
		if err := write(h, kind+":"+path, names...); err != nil { // over what is there
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents, untar(t, path, t.TempDir())); diff != "" {
			t.Errorf("%s twice (-first +second):\n%s", kind, diff)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("left beside the archive: %v, %v", left, err)
		}
		got, err := layout.Path(dir).Image(platformtest.Digest(t, image))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		kittest.Golden(t, kind+"-index.json", contents["index.json"]+"\n")
		if kind == "oci-archive" {
			continue
		}
		kittest.Golden(t, "docker-archive-manifest.json", contents["manifest.json"]+"\n")
		tag, err := name.NewTag("docker.io/library/app:latest")
		if err != nil {
			t.Fatal(err)
		}
		saved, err := tarball.ImageFromPath(path, &tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(saved); err != nil {
			t.Errorf("as docker reads it: %v", err)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	h, image := homeWithApp(t)
	dir := filepath.Join(t.TempDir(), "layout")
	for range 2 {
		if err := write(h, "oci:"+dir, "app", "other:1"); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.Path(dir).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if d.Digest != platformtest.Digest(t, image) {
			t.Errorf("the layout has %s, want %s", d.Digest, platformtest.Digest(t, image))
		}
	}
	if len(manifest.Manifests) != 2 {
		t.Errorf("the layout has %d names, want 2", len(manifest.Manifests))
	}
}

// TestDocker loads an image into the engine and asks it for the image's layers.
func TestDocker(t *testing.T) {
	t.Parallel()
	if output, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput(); err != nil {
		t.Skipf("needs a Docker engine, which does not answer (%v: %s): install docker.io and start it", err, output)
	}
	h, image := homeWithApp(t)
	const ref = "strata-output-test:1"
	defer func() { _ = exec.Command("docker", "image", "rm", ref).Run() }()
	platformtest.Put(t, h.Store, ref, image)
	if err := write(h, "docker", ref); err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", ref).Output()
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(config.RootFS.DiffIDs)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != string(want) {
		t.Errorf("docker has the layers %s, want %s", got, want)
	}
}

func TestNoDocker(t *testing.T) {
	h, _ := homeWithApp(t)
	t.Setenv("PATH", t.TempDir())
	kittest.Golden(t, "output-no-docker.txt", platformtest.Fault(t, write(h, "docker", "app")))
}

func TestOutputErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"notes/todo.txt": "todo"})
	for file, text := range map[string]string{
		"unknown": "tar:x", "no-folder-name": "oci:", "docker-target": "docker:x",
		"not-a-layout": "oci:" + dir + "/notes", "no-folder": "oci-archive:" + dir + "/none/app.tar",
		"is-file": "oci:" + dir + "/notes/todo.txt", "below-a-file": "oci:" + dir + "/notes/todo.txt/layout",
		"file-below-a-file": "oci-archive:" + dir + "/notes/todo.txt/app.tar", "no-folder-at-all": "oci:" + dir + "/notes/todo.txt/a/b",
		"is-folder":   "docker-archive:" + dir + "/notes",
		"no-registry": "registry", "no-registry-named": "registry:app", "digest": "registry:r.example.com/app@sha256:" + strings.Repeat("0", 64),
		"bad-name": "registry:r.example.com/App",
	} {
		_, err := output.Parse(text, []string{"app"})
		kittest.Golden(t, "output-"+file+".txt", platformtest.Fault(t, err, dir, "<folder>"))
	}
}

// TestDamaged has a layer with a flipped bit: no output takes it, and the error says what to do.
func TestDamaged(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	for _, kind := range []string{"oci", "oci-archive", "docker-archive", "registry", "zstd"} {
		h, image := homeWithApp(t)
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		path := h.Store.Blobs().Path(manifest.Layers[1].Digest)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		options := output.Options{Registry: platformtest.Fast, Zstd: kind == "zstd"}
		text := kind + ":" + dir + "/app"
		switch kind {
		case "registry":
			text = "registry:" + server.Host + "/app"
		case "zstd":
			text = "oci:" + dir + "/app"
		}
		o, err := output.Parse(text, []string{"app"})
		if err != nil {
			t.Fatal(err)
		}
		err = o.Write(t.Context(), h, []string{"app"}, options)
		if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "image-damaged" || !strings.Contains(f.Do, store.BuildApp) {
			t.Errorf("%s: got %v, want that the image is damaged and what to do", kind, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", kind, left, err)
		}
	}
}

// TestNotWritten has an image whose layer cannot be read to the end.
func TestNotWritten(t *testing.T) {
	t.Parallel()
	h, image := homeWithApp(t)
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(h.Store.Blobs().Path(manifest.Layers[0].Digest), 10); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"oci", "oci-archive"} {
		dir := t.TempDir()
		err := write(h, kind+":"+dir+"/app", "app")
		if err == nil || !strings.HasPrefix(err.Error(), "writing "+kind+":"+dir+"/app: ") {
			t.Errorf("got %v, want an error that names the output", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", kind, left, err)
		}
	}
}

func open(t *testing.T) *home.Home {
	t.Helper()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func homeWithApp(t *testing.T) (*home.Home, v1.Image) {
	t.Helper()
	h := open(t)
	image := platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil)
	platformtest.Put(t, h.Store, "app", image)
	return h, image
}

// write parses an output and writes the first name's image there.
func write(h *home.Home, text string, names ...string) error {
	o, err := output.Parse(text, names)
	if err != nil {
		return err
	}
	return o.Write(context.Background(), h, names, output.Options{Registry: platformtest.Fast})
}

// untar unpacks an archive and returns its files.
func untar(t *testing.T, path, dir string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(file)
	}
	kittest.Write(t, dir, files)
	return files
}
