package store_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// damages are what may befall the file of a blob.
var damages = map[string]func(t *testing.T, path string){
	"flip": func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)*2/3] ^= 1
		info, err := os.Stat(path)
		if err == nil {
			err = os.WriteFile(path, content, 0o644)
		}
		if err == nil {
			err = os.Chtimes(path, info.ModTime(), info.ModTime()) // as a copy that keeps times
		}
		if err != nil {
			t.Fatal(err)
		}
	},
	"truncate": func(t *testing.T, path string) {
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, info.Size()/2)
		}
		if err != nil {
			t.Fatal(err)
		}
	},
	"empty": func(t *testing.T, path string) {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	},
	"missing": func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	},
}

// TestDamage damages each kind of blob of an app's image in each way. Reading the image says so and what to do, whatever is read
// first. Storing the image again makes it whole.
func TestDamage(t *testing.T) {
	t.Parallel()
	run := platformtest.Run{}.Image(t)
	app := platformtest.App(t, run, platformtest.RunName, "app", nil)
	manifest, err := app.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	last := len(manifest.Layers) - 1
	blobs := map[string]v1.Hash{
		"app layer": manifest.Layers[last].Digest, "launcher": manifest.Layers[last-1].Digest, "run layer": manifest.Layers[0].Digest,
		"configuration": manifest.Config.Digest, "manifest": platformtest.Digest(t, app), "run manifest": platformtest.Digest(t, run),
	}
	for blob, digest := range blobs {
		for how, damage := range damages {
			t.Run(blob+" "+how, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s := reopen(t, dir)
				platformtest.Put(t, s, platformtest.RunName, run)
				platformtest.Put(t, s, "app", app)
				s = reopen(t, dir) // as another command, which finds what the first one noted
				damage(t, s.Blobs().Path(digest))

				name, made := "app", app
				if blob == "run manifest" {
					name, made = platformtest.RunName, run
				}
				err := readAll(s, name)
				if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "image-damaged" || !strings.Contains(f.Error(), digest.String()) {
					t.Errorf("reading says %v, want that %s is damaged", err, digest)
				}
				if err := readAll(s, name); err == nil {
					t.Error("the second reading is fine")
				}
				if _, err := os.Stat(filepath.Join(dir, "damaged", digest.Hex)); how != "missing" && err != nil {
					t.Errorf("the damaged file is not set aside: %v", err)
				}
				platformtest.Put(t, s, name, made)
				if err := readAll(reopen(t, dir), name); err != nil {
					t.Errorf("after it was stored again: %v", err)
				}
				platformtest.CheckBlobs(t, dir)
			})
		}
	}
}

// TestDamageUnread stores another image that shares a blob, without a word of the damage before.
func TestDamageUnread(t *testing.T) {
	t.Parallel()
	run := platformtest.Run{}.Image(t)
	layers, err := run.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for how, damage := range damages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			platformtest.Put(t, reopen(t, dir), platformtest.RunName, run)
			s := reopen(t, dir)
			damage(t, s.Blobs().Path(digestOf(t, layers[0])))
			platformtest.Put(t, s, "app", platformtest.App(t, run, platformtest.RunName, "app", nil))
			if err := readAll(reopen(t, dir), "app"); err != nil {
				t.Error(err)
			}
			platformtest.CheckBlobs(t, dir)
		})
	}
}

// TestDamageWhileRead flips a byte when the first bytes of a blob are read already.
func TestDamageWhileRead(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	image := platformtest.Random(t)
	platformtest.Put(t, s, "app", image)
	stored, err := s.Find("app", "")
	if err != nil {
		t.Fatal(err)
	}
	layers, err := stored.Layers()
	if err != nil {
		t.Fatal(err)
	}
	size, err := layers[0].Size()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, err := io.ReadFull(content, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	damages["flip"](t, s.Blobs().Path(digestOf(t, layers[0])))
	// Not even who asks for no more bytes than there are gets all of them.
	if n, err := io.ReadFull(content, make([]byte, size-10)); !errors.As(err, new(*store.Damage)) {
		t.Errorf("read %d bytes more, %v; want that the blob is damaged", n, err)
	}
}

func reopen(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readAll reads an image and all its layers.
func readAll(s *store.Store, name string) error {
	image, err := s.Find(name, "make it again")
	if err != nil {
		return err
	}
	if _, err := image.RawConfigFile(); err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		if _, err := layer.DiffID(); err != nil { // reads the layer to its end
			return err
		}
	}
	return nil
}
