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
