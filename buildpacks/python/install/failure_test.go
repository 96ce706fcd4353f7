package install_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// sdist returns the source distribution of a project whose own code builds it: after other code, it makes a wheel.
func sdist(t *testing.T, code string) string {
	t.Helper()
	files := own("own-1.0/", "sdist")
	files["own-1.0/PKG-INFO"] = "Metadata-Version: 2.1\nName: own\nVersion: 1.0\n"
	files["own-1.0/backend.py"] = "import os, subprocess\n" + code + "\n" + backend
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

// call returns code that calls a program as builds do.
func call(args string) string { return "subprocess.run('" + args + "'.split())" }

// TestFaults has what ends an install, each in a golden file.
func TestFaults(t *testing.T) {
	t.Parallel()
	zero := strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		files    map[string]string
		env      config.Environment
		bindings map[string]map[string]string
	}{
		"hash":     {files: map[string]string{"requirements.txt": "one==1.0 --hash=sha256:" + zero + "\n"}},
		"unhashed": {files: map[string]string{"requirements.txt": "one==1.0 --hash=sha256:" + zero + "\ntwo==1.0\n"}},
		"version":  {files: map[string]string{"requirements.txt": "one==7.0\n"}},
		"absent":   {files: map[string]string{"requirements.txt": "nowhere\n"}},
		"offline": {
			files: map[string]string{"requirements.txt": "one\n"},
			env:   config.Environment{install.IndexVariable: "http://127.0.0.1:1/simple", "UV_HTTP_RETRIES": "0"},
		},
		"rust": {files: map[string]string{"sdist": call("cargo build --release")}},
		"header": {
			files: map[string]string{"sdist": "raise SystemExit('mod.c:1:10: fatal error: libpq-fe.h: No such file or directory')"},
		},
		"unknown": {
			files: map[string]string{"sdist": "raise SystemExit('/usr/bin/ld: cannot find -lpeculiar: No such file or directory')"},
		},
		"program": {files: map[string]string{"sdist": "raise SystemExit('Error: pg_config executable not found.')"}},
		"no-pkgconfig": {
			files: map[string]string{"sdist": `raise OSError("pkg-config is not there: FileNotFoundError(2, 'No such file or directory')")`},
		},
		"absent-program": {files: map[string]string{"sdist": call("mysql_config --cflags")}},
		"pkgconfig":      {files: map[string]string{"sdist": `raise SystemExit("No package 'cairo' found")`}},
		"own":            {files: map[string]string{"sdist": "raise SystemExit('the moon is full')"}},
		"compiler":       {files: map[string]string{"sdist": call("cc -c mod.c")}},
		"pip.conf":       {bindings: map[string]map[string]string{"index": {"type": "pip", "settings": ""}}},
		"uv.toml":        {bindings: map[string]map[string]string{"index": {"type": "uv", "uv.toml": "index-url = https://u:secret@x\n"}}},
	} {
		r := kittest.NewRegistry(t)
		r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
		r.Wheel(t, "two", "1.0", map[string]string{"two.py": ""})
		files := maps.Clone(test.files)
		if code := files["sdist"]; code != "" {
			files = map[string]string{"requirements.txt": "own\n", "wheels": "vendor", "vendor/own-1.0.tar.gz": sdist(t, code)}
		}
		c := app(t, r, files)
		c.Env, c.Bindings = c.Env.With(test.env), test.bindings
		result := kittest.Build(t, c)
		if result.Code != 1 {
			t.Errorf("%s: exit code %d\n%s", name, result.Code, result.Log())
		}
		text := regexp.MustCompile(`Python 3\.\d+`).ReplaceAllString(result.Stderr, "Python 3.N")
		kittest.Golden(t, "fault-"+name+".txt", regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "HOST"))
	}
}

// TestBuildsOfPackages builds a source distribution, which sees neither the settings of the platform nor its secrets, and writes to no
// file of the app.
func TestBuildsOfPackages(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	noted := filepath.Join(t.TempDir(), "environment")
	code := "open('" + noted + "', 'w').write('\\n'.join(sorted(os.environ)))"
	c := app(t, r, map[string]string{
		"requirements.txt": "own\n", "wheels": "vendor", "vendor/own-1.0.tar.gz": sdist(t, code),
	})
	c.Env = c.Env.With(config.Environment{"BP_SECRET": "1", "APP_TOKEN": "1", "PYTHONPATH": c.Env["HOME"]})
	result := built(t, kittest.Build(t, c))
	if got := run(t, filepath.Join(result.Layers, "packages", "bin", "own")); got != "sdist\n" {
		t.Errorf("the package's program says %q", got)
	}
	seen, err := os.ReadFile(noted)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"BP_", "CNB_", "APP_TOKEN", "PYTHONPATH"} {
		if strings.Contains("\n"+string(seen), "\n"+name) {
			t.Errorf("the package's code sees %s: %s", name, seen)
		}
	}
	if strings.Contains(result.Stdout, "compiler") {
		t.Errorf("a compiler is fetched for nothing:\n%s", result.Log())
	}
}
