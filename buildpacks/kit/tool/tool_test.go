package tool_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

func TestMain(m *testing.M) {
	kittest.Main(m, bp.Buildpack{ID: "strata/sample", Detect: detect, Build: build, Install: install})
}

func detect(context.Context, bp.DetectContext) (bp.DetectResult, error) {
	return bp.Pass("always"), nil
}

// archive is that of the tool.
var archive = func() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("tool-1/bin/tool")
	if err == nil {
		_, err = w.Write([]byte("program"))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// sample is a tool that comes from the address in BP_SAMPLE_URL.
func sample(in bp.Workspace) (tool.Tool, error) {
	url, _, err := in.Config.Lookup("BP_SAMPLE_URL")
	sum := sha256.Sum256(archive)
	a := fetch.Artifact{Name: "pkg:generic/tool@1", Sum: "sha256:" + hex.EncodeToString(sum[:]), URLs: []string{url}, Setting: "BP_SAMPLE_URL"}
	return tool.Tool{Folder: "tool-1", Title: "Tool 1", Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
		file, err := client.Get(ctx, a)
		if err != nil {
			return err
		}
		if err := unpack.Archive(file, dir, unpack.Options{Strip: 1}); err != nil {
			return err
		}
		if in.Env["BP_SAMPLE_BROKEN"] != "" {
			return errors.New("it cannot be completed")
		}
		return nil
	}}, err
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	cache, err := in.Cache(ctx, "tools")
	if err != nil {
		return bp.BuildResult{}, err
	}
	t, err := sample(in.Workspace)
	if err != nil {
		return bp.BuildResult{}, err
	}
	cached, err := tool.Cached(in.Workspace, cache, t)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Bullet("cached %t", cached)
	dir, err := tool.Install(ctx, in.Workspace, cache, t)
	if err != nil {
		return bp.BuildResult{}, err
	}
	program, err := os.ReadFile(filepath.Join(dir, "bin", "tool"))
	in.Log.Bullet("%s has a %s", dir, program)
	return bp.BuildResult{}, err
}

func install(ctx context.Context, in bp.InstallContext) error {
	t, err := sample(in.Workspace)
	if err != nil {
		return err
	}
	_, err = tool.Install(ctx, in.Workspace, in.Dir, t)
	return err
}

// run builds with the sample buildpack.
func run(t *testing.T, env config.Environment, bindings map[string]map[string]string) kittest.Result {
	t.Helper()
	dir, err := filepath.Abs("testdata/buildpack")
	if err != nil {
		t.Fatal(err)
	}
	return kittest.Build(t, kittest.Case{
		Env: env.With(config.Environment{"CNB_BUILDPACK_DIR": dir}), Bindings: bindings,
		Plan: "[[entries]]\nname = \"x\"\n[entries.metadata]\ntools = [\"tool-1\"]\n",
	})
}

// origin serves the archive and counts how often it is asked for it.
func origin(t *testing.T) (url string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path != "/tool.zip" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(archive)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/tool.zip", requests
}

// TestInstall makes a tool in a cache once, over what a build left that was killed.
func TestInstall(t *testing.T) {
	t.Parallel()
	url, requests := origin(t)
	cache := t.TempDir()
	kittest.Write(t, cache, map[string]string{"tools/tool-1.partial/left/over": ""})
	env := config.Environment{"BP_SAMPLE_URL": url, "BP_CACHE_DIR": cache}
	for _, want := range []string{"    cached false\n  Installing Tool 1\n    done in <time>\n", "    cached true\n"} {
		got := run(t, env, nil)
		want := "Strata Sample 0.1.0\n" + want + "    " + cache + "/tools/tool-1 has a program\n"
		if got.Code != 0 || got.Log() != want {
			t.Errorf("code %d and\n%s\nwant\n%s", got.Code, got.Log(), want)
		}
	}
	want := map[string]string{
		"tools/": "dir 0755", "tools/tool-1/": "dir 0755", "tools/tool-1/bin/": "dir 0755", "tools/tool-1/bin/tool": "file 0644 1310ca2c",
	}
	if diff := cmp.Diff(want, kittest.Tree(t, cache)); diff != "" || requests.Load() != 1 {
		t.Errorf("%d requests, and the cache (-want +got):\n%s", requests.Load(), diff)
	}
}

