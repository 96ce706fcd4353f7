package main

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHardening prints that of a file, and those of the files of an archive whose name no store knows.
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
	for file, want := range map[string]string{
		"program":   "FILE KIND RELRO NX CANARY FORTIFY FAULTS\n" + filepath.Join(dir, "program") + " PIE none yes - - -\n",
		"image.tar": "FILE KIND RELRO NX CANARY FORTIFY FAULTS\n/bin/web PIE none yes - - -\n",
	} {
		var out bytes.Buffer
		if err := printHardening(&out, nil, filepath.Join(dir, file)); err != nil {
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
}
