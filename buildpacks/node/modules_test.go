package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestSettings looks at what of variables and bindings is part of a key: nothing that may be a secret or an address.
func TestSettings(t *testing.T) {
	t.Parallel()
	bound := t.TempDir()
	kittest.Write(t, bound, map[string]string{".npmrc": "omit[]=optional\n//npm.example.test/:_authToken=secret\nregistry=https://npm.example.test/\n"})
	b := builder{decision: decision{bound: map[string]string{".npmrc": filepath.Join(bound, ".npmrc")}}}
	b.Env = config.Environment{"NPM_CONFIG_OMIT": "dev", "NPM_TOKEN": "secret", "NPM_CONFIG_REGISTRY": "https://npm.example.test/", "YARN_ENABLE_SCRIPTS": "0", "PORT": "1"}
	got, err := b.settings()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".npmrc: omit[]=optional", "NPM_CONFIG_OMIT=dev", "YARN_ENABLE_SCRIPTS=0"}, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// TestInstallOnly lets an install see the variables that settings name.
func TestInstallOnly(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{".npmrc": "//npm.example.test/:_authToken=${GITHUB_TOKEN}\n"})
	b := builder{decision: decision{Project: project.Project{Root: app}}}
	got, err := b.installOnly(config.Environment{"GITHUB_TOKEN": "secret", "OTHER": "1", "npm_config_omit": "dev"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Environment{"GITHUB_TOKEN": "secret", "npm_config_omit": "dev"}, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

// TestInstallUnlocked installs a release that is not locked: who vouches for it with another hash, or not at all, does not get what
// was installed for somebody else.
func TestInstallUnlocked(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)
	content := []byte(`{"bin": {"pnpm": "package.json"}}`)
	err := files.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(content))})
	if err == nil {
		_, err = files.Write(content)
	}
	if err := errors.Join(err, files.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) }))
	t.Cleanup(registry.Close)
	sum := sha512.Sum512(archive.Bytes())
	told := "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	other := "sha512-" + base64.StdEncoding.EncodeToString(make([]byte, len(sum)))
	at := tools{
		in: bp.Workspace{Log: report.New(io.Discard, report.Options{})}, registry: registry.URL, dir: t.TempDir(), arch: "x64",
	}
	if _, err := at.programs(t.Context(), pnpm, choice{Version: "10.99.0", Reason: "test"}, told); err != nil {
		t.Fatal(err)
	}
	if _, err := at.programs(t.Context(), pnpm, choice{Version: "10.99.0", Reason: "test"}, other); err == nil {
		t.Error("another hash is taken for the one that was checked")
	}
	unvouched := fault.Fault{}
	if _, err := at.programs(t.Context(), pnpm, choice{Version: "10.99.0", Reason: "test"}, ""); !errors.As(err, &unvouched) || unvouched.ID != "node-unverified" {
		t.Errorf("without a hash: %v, want node-unverified", err)
	}
}

// TestLeaveSettings removes settings wherever they are.
func TestLeaveSettings(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{".npmrc": "", "packages/b/.npmrc": "", "packages/b/index.js": "", ".yarn/cache/a.zip": "", ".yarn/patches/a.patch": "", ".yarnrc.yml": ""})
	b := builder{BuildContext: bp.BuildContext{Workspace: bp.Workspace{AppDir: app}}, decision: decision{Project: project.Project{Root: app}, manager: berry}}
	if err := b.leaveSettings(); err != nil {
		t.Fatal(err)
	}
	want := []string{".yarn/", ".yarn/patches/", ".yarn/patches/a.patch", "packages/", "packages/b/", "packages/b/index.js"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(kittest.Tree(t, app)))); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
}