// TestInstallBroken leaves no folder that looks complete, and what was downloaded for the next build.
func TestInstallBroken(t *testing.T) {
	t.Parallel()
	url, requests := origin(t)
	cache := t.TempDir()
	env := config.Environment{"BP_SAMPLE_URL": url, "BP_CACHE_DIR": cache, "BP_SAMPLE_BROKEN": "true"}
	got := run(t, env, nil)
	if want := "error: internal error: installing Tool 1: it cannot be completed\n"; got.Stderr != want {
		t.Errorf("got %q, want %q", got.Stderr, want)
	}
	for path := range kittest.Tree(t, filepath.Join(cache, "tools")) {
		if !strings.HasPrefix(path, "downloads/") {
			t.Errorf("it left %s", path)
		}
	}
	delete(env, "BP_SAMPLE_BROKEN")
	if got := run(t, env, nil); got.Code != 0 || requests.Load() != 1 {
		t.Errorf("code %d after %d requests\n%s", got.Code, requests.Load(), got.Log())
	}
}

// TestShared installs a tool for all apps, and takes it then.
func TestShared(t *testing.T) {
	t.Parallel()
	url, requests := origin(t)
	shared, cache := t.TempDir(), t.TempDir()
	env := config.Environment{"BP_SAMPLE_URL": url, "BP_TOOLS_DIR": shared, "BP_CACHE_DIR": cache}
	if got := run(t, env.With(config.Environment{"BP_INSTALL_TOOL": "tool-1"}), nil); got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	if entries, err := os.ReadDir(shared); len(entries) != 1 || err != nil {
		t.Errorf("it left %v, %v", entries, err)
	}
	got := run(t, env, nil)
	want := "Strata Sample 0.1.0\n    cached true\n    " + shared + "/tool-1 has a program\n"
	if got.Code != 0 || got.Log() != want || requests.Load() != 1 {
		t.Errorf("code %d after %d requests and\n%s\nwant\n%s", got.Code, requests.Load(), got.Log(), want)
	}
}

// TestMirrors takes the tool from where variables and bindings say.
func TestMirrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{
		"all/a/tool.zip": string(archive), "one/a.b-c.test/tool.zip": string(archive), "wrong/a/tool.zip": "wrong",
	})
	at := "file://" + dir
	type binding = map[string]map[string]string
	const address = "https://a.b-c.test:8443/a/tool.zip"
	for name, test := range map[string]struct {
		env      config.Environment
		bindings binding
		err      string
	}{
		"all hosts": {env: config.Environment{"BP_DEPENDENCY_MIRROR": at + "/all"}},
		"one host": {env: config.Environment{
			"BP_DEPENDENCY_MIRROR_A_B__C_TEST": at + "/one/{originalHost},skip-path=/a", "BP_DEPENDENCY_MIRROR": at,
		}},
		"in small letters": {env: config.Environment{"BP_DEPENDENCY_MIRROR_a.b-c.test": at + "/all", "BP_DEPENDENCY_MIRROR": at}},
		"binding":          {bindings: binding{"x": {"type": "dependency-mirror", "default": at + "/all\n"}}},
		"binding of a host": {bindings: binding{
			"x": {"type": "Dependency-Mirror", "A.b-c.test": at + "/all"}, "y": {"type": "dependency-mirror", "default": at},
		}},
		"variable first": {
			env:      config.Environment{"BP_DEPENDENCY_MIRROR_A_B__C_TEST": at + "/all"},
			bindings: binding{"x": {"type": "dependency-mirror", "a.b-c.test": at, "default": at}},
		},
		"host of a binding first": {
			env:      config.Environment{"BP_DEPENDENCY_MIRROR": at},
			bindings: binding{"x": {"type": "dependency-mirror", "a.b-c.test": at + "/all"}},
		},
		"empty variable": {
			env:      config.Environment{"BP_DEPENDENCY_MIRROR_A_B__C_TEST": "", "BP_DEPENDENCY_MIRROR": at + "/all"},
			bindings: binding{"x": {"type": "dependency-mirror", "a.b-c.test": at}},
		},
		"no variable of mirrors": {env: config.Environment{"BP_DEPENDENCY_MIRRORS": "x", "BP_DEPENDENCY_MIRROR": at + "/all"}},
		"logins of two bindings": {
			env:      config.Environment{"BP_DEPENDENCY_MIRROR": at + "/all"},
			bindings: binding{"x": {"type": "netrc", ".netrc": "machine a login b password c"}, "y": {"type": "netrc", ".netrc": ""}},
		},
		"wrong":  {env: config.Environment{"BP_DEPENDENCY_MIRROR": at + "/wrong"}, err: "but must have sha256:"},
		"absent": {env: config.Environment{"BP_DEPENDENCY_MIRROR": at}, err: "the server does not have it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, test.env.With(config.Environment{"BP_SAMPLE_URL": address}), test.bindings)
			if (got.Code != 0) != (test.err != "") || !strings.Contains(got.Stderr, test.err) {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
		})
	}
}

