package interpreter

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// standIn puts a build into a mirror. Its program notes that it was called. It returns the release that locks it.
func standIn(t *testing.T, mirror string) lock.Release {
	t.Helper()
	contents := map[string]string{
		"python/bin/python3.12": "#!/bin/sh\n[ $# = 7 ] && touch \"${LD_LIBRARY_PATH%/lib}/compiled\"\n", "python/bin/pip3": "pip",
		"python/lib/python3.12/os.py": "1", "python/lib/python3.12/test/x.py": "2", "python/lib/python3.12/site-packages/pip/x.py": "3",
		"python/lib/libpython3.12.so.1.0": "library", "python/lib/libtcl9.0.so": "library", "python/include/python3.12/Python.h": "header",
	}
	var headers []tar.Header
	for name := range contents {
		headers = append(headers, tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg})
	}
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	if _, err := zip.Write(debtest.Tar(t, contents, headers...)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, mirror, map[string]string{"20240107/cpython-3.12.1+20240107-x.tar.gz": archive.String()})
	sum := sha256.Sum256(archive.Bytes())
	return lock.Release{
		ID: ID, Version: "3.12.1", Arch: "amd64", Hash: "sha256:" + hex.EncodeToString(sum[:]),
		PURL: "pkg:github/astral-sh/python-build-standalone@20240107?file_name=cpython-3.12.1%2B20240107-x.tar.gz",
	}
}

// TestStandalone installs a build from a folder that a mirror is, and its headers, and refuses one with another byte.
func TestStandalone(t *testing.T) {
	t.Parallel()
	mirror := t.TempDir()
	p := Standalone(standIn(t, mirror))
	s := Source{Mirror: "file://" + mirror, Log: report.New(io.Discard, report.Options{})}
	dir := filepath.Join(t.TempDir(), "python")
	if err := p.Tool(s).Fill(t.Context(), fetch.New(t.TempDir()), dir); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for name, kind := range kittest.Tree(t, dir) {
		kinds[name], _, _ = strings.Cut(kind, " ")
	}
	want := map[string]string{
		"bin/": "dir", "bin/python": "symlink", "bin/python3": "symlink", "bin/python3.12": "file", "compiled": "file", "lib/": "dir",
		"lib/libpython3.12.so.1.0": "file", "lib/python3.12/": "dir", "lib/python3.12/os.py": "file",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	headers := filepath.Join(t.TempDir(), "headers")
	if err := p.Headers(s).Fill(t.Context(), fetch.New(t.TempDir()), headers); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.Includes(headers)[0], "Python.h")); err != nil {
		t.Error(err)
	}
	document, err := p.Document(dir)
	if err != nil {
		t.Fatal(err)
	}
	if all := document.Components; len(all) != 1 || all[0].PURL != p.release.PURL {
		t.Errorf("the bill of materials has %+v", all)
	}

	changed := p.release
	changed.Hash = "sha256:" + strings.Repeat("0", 64)
	client := fetch.New(t.TempDir(), fetch.WithBackoff(time.Microsecond))
	err = Standalone(changed).Tool(s).Fill(t.Context(), client, filepath.Join(t.TempDir(), "python"))
	if !errors.As(err, new(fault.Fault)) || Standalone(changed).Folder() == p.Folder() {
		t.Errorf("an archive with another hash gives %v, in the same folder: %t", err, Standalone(changed).Folder() == p.Folder())
	}
}

// TestAddress asks the mirror, and uv where there is none.
func TestAddress(t *testing.T) {
	t.Parallel()
	p := Standalone(standIn(t, t.TempDir()))
	uv := filepath.Join(t.TempDir(), "uv")
	const asked = "python list --only-downloads --output-format json cpython-3.12.1-linux-x86_64-gnu"
	const answer = `[{"url": "https://host.example.test/x/20240107/cpython-3.12.1%2B20240107-x.tar.gz"}]`
	text := "#!/bin/sh\n[ \"$*\" = '" + asked + "' ] && echo '" + answer + "'\n"
	if err := os.WriteFile(uv, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	found := func(context.Context) (string, error) { return uv, nil }
	for mirror, want := range map[string]string{
		"":                                 "https://host.example.test/x/20240107/cpython-3.12.1%2B20240107-x.tar.gz",
		"https://mirror.example.test/base": "https://mirror.example.test/base/20240107/cpython-3.12.1%2B20240107-x.tar.gz",
		"file:///mirror/":                  "file:///mirror/20240107/cpython-3.12.1%2B20240107-x.tar.gz",
	} {
		got, err := p.address(t.Context(), Source{Mirror: mirror, UV: found})
		if err != nil || got != want {
			t.Errorf("the mirror %q has %q, want %q, %v", mirror, got, want, err)
		}
	}
	_, err := p.address(t.Context(), Source{Mirror: "mirror.example.test"})
	kittest.Golden(t, "fault-mirror.txt", err.Error()+"\n")
}
