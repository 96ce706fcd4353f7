package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// putVariable makes the test binary put images into the store that it names, and end.
const putVariable = "STORE_TEST_PUT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(putVariable); dir != "" {
		if err := putMany(dir, fmt.Sprint("process", os.Getpid())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// each is how many images one writer puts.
const each = 5

func putMany(dir, prefix string) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	for i := range each {
		img, err := random.Image(100, 2)
		if err != nil {
			return err
		}
		ref, err := name.ParseReference(fmt.Sprintf("example.test/%s:%d", prefix, i))
		if err != nil {
			return err
		}
		if _, err := s.Put(ref, img); err != nil {
			return err
		}
		if _, err := s.Images(); err != nil { // the index is whole at any time
			return err
		}
	}
	return nil
}

// TestPutTogether has processes and goroutines put images into one store at the same time.
func TestPutTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const processes, routines = 3, 3
	var g sync.WaitGroup
	for i := range processes + routines {
		g.Go(func() {
			if i < routines {
				if err := putMany(dir, fmt.Sprint("routine", i)); err != nil {
					t.Error(err)
				}
				return
			}
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
			cmd.Env = append(os.Environ(), putVariable+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	g.Wait()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range manifest.Manifests {
		names[d.Annotations["org.opencontainers.image.ref.name"]] = true
	}
	if want := (processes + routines) * each; len(names) != want || len(manifest.Manifests) != want {
		t.Errorf("%d entries of %d names, want %d: %v", len(manifest.Manifests), len(names), want, names)
	}
	platformtest.CheckBlobs(t, dir)
}

func TestPutReplacesAName(t *testing.T) {
	t.Parallel()
	s, ref := platformtest.Store(t), platformtest.Parse(t, "app")
	if _, err := s.Image(ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want that there is no image", err)
	}
	var last v1.Image
	for range 2 {
		last = platformtest.Random(t)
		if _, err := s.Put(ref, last); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	all, err := s.Images()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || platformtest.Digest(t, got) != platformtest.Digest(t, last) {
		t.Errorf("the store has %v, want only %s", all, platformtest.Digest(t, last))
	}
}

// lyingLayer says that it has another digest.
type lyingLayer struct{ v1.Layer }

func (lyingLayer) Digest() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}, nil
}

type lyingImage struct{ v1.Image }

func (i lyingImage) Layers() ([]v1.Layer, error) {
	layers, err := i.Image.Layers()
	return []v1.Layer{lyingLayer{layers[0]}}, err
}

func TestPutChecksDigests(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	_, err := s.Put(platformtest.Parse(t, "app"), lyingImage{platformtest.Random(t)})
	if err == nil || !strings.Contains(err.Error(), "blob sha256:"+strings.Repeat("0", 64)+" has the digest sha256:") {
		t.Errorf("got %v, want that a layer has another digest", err)
	}
	if images, err := s.Images(); err != nil || len(images) > 0 {
		t.Errorf("the store has %v, %v", images, err)
	}
	platformtest.CheckBlobs(t, s.Dir())
}

func TestLayout(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	b, err := os.ReadFile(filepath.Join(s.Dir(), "oci-layout"))
	var version struct{ ImageLayoutVersion string }
	if err != nil || json.Unmarshal(b, &version) != nil || version.ImageLayoutVersion != "1.0.0" {
		t.Errorf("oci-layout is %s, %v", b, err)
	}
	index, err := layout.ImageIndexFromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
}

// TestDigests finds images by their digests, and says when a tag has moved on from one.
func TestDigests(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	old, now := platformtest.Random(t), platformtest.Random(t)
	platforms := index(t, "s390x", runtime.GOARCH)
	platformtest.Put(t, s, "app:1", old)
	platformtest.Put(t, s, "app:2", now)
	platformtest.Put(t, s, "team/app", old)
	platformtest.Put(t, s, "app:1", now)
	if _, err := s.PutIndex(platformtest.Parse(t, "both"), platforms); err != nil {
		t.Fatal(err)
	}
	oldDigest, nowDigest := platformtest.Digest(t, old).String(), platformtest.Digest(t, now).String()
	mine := digestOf(t, platformImage(t, runtime.GOARCH, "of "+runtime.GOARCH))
	other := digestOf(t, platformImage(t, "s390x", "of s390x"))
	for text, want := range map[string]string{
		"app:1@" + nowDigest: nowDigest, "app@" + nowDigest: nowDigest, "docker.io/library/app@" + nowDigest: nowDigest,
		"team/app@" + oldDigest: oldDigest, "both@" + digestOf(t, platforms).String(): mine.String(),
		"both@" + mine.String(): mine.String(), "both@" + other.String(): other.String(),
	} {
		image, err := s.Find(text, "")
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := platformtest.Digest(t, image).String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"app:1@" + oldDigest: "app:1 is another image now, " + nowDigest, "app:2@" + oldDigest: "app:2 is another image now, " + nowDigest,
		"team/app@" + nowDigest: "team/app is another image now, " + oldDigest, "none@" + nowDigest: "there is no image none@",
		"app:1@sha256:12": `"app:1@sha256:12" is no image name`,
	} {
		if _, err := s.Find(text, "build it"); !errors.As(err, new(fault.Fault)) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
