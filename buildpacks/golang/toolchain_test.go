package golang

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// registry is a module proxy with one toolchain and a checksum database that
// vouches for it, both real: files in the layout of the GOPROXY protocol, and
// the database server of golang.org/x/mod with a key of its own.
type registry struct {
	proxy, sumdb string // values of GOPROXY and GOSUMDB
	files        string // folder of the proxy
	sum          string
	requests     *int
}

func newRegistry(t *testing.T, tc toolchain) registry {
	t.Helper()
	m := tc.module()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range map[string]string{
		"bin/go": "#!/bin/sh\n", "src/_go.mod": "module std\n", "src/cmd/main.go": "package main\n", "src/io/io_test.go": "package io\n",
		"VERSION": "go" + tc.Version, "LICENSE": "text",
	} {
		w, err := z.Create(m.Path + "@" + m.Version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	base := m.Path + "/@v/" + m.Version
	kittest.Write(t, dir, map[string]string{
		base + ".info": `{"Version":"` + m.Version + `"}`, base + ".zip": archive.String(), m.Path + "/@v/list": m.Version + "\n",
	})
	sum, err := dirhash.HashZip(filepath.Join(dir, base+".zip"), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	signer, verifier, err := note.GenerateKey(nil, "sums.example.test")
	if err != nil {
		t.Fatal(err)
	}
	database := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		if path != m.Path || version != m.Version {
			return nil, os.ErrNotExist
		}
		return []byte(path + " " + version + " " + sum + "\n" + path + " " + version + "/go.mod h1:x\n"), nil
	})))
	t.Cleanup(database.Close)
	requests := 0
	files := http.FileServer(http.Dir(dir))
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return registry{proxy.URL, verifier + " " + database.URL, dir, sum, &requests}
}

// future is a release that no lock has.
func future(t *testing.T) toolchain {
	t.Helper()
	return toolchain{Choice: version.Choice{Version: "1.99.1", Reason: "BP_GO_VERSION"}, lock: known, log: testLog(t)}
}

func testLog(t *testing.T) *report.Log {
	t.Helper()
	var log bytes.Buffer
	t.Cleanup(func() { t.Log(log.String()) })
	return report.New(&log, report.Options{})
}

func (r registry) serve(t *testing.T, tc *toolchain) {
	t.Helper()
	p, err := parseProxies(r.proxy)
	if err != nil {
		t.Fatal(err)
	}
	tc.proxies, tc.sumdb = p, r.sumdb
}

func TestInstall(t *testing.T) {
	t.Parallel()
	tc := future(t)
	r := newRegistry(t, tc)
	r.serve(t, &tc)
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"go1.99.1." + tc.platform() + ".partial/left/over": "by a build that was killed"})
	goroot, err := tc.install(t.Context(), bp.Workspace{Log: tc.log}, dir)
	if err != nil {
		t.Fatal(err)
	}
	tree := kittest.Tree(t, dir)
	name := filepath.Base(goroot)
	for path, mode := range map[string]string{
		name + "/bin/go": "file 0755", name + "/src/go.mod": "file 0644", name + "/VERSION": "file 0644",
	} {
		if !strings.HasPrefix(tree[path], mode) {
			t.Errorf("%s is %q, want %s", path, tree[path], mode)
		}
	}
	for path := range tree {
		if !strings.HasPrefix(path, name+"/") || strings.HasPrefix(path, name+"/src/cmd/") || strings.HasSuffix(path, "_test.go") {
			t.Errorf("it left %s", path)
		}
	}
	before := *r.requests
	if again, err := tc.install(t.Context(), bp.Workspace{Log: tc.log}, dir); err != nil || again != goroot || *r.requests != before {
		t.Errorf("the second time: %s (%v) after %d more requests", again, err, *r.requests-before)
	}
}