// TestRefuses has what is wrong with mirrors and logins. No word of theirs is in the log.
func TestRefuses(t *testing.T) {
	t.Parallel()
	const secret = "https://ann:s3cret@127.0.0.1:1/s3cret"
	mirror := func(files map[string]string) map[string]map[string]string {
		files["type"] = "dependency-mirror"
		return map[string]map[string]string{"company": files}
	}
	for name, test := range map[string]struct {
		env      config.Environment
		bindings map[string]map[string]string
	}{
		"mirror-variable":     {env: config.Environment{"BP_DEPENDENCY_MIRROR_A_TEST": "http://ann:s3cret@a.test"}},
		"mirror-binding":      {bindings: mirror(map[string]string{"a.test": "s3cret"})},
		"mirror-default-host": {env: config.Environment{"BP_DEPENDENCY_MIRROR_DEFAULT": secret}},
		"mirror-twice": {bindings: map[string]map[string]string{
			"a": {"type": "dependency-mirror", "A.test": secret}, "b": {"type": "dependency-mirror", "a.test": secret},
		}},
		"mirror-offline":     {env: config.Environment{"BP_DEPENDENCY_MIRROR": secret, "BP_LOG_LEVEL": "debug"}},
		"mirror-bound-login": {bindings: mirror(map[string]string{"default": secret})},
		"netrc-absent": {bindings: map[string]map[string]string{
			"company": {"type": "netrc", "netrc": "machine a.test login ann password s3cret"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, test.env.With(config.Environment{"BP_SAMPLE_URL": "https://a.test/tool.zip"}), test.bindings)
			if got.Code != 1 || strings.Contains(got.Log(), "s3cret") {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
			kittest.Golden(t, name+".txt", got.Stderr)
		})
	}
}

// TestProgress writes a line for each quarter of a download that is worth one.
func TestProgress(t *testing.T) {
	t.Parallel()
	large := make([]byte, 20_000_000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/sized") {
			w.Header().Set("Content-Length", "20000000")
		}
		_, _ = w.Write(large)
	}))
	t.Cleanup(s.Close)
	number := regexp.MustCompile(`Tool 1: ([0-9.]+)( of 20\.0)? MB`)
	for path, want := range map[string]int{"/sized": 4, "/unsized": 1} {
		got := run(t, config.Environment{"BP_SAMPLE_URL": s.URL + path}, nil)
		if lines := number.FindAllString(got.Log(), -1); len(lines) != want {
			t.Errorf("%s: %q, want %d lines\n%s", path, lines, want, got.Log())
		}
	}
}
