package export_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// honest are the files of a build that can be exported.
var honest = map[string]string{
	"layers/config/metadata.toml": metadata + "[[processes]]\ntype = \"web\"\ncommand = [\"/bin/web\"]\n",
	"layers/acme_first/run.toml":  "[types]\nlaunch = true\n",
	"layers/acme_first/run/web":   "program",
	"workspace/file":              "file",
}

// lifecycleDir is a folder with a launcher.
func lifecycleDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "launcher"), []byte("the launcher"), 0o755))
	return dir
}

// TestForged has builds leave what is not theirs to say: each export is refused, and leaves no blob.
func TestForged(t *testing.T) {
	t.Parallel()
	process := func(name string) string {
		return metadata + "[[processes]]\ntype = \"" + name + "\"\ncommand = [\"x\"]\n"
	}
	for name, forged := range map[string]map[string]string{
		"another buildpack": {"layers/config/metadata.toml": strings.Replace(metadata, "acme/second", "acme/other", 1)},
		"another version":   {"layers/config/metadata.toml": strings.Replace(metadata, `"0.1"`, `"0.2"`, 1)},
		"a buildpack less":  {"layers/config/metadata.toml": metadata[:strings.LastIndex(metadata, "[[")]},
		"a platform label": {
			"layers/config/metadata.toml": metadata + "[[labels]]\nkey = \"io.buildpacks.lifecycle.metadata\"\nvalue = \"{}\"\n",
		},
		"no metadata":           {"layers/config/metadata.toml": "["},
		"metadata of the host":  {"layers/config/metadata.toml": "-> /etc/os-release"},
		"layers of the host":    {"layers/acme_second": "-> /etc"},
		"a store of the host":   {"layers/acme_first/store.toml": "-> ../../../../../../../etc/os-release"},
		"a process above":       {"layers/config/metadata.toml": process("..")},
		"a process in a folder": {"layers/config/metadata.toml": process("../../bin/sh")},
		"a long process":        {"layers/config/metadata.toml": process(strings.Repeat("x", 300))},
		"another default":       {"layers/config/metadata.toml": "buildpack-default-process-type = \"x\"\n" + metadata},
		"a bill of nobody":      {"layers/sbom/launch/acme_other/x/sbom.cdx.json": "{}"},
		"a bill of the platform": {
			"layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json": "{}",
		},
		"bills elsewhere":     {"layers/sbom/launch": "-> ../../workspace"},
		"no types":            {"layers/acme_first/run.toml": "[types"},
		"types too deep":      {"layers/acme_first/run.toml": strings.Repeat("a.", 4000) + "a = 1\n"},
		"types from a pipe":   {"layers/acme_first/run.toml": "|"},
		"types at the top":    {"layers/acme_first/run.toml": "launch = true\n"},
		"types from a link":   {"layers/acme_first/run.toml": "-> /dev/zero"},
		"no content":          {"layers/acme_second/none.toml": "[types]\nlaunch = true\n"},
		"no content to cache": {"layers/acme_second/none.toml": "[types]\nlaunch = true\ncache = true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuild(t)
			files := maps.Clone(honest)
			maps.Copy(files, forged)
			b.fill(t, files)
			err := b.export(t, lifecycleDir(t), "acme/run@sha256:1")
			if err == nil {
				t.Fatal("it was exported")
			}
			kittest.Golden(t, "forged-"+strings.ReplaceAll(name, " ", "-")+".txt", err.Error()+"\n")
		})
	}
	b := newBuild(t)
	b.fill(t, honest)
	check(t, b.export(t, lifecycleDir(t), "acme/run@sha256:1"))
}

// TestTooLarge has a file without content that is larger than the disk.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	b.fill(t, honest)
	sparse, err := os.Create(filepath.Join(b.dir, "workspace", "sparse"))
	check(t, err)
	defer sparse.Close()
	check(t, sparse.Truncate(1e12))
	kittest.Golden(t, "too-large.txt", platformtest.Fault(t, b.export(t, lifecycleDir(t), "acme/run@sha256:1")))
}

// TestInterrupted ends an export before its end: no part of a blob stays.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	b.fill(t, honest)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by the test")
	cancel(stop)
	if err := b.exportUntil(ctx, t, lifecycleDir(t), "acme/run@sha256:1"); !errors.Is(err, stop) {
		t.Errorf("the error is %v, want %v", err, stop)
	}
	platformtest.CheckBlobs(t, b.store.Dir())
}

// TestSharedLayers exports a second app with the same files: no layer is compressed again.
func TestSharedLayers(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	launcher := lifecycleDir(t)
	blobs := func() map[string]os.FileInfo {
		b.empty(t)
		b.fill(t, honest)
		b.image = nil
		check(t, b.export(t, launcher, "acme/run@sha256:1"))
		found := map[string]os.FileInfo{}
		image, err := b.store.Loose(b.image)
		check(t, err)
		for _, digest := range digests(t, image) {
			info, err := os.Stat(b.store.Blobs().Path(digest))
			check(t, err)
			found[digest.String()] = info
		}
		return found
	}
	first := blobs()
	for digest, again := range blobs() {
		if before := first[digest]; before == nil || !os.SameFile(before, again) {
			t.Errorf("the layer %s was written again", digest)
		}
	}
}
