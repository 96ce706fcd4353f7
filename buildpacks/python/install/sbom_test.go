package install_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestBill lists what is installed with its licences: an expression, a text, a word, none.
func TestBill(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	about := func(name, more string) string {
		return "Metadata-Version: 2.4\nName: " + name + "\nVersion: 1.0\n" + more + "\n\nLicense: text\n"
	}
	isc, err := os.ReadFile("testdata/isc.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string]string{
		"Expression.Of": {"METADATA": about("Expression.Of", "License-Expression: MIT OR Apache-2.0")},
		"text":          {"METADATA": about("text", "License: see LICENSE"), "licenses/LICENSE": string(isc)},
		"word":          {"METADATA": about("word", "License: BSD-3-Clause")},
		"none":          {"METADATA": about("none", "License: "+strings.Repeat("long ", 20))},
	} {
		all := map[string]string{strings.ToLower(strings.ReplaceAll(name, ".", "_")) + ".py": ""}
		for file, text := range files {
			all[strings.ToLower(strings.ReplaceAll(name, ".", "_"))+"-1.0.dist-info/"+file] = text
		}
		r.Wheel(t, name, "1.0", all)
	}
	result := built(t, kittest.Build(t, app(t, r, map[string]string{"requirements.txt": "Expression.Of\ntext\nword\nnone\n"})))
	bill, err := os.ReadFile(filepath.Join(result.Layers, "packages.sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "bill.cdx.json", string(bill))
}

// TestInside lists what packages have of others: distributions in their folders, what their bills of materials name, and libraries.
func TestInside(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	r.Wheel(t, "Outer", "1.0", map[string]string{
		"outer/__init__.py": "",
		"outer/_vendor/inner_one-2.0.dist-info/METADATA": "Name: Inner.One\nVersion: 2.0\nLicense-Expression: MIT\n",
		"outer/_vendor/broken-1.dist-info/METADATA":      "broken",
		"outer.libs/libpq-e9b5c9ac.so.5.18":              "library",
		"outer.libs/README":                              "text",
		"outer-1.0.dist-info/sboms/auditwheel.cdx.json": `{"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [
			{"type": "library", "name": "outer", "version": "1.0", "purl": "pkg:pypi/outer@1.0?file_name=outer.whl"},
			{"type": "library", "name": "outer._c", "version": "1.0", "purl": "pkg:pypi/OUTER@1.0#outer/_c"},
			{"type": "x", "name": "libXau", "version": "1.0.9", "purl": "pkg:rpm/almalinux/libXau@1.0.9", "hashes": [{"alg": "SHA-256"}]},
			{"type": "library", "name": "odd", "purl": "no URL", "licenses": [{"license": {"id": "ISC"}}]}]}`,
		"outer-1.0.dist-info/sboms/other.spdx.json": `[]`,
	})
	result := built(t, kittest.Build(t, app(t, r, map[string]string{"requirements.txt": "outer\n"})))
	bill, err := os.ReadFile(filepath.Join(result.Layers, "packages.sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "bill-inside.cdx.json", string(bill))
	for _, name := range []string{"outer/_vendor/broken-1.dist-info/METADATA", "outer-1.0.dist-info/sboms/other.spdx.json"} {
		if !strings.Contains(result.Log(), "what "+name+" of outer describes is not in the bill of materials") {
			t.Errorf("no warning names %s:\n%s", name, result.Log())
		}
	}
}

// TestKey makes packages again when what they depend on changes, and at no other time.
func TestKey(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
	c := app(t, r, map[string]string{"requirements.txt": "one\n", "main.py": "1"})
	result := built(t, kittest.Build(t, c))
	for name, test := range map[string]struct {
		files map[string]string
		env   config.Environment
		again bool
	}{
		"code":           {files: map[string]string{"main.py": "2"}},
		"requirements":   {files: map[string]string{"requirements.txt": "one==1.0\n"}, again: true},
		"constraints":    {files: map[string]string{"constraints.txt": "one<2\n"}, again: true},
		"left out":       {env: config.Environment{"BP_PYTHON_LEAVE_OUT": "none"}, again: true},
		"login":          {env: config.Environment{"UV_INDEX_ONE_PASSWORD": "secret", "UV_HTTP_TIMEOUT": "9"}},
		"proxy":          {env: config.Environment{"HTTPS_PROXY": "http://127.0.0.1:1"}},
		"hardening":      {env: config.Environment{"BP_NATIVE_HARDENING_ENABLED": "false"}, again: true},
		"setting of uv":  {env: config.Environment{"UV_PRERELEASE": "allow"}, again: true},
		"another index":  {env: config.Environment{"PIP_EXTRA_INDEX_URL": r.URL + "/simple"}},
		"what is secret": {env: config.Environment{"TOKEN": "x"}},
	} {
		next := with(c, test.files)
		next.Env = c.Env.With(test.env)
		if again := built(t, kittest.Rebuild(t, result, next)); strings.Contains(again.Stdout, "Layer packages: reused") == test.again {
			t.Errorf("%s:\n%s", name, again.Log())
		}
		built(t, kittest.Rebuild(t, result, c))
	}
}