func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*testing.T, *toolchain, registry)
	}{
		{"toolchain-hash", func(t *testing.T, tc *toolchain, _ registry) {
			t.Helper()
			other := future(t)
			other.Version = "1.99.2"
			evil := newRegistry(t, other)
			m, n := tc.module(), other.module()
			content, err := os.ReadFile(filepath.Join(evil.files, n.Path, "@v", n.Version+".zip"))
			if err != nil {
				t.Fatal(err)
			}
			tc.lock = lock.Lock{Releases: []lock.Release{{ID: goID, Version: tc.Version, Hash: "h1:" + strings.Repeat("A", 43) + "="}}}
			dir := t.TempDir()
			kittest.Write(t, dir, map[string]string{m.Path + "/@v/" + m.Version + ".zip": string(content)})
			p, err := parseProxies("file://" + dir)
			if err != nil {
				t.Fatal(err)
			}
			tc.proxies = p
		}},
		{"toolchain-damaged", func(t *testing.T, tc *toolchain, r registry) {
			t.Helper()
			m := tc.module()
			kittest.Write(t, r.files, map[string]string{m.Path + "/@v/" + m.Version + ".zip": "half"})
		}},
		{"toolchain-changed", func(t *testing.T, tc *toolchain, r registry) {
			t.Helper()
			m := tc.module()
			file := filepath.Join(r.files, m.Path, "@v", m.Version+".zip")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.Replace(content, []byte("VERSION"), []byte("VERSIOM"), 2)
			if err := os.WriteFile(file, changed, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"version-unknown", func(_ *testing.T, tc *toolchain, _ registry) { tc.Version = "1.99.7" }},
		{"toolchain-fetch", func(t *testing.T, tc *toolchain, _ registry) {
			t.Helper()
			closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
			t.Cleanup(closed.Close)
			p, err := parseProxies(closed.URL)
			if err != nil {
				t.Fatal(err)
			}
			tc.proxies = p
		}},
		{"proxy-unset", func(_ *testing.T, tc *toolchain, _ registry) { tc.proxies = nil }},
		{"sumdb-off", func(_ *testing.T, tc *toolchain, _ registry) { tc.sumdb = "off" }},
		{"sumdb-unset", func(_ *testing.T, tc *toolchain, _ registry) { tc.sumdb = "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tc := future(t)
			r := newRegistry(t, tc)
			r.serve(t, &tc)
			tt.change(t, &tc, r)
			dir := t.TempDir()
			_, err := tc.install(t.Context(), bp.Workspace{Log: tc.log}, dir)
			if err == nil {
				t.Fatal("it was installed")
			}
			hide := strings.NewReplacer(tc.platform(), "<platform>", r.sum, "<sum>", r.proxy, "<proxy>")
			text := address.ReplaceAllString(hide.Replace(err.Error()), "<address>")
			kittest.Golden(t, "fault-"+tt.name+".txt", hash.ReplaceAllString(text, "<hash>")+"\n")
			if left := leftIn(t, dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// TestInstallOtherKey asks a database whose signatures are not those of the key in GOSUMDB.
func TestInstallOtherKey(t *testing.T) {
	t.Parallel()
	tc := future(t)
	r := newRegistry(t, tc)
	r.serve(t, &tc)
	_, verifier, err := note.GenerateKey(nil, "sums.example.test")
	if err != nil {
		t.Fatal(err)
	}
	tc.sumdb = verifier + " " + strings.Fields(r.sumdb)[1]
	dir := t.TempDir()
	_, err = tc.install(t.Context(), bp.Workspace{Log: tc.log}, dir)
	if err == nil || !strings.Contains(err.Error(), "note has no verifiable signatures") {
		t.Errorf("got %v, want that the signature is not good", err)
	}
	if left := leftIn(t, dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

func TestInstallUnverified(t *testing.T) {
	t.Parallel()
	tc := future(t)
	r := newRegistry(t, tc)
	r.serve(t, &tc)
	tc.sumdb, tc.unverified = "off", true
	if _, err := tc.install(t.Context(), bp.Workspace{Log: tc.log}, t.TempDir()); err != nil {
		t.Error(err)
	}
}

// TestNewLock makes a lock from a proxy that has one release for one platform only, and then for both.
func TestNewLock(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, future(t))
	client := fetch.New(t.TempDir(), fetch.WithBackoff(time.Microsecond))
	env := config.Environment{"GOPROXY": r.proxy, "GOSUMDB": r.sumdb}
	if _, err := NewLock(t.Context(), client, env); err == nil || !strings.Contains(err.Error(), "has none since go1.21") {
		t.Errorf("got %v, want that no release is complete", err)
	}
	kittest.Write(t, r.files, map[string]string{toolchainModule + "/@v/list": "v0.0.1-go1.99.1.linux-amd64\nv0.0.1-go1.99.1.linux-arm64\n"})
	_, err := NewLock(t.Context(), client, env)
	if err == nil || !strings.Contains(err.Error(), "verifying Go 1.99.1 for a") || errors.Is(err, errNoProxy) {
		t.Errorf("got %v, want that the database does not know one platform", err)
	}
}

// leftIn returns what a failed install left in a folder, without empty downloads.
func leftIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := kittest.Tree(t, dir)
	maps.DeleteFunc(tree, func(path, what string) bool {
		return strings.HasPrefix(path, "downloads/") && (strings.HasPrefix(what, "dir") || strings.HasSuffix(what, "empty"))
	})
	return tree
}

var (
	address = regexp.MustCompile(`(http://)?127\.0\.0\.1:[0-9]+`)
	hash    = regexp.MustCompile(`h1:[A-Za-z0-9+/]{43}=`)
)
