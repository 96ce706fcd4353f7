package jdk

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// archived puts an archive of Java 8, as Temurin has it, into a folder that a mirror is, and returns the release that locks it.
func archived(t *testing.T, mirror string) lock.Release {
	t.Helper()
	contents := map[string]string{
		"jdk8u472-b08/bin/javac": "javac", "jdk8u472-b08/jre/bin/java": "java", "jdk8u472-b08/jre/lib/rt.jar": "classes",
		"jdk8u472-b08/jre/LICENSE": "text", "jdk8u472-b08/src.zip": "source", "jdk8u472-b08/man/java.1": "manual",
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
	kittest.Write(t, mirror, map[string]string{"jdk8u472-b08/OpenJDK8U-jdk_x64.tar.gz": archive.String()})
	sum := sha256.Sum256(archive.Bytes())
	return lock.Release{
		ID: ID, Version: "8.0.472", Arch: "amd64", Hash: "sha256:" + hex.EncodeToString(sum[:]),
		PURL: "pkg:github/adoptium/temurin8-binaries@jdk8u472-b08?file_name=OpenJDK8U-jdk_x64.tar.gz",
	}
}

// TestVendor installs an archive from a mirror, and the runtime that it has inside, and refuses one with another byte.
func TestVendor(t *testing.T) {
	t.Parallel()
	mirror := t.TempDir()
	j := Vendored(archived(t, mirror))
	s := Source{Mirror: "file://" + mirror, Log: report.New(io.Discard, report.Options{})}
	home, client := filepath.Join(t.TempDir(), "jdk"), fetch.New(t.TempDir(), fetch.WithBackoff(time.Microsecond))
	if err := j.Tool(s).Fill(t.Context(), client, home); err != nil {
		t.Fatal(err)
	}
	s.Home = func(context.Context, JDK) (string, error) { return home, nil }
	dir := filepath.Join(t.TempDir(), "jre")
	if err := j.Server().Tool(s).Fill(t.Context(), client, dir); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{
		home: {"bin/javac", "jre/bin/java", "jre/lib/rt.jar", "jre/LICENSE"}, dir: {"bin/java", "lib/rt.jar", "LICENSE"},
	} {
		got := map[string]bool{}
		for name, kind := range kittest.Tree(t, folder) {
			if strings.HasPrefix(kind, "file") {
				got[name] = true
			}
		}
		all := map[string]bool{}
		for _, name := range want {
			all[name] = true
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	}
	document, err := j.Server().Document(dir)
	if err != nil || len(document.Components) != 1 || document.Components[0].PURL != j.release.PURL {
		t.Errorf("the bill of materials is %+v, %v", document, err)
	}
	changed := j.release
	changed.Hash = "sha256:" + strings.Repeat("0", 64)
	if err := Vendored(changed).Tool(s).Fill(t.Context(), client, t.TempDir()); err == nil || Vendored(changed).Folder() == j.Folder() {
		t.Errorf("an archive with another hash: %v", err)
	}
}

// TestAddress has where an archive is in a mirror, and what is no mirror.
func TestAddress(t *testing.T) {
	t.Parallel()
	j := Vendored(lock.Release{Version: "21.0.5", Hash: "x",
		PURL: "pkg:github/adoptium/temurin21-binaries@jdk-21.0.5%2B11?file_name=OpenJDK21U-jdk_x64_linux_hotspot_21.0.5_11.tar.gz"})
	const file = "/jdk-21.0.5%2B11/OpenJDK21U-jdk_x64_linux_hotspot_21.0.5_11.tar.gz"
	for mirror, want := range map[string]string{
		"https://mirror.example.test/temurin/": "https://mirror.example.test/temurin" + file, "file:///mirror": "file:///mirror" + file,
	} {
		if got, err := j.address(mirror); err != nil || got != want {
			t.Errorf("%s has %s, want %s, %v", mirror, got, want, err)
		}
	}
	_, err := j.address("mirror.example.test")
	kittest.Golden(t, "fault-mirror.txt", err.Error()+"\n")
}

// TestCopied has a JDK whose jlink is too old, and one without jmods of which an image has all.
func TestCopied(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	kittest.Write(t, home, map[string]string{"bin/java": "java", "lib/modules": "modules", "release": "x"})
	s := Source{Log: report.New(io.Discard, report.Options{}), Home: func(context.Context, JDK) (string, error) { return home, nil }}
	for _, r := range []Runtime{
		Vendored(lock.Release{Version: "11.0.29", Arch: "amd64", Hash: "x"}).Server(),
		Vendored(lock.Release{Version: "25.0.4", Arch: "amd64", Hash: "x"}).All(),
	} {
		dir := t.TempDir()
		if err := r.Tool(s).Fill(t.Context(), fetch.New(t.TempDir()), dir); err != nil {
			t.Fatal(err)
		}
		if !exists(filepath.Join(dir, "bin/java")) || !exists(filepath.Join(dir, "lib/modules")) {
			t.Errorf("the runtime %s has %v", r.Folder(), kittest.Tree(t, dir))
		}
	}
}
