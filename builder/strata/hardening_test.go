package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHardening prints that of a file, and those of the files of an archive and of a folder whose names no store knows.
func TestHardening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := elftest.Program(elf.EM_X86_64, "/lib/ld.so", "libc.so.6")
	kittest.Write(t, dir, map[string]string{"program": program, "text": "no program"})
	image, err := crane.Image(map[string][]byte{"bin/web": []byte(program), "etc/motd": []byte("text")})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("foreign/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(filepath.Join(dir, "image.tar"), tag, image); err != nil {
		t.Fatal(err)
	}
	folder, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err == nil {
		err = errors.Join(folder.AppendImage(image), folder.AppendImage(image))
	}
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"program":   "FILE KIND RELRO NX CANARY FORTIFY FAULTS\n" + filepath.Join(dir, "program") + " PIE none yes - - -\n",
		"layout":    "FILE KIND RELRO NX CANARY FORTIFY FAULTS\n/bin/web PIE none yes - - -\n",
		"image.tar": "FILE KIND RELRO NX CANARY FORTIFY FAULTS\n/bin/web PIE none yes - - -\n",
	} {
		var out bytes.Buffer
		name := filepath.Join(dir, file)
		if file == "layout" {
			name = "oci:" + name
		}
		if err := printHardening(&out, nil, name); err != nil {
			t.Error(err)
		}
		lines := bytes.Split(out.Bytes(), []byte("\n"))
		for i, line := range lines {
			lines[i] = bytes.Join(bytes.Fields(line), []byte(" "))
		}
		if got := string(bytes.Join(lines, []byte("\n"))); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
	err = printHardening(&bytes.Buffer{}, nil, filepath.Join(dir, "text"))
	kittest.Fault(t, err)
	kittest.Write(t, dir, map[string]string{"none/index.json": `{"schemaVersion":2,"manifests":[]}`})
	for name, what := range map[string]string{"text": "is no image layout", "none": "has no image for "} {
		err := printHardening(&bytes.Buffer{}, nil, "oci:"+filepath.Join(dir, name))
		if kittest.Fault(t, err); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestImageOfLayout takes the image for this machine out of an index in an index, and passes over what is attached to it.
func TestImageOfLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	of := func(arch string) v1.Image {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{Architecture: arch, OS: "linux", Author: arch})
		if err != nil {
			t.Fatal(err)
		}
		return image
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	attached := mutate.ConfigMediaType(empty.Image, "application/vnd.oci.empty.v1+json")
	inner := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: attached}, mutate.IndexAddendum{Add: of(other)}, mutate.IndexAddendum{Add: of(runtime.GOARCH)})
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: inner})); err != nil {
		t.Fatal(err)
	}
	image, err := imageOfLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := image.ConfigFile(); err != nil || config.Architecture != runtime.GOARCH {
		t.Errorf("got %+v, %v", config, err)
	}
}
