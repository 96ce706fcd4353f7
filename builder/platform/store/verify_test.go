package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestVerify finds each kind of damage, says which images are affected, changes nothing, and moves on request what is damaged.
func TestVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reopen(t, dir)
	run := platformtest.Run{}.Image(t)
	app, other := platformtest.App(t, run, platformtest.RunName, "app", nil), platformtest.App(t, run, platformtest.RunName, "other", nil)
	platformtest.Put(t, s, platformtest.RunName, run)
	platformtest.Described(t, s, "app", app, "1")
	platformtest.Put(t, s, "other:2", other)
	if _, err := s.PutIndex(platformtest.Parse(t, "both"), index(t, "s390x", "riscv64")); err != nil {
		t.Fatal(err)
	}
	whole, err := s.Verify(t.Context())
	// Layers are two of the run image, two of each app and two of the index; each image has a configuration and a manifest. Two
	// bills have a manifest and a file each, and the same configuration.
	if err != nil || len(whole.Damaged) > 0 || whole.Blobs != (2+2+2+2)+(5+5)+1+(2+2+1) || len(whole.Images) != 4 {
		t.Fatalf("%+v, %v", whole, err)
	}
	runManifest, err := run.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := app.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	damages["flip"](t, s.Blobs().Path(runManifest.Layers[1].Digest))
	damages["empty"](t, s.Blobs().Path(manifest.Config.Digest))
	damages["missing"](t, s.Blobs().Path(platformtest.Digest(t, other)))
	before := kittest.Tree(t, dir)
	found, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range found.Damaged {
		_, why, _ := strings.Cut(d.Err.Error(), d.Digest.String())
		why, _, _ = strings.Cut(why, ", sha256:")
		why = regexp.MustCompile("[0-9]+").ReplaceAllString(why, "N")
		got = append(got, d.Kind+why+": "+strings.Join(d.Images, " "))
	}
	slices.Sort(got)
	const hub, library = "index.docker.io/", "index.docker.io/library/"
	want := []string{
		"configuration is empty: " + library + "app:latest",
		// What the other app consists of is not known.
		"layer has N bytes with another digest: " + library + "app:latest " + hub + platformtest.RunName,
		"manifest is missing: " + library + "other:2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if !slices.Equal(found.Lost, []string{library + "other:2"}) || !slices.Equal(found.Indexes, []string{library + "both:latest"}) {
		t.Errorf("lost are %v, indexes are %v", found.Lost, found.Indexes)
	}
	if one, err := s.Verify(t.Context(), "both"); err != nil || len(one.Damaged) > 0 || len(one.Images) != 1 {
		t.Errorf("verifying one image: %+v, %v", one, err)
	}
	// Who shares a damaged layer is affected, too.
	shared := []string{library + "app:latest", hub + platformtest.RunName}
	one, err := s.Verify(t.Context(), platformtest.RunName)
	if err != nil || len(one.Damaged) != 1 || !slices.Equal(one.Damaged[0].Images, shared) {
		t.Errorf("verifying the run image: %+v, %v", one, err)
	}
	if _, err := s.Verify(t.Context(), "none"); !errors.As(err, new(fault.Fault)) {
		t.Errorf("verifying an image that is not there: %v", err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("it changed the store:\n%s", diff)
	}

	if err := s.SetAside(found.Damaged); err != nil {
		t.Fatal(err)
	}
	if aside, err := os.ReadDir(filepath.Join(dir, "damaged")); err != nil || len(aside) != 2 {
		t.Errorf("%d files are set aside (%v), want 2", len(aside), err)
	}
	if err := s.Forget(found.Lost); err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, s, platformtest.RunName, run)
	platformtest.Put(t, s, "app", app)
	if again, err := s.Verify(t.Context()); err != nil || len(again.Damaged) > 0 || len(again.Images) != 3 {
		t.Errorf("after the repair: %+v, %v", again, err)
	}
}

// TestVerifyAttached finds that what is attached to an image is damaged.
func TestVerifyAttached(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	image := platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil)
	platformtest.Described(t, s, "app", image, "1")
	attached, err := s.Artifacts(platformtest.Digest(t, image))
	if err != nil {
		t.Fatal(err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(attached[0].Content))
	if err != nil {
		t.Fatal(err)
	}
	damages["truncate"](t, s.Blobs().Path(digest))
	found, err := s.Verify(t.Context(), "app")
	if err != nil || len(found.Damaged) != 1 || found.Damaged[0].Kind != "file" || len(found.Damaged[0].Images) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := s.Artifacts(platformtest.Digest(t, image)); !errors.As(err, new(*store.Damage)) {
		t.Errorf("reading what is attached: %v", err)
	}
	platformtest.Described(t, s, "app", image, "1")
	if again, err := s.Verify(t.Context()); err != nil || len(again.Damaged) > 0 {
		t.Errorf("after it was attached again: %+v, %v", again, err)
	}
}

// TestOthersDamaged has an image and an index without manifests: commands about other images work, and pruning does.
func TestOthersDamaged(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	run := platformtest.Run{}.Image(t)
	lost, kept := platformtest.App(t, run, platformtest.RunName, "lost", nil), platformtest.App(t, run, platformtest.RunName, "kept", nil)
	platformtest.Described(t, s, "lost", lost, "1")
	both, err := s.PutIndex(platformtest.Parse(t, "both"), index(t, "s390x", "amd64", "arm64"))
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range []v1.Hash{platformtest.Digest(t, lost), both} {
		damages["missing"](t, s.Blobs().Path(digest))
	}
	platformtest.Described(t, s, "kept", kept, "1")
	if layers, err := s.Layers("kept"); err != nil || layers[0].Sharers != 0 {
		t.Errorf("layers of the other image: %+v, %v", layers, err)
	}
	if images, err := s.Images(); err != nil || len(images) == 0 {
		t.Errorf("images: %v, %v", images, err)
	}
	reachable, err := s.Reachable()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(reachable, os.Remove); err != nil {
		t.Fatal(err)
	}
	if err := readAll(s, "kept"); err != nil {
		t.Error(err)
	}
}

// TestDamagedIndex says what to do about an index that is damaged, and does it.
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty": "", "half": `{"schemaVersion":2,"manifests":[`, "garbage": "[]", "other": "{}", "null": "null",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := platformtest.Store(t)
			path := filepath.Join(s.Dir(), "index.json")
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := s.Put(platformtest.Parse(t, "app"), platformtest.Random(t))
			if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "store-index" || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want a fault that names the file", err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != content {
				t.Errorf("a damaged index was replaced by %s (%v)", b, err)
			}
			if began, err := s.Begin(); !began || err != nil {
				t.Errorf("began an empty index: %t, %v", began, err)
			}
			platformtest.Put(t, s, "app", platformtest.Random(t))
			if began, err := s.Begin(); began || err != nil {
				t.Errorf("began an empty index in place of a good one: %t, %v", began, err)
			}
			if err := readAll(s, "app"); err != nil {
				t.Error(err)
			}
		})
	}
}
