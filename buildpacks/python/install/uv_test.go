package install_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// workspace returns that of a build with variables.
func workspace(env config.Environment) bp.Workspace {
	return bp.Workspace{Env: env, Log: report.New(io.Discard, report.Options{})}
}

// TestUV fetches a locked uv through an index that knows where its files are.
func TestUV(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	hash := r.Wheel(t, "uv", "0.1.2", map[string]string{"uv-0.1.2.data/scripts/uv": "#!/bin/sh\n", "uv/__init__.py": ""})
	release := lock.Release{
		ID: "uv", Version: "0.1.2", PURL: "pkg:pypi/uv@0.1.2?file_name=uv-0.1.2-py3-none-any.whl", Hash: "sha256:" + hash,
	}
	other := release
	other.Hash = "sha256:" + strings.Repeat("0", 64)
	gone := release
	gone.PURL = strings.Replace(gone.PURL, "any", "linux", 1)
	tests := []struct {
		name  string
		r     lock.Release
		index string
		fault string
	}{
		{"it comes", release, r.URL + "/simple", ""},
		{"the address has a slash", release, r.URL + "/simple/", ""},
		{"another hash", other, r.URL + "/simple", "fetch-wrong-hash"},
		{"another file", gone, r.URL + "/simple", "python-uv-gone"},
		{"an index that does not have uv", release, r.URL + "/empty", "fetch-gone"},
		{"no index", release, "", "python-index-unset"},
		{"no address", release, "index", "python-index-syntax"},
	}
	for _, test := range tests {
		in := workspace(config.Environment{install.IndexVariable: test.index})
		from, err := install.ReadIndexes(in)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := tool.Install(t.Context(), in, t.TempDir(), install.UV(test.r, from))
		if f, ok := errors.AsType[fault.Fault](err); f.ID != test.fault || ok != (test.fault != "") || err != nil && !ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil {
			continue
		}
		want := map[string]string{"uv": "file 0755 a8076d3d"}
		if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// releases asks an index that has one answer.
func releases(t *testing.T, answer string) ([]lock.Release, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/simple/uv/" {
			_, _ = io.WriteString(w, answer)
		}
	}))
	defer server.Close()
	return install.Releases(t.Context(), fetch.New(t.TempDir()), config.Environment{install.IndexVariable: server.URL + "/simple"})
}

// TestReleases locks the newest release that has wheels for both architectures, from an index that answers with a page or with JSON.
func TestReleases(t *testing.T) {
	t.Parallel()
	sum := func(digit string) string { return strings.Repeat(digit, 64) }
	const x86, arm = "-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "-py3-none-manylinux_2_28_aarch64.whl"
	page := "<!DOCTYPE html>\n<a href='../../files/uv-0.9.10" + x86 + "#sha256=" + sum("1") + "'>uv</a>\n" +
		`<a data-x="" HREF="https://files.example.test/uv-0.9.10` + arm + "#sha256=" + sum("2") + `">uv</a>` +
		`<a href="uv-0.9.9` + x86 + "#sha256=" + sum("3") + `">old</a> <a href="uv-0.10.0` + x86 + `">no hash</a>` +
		`<a href="file:///uv-1.0.0` + x86 + "#sha256=" + sum("4") + `">of this machine</a>`
	json := `{"files": [{"filename": "uv-0.9.10` + x86 + `", "url": "../1", "hashes": {"sha256": "` + sum("1") + `"}},
		{"filename": "uv-0.9.10` + arm + `", "url": "../2", "hashes": {"sha256": "` + sum("2") + `"}}]}`
	for _, answer := range []string{page, json} {
		got, err := releases(t, answer)
		want := []lock.Release{
			{ID: "uv", Version: "0.9.10", Arch: "amd64", PURL: "pkg:pypi/uv@0.9.10?file_name=uv-0.9.10" + x86, Hash: "sha256:" + sum("1")},
			{ID: "uv", Version: "0.9.10", Arch: "arm64", PURL: "pkg:pypi/uv@0.9.10?file_name=uv-0.9.10" + arm, Hash: "sha256:" + sum("2")},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if _, err := releases(t, "<a href='uv-0.9.10"+x86+"#sha256="+sum("1")+"'>"); err == nil {
		t.Error("a release for one architecture is locked")
	}
}
