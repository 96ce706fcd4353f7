package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

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
	all := manager.Tools()
	pnpm := all[slices.IndexFunc(all, func(tool manager.Tool) bool { return tool.ID == "pnpm" })]
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
	if _, err := at.programs(t.Context(), pnpm, choice{Version: "10.99.0", Reason: "test"}, ""); !errors.As(err,
		&unvouched) || unvouched.ID != "node-unverified" {
		t.Errorf("without a hash: %v, want node-unverified", err)
	}
}
