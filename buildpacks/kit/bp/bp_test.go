package bp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

func TestMain(m *testing.M) {
	kittest.Main(m, bp.Buildpack{ID: "strata/sample", Detect: detect, Build: build, Install: install, Runtime: replace},
		bp.Buildpack{ID: "strata/twin"}, bp.Buildpack{ID: "strata/cross", Detect: detect, Build: build, Cross: true})
}

// TestForeign refuses an image for another architecture, for a build of no app as well, unless the buildpack can make it.
func TestForeign(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	for _, env := range []config.Environment{{}, {"BP_INSTALL_TOOL": "x", "BP_TOOLS_DIR": t.TempDir()}} {
		got := kittest.Build(t, sample(t, kittest.Case{Arch: other, Env: env}))
		want := "error: strata/sample builds for linux/" + runtime.GOARCH + " on this machine, and the image is for linux/" + other +
			"; build it on a machine with linux/" + other + ", or leave that platform out\n"
		if got.Code != 1 || got.Stderr != want {
			t.Errorf("%v: code %d, %q, want %q", env, got.Code, got.Stderr, want)
		}
	}
	dir := t.TempDir()
	definition, err := os.ReadFile("testdata/buildpack/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, dir, map[string]string{"buildpack.toml": strings.Replace(string(definition), "strata/sample", "strata/cross", 1)})
	if got := kittest.Build(t, kittest.Case{Arch: other, Env: config.Environment{"CNB_BUILDPACK_DIR": dir}}); got.Code != 0 {
		t.Errorf("a buildpack that can: code %d, %s", got.Code, got.Log())
	}
}

// mode makes the sample buildpack do what its variable says.
func mode(w bp.Workspace) (string, error) {
	var s struct {
		Mode string `config:"BP_SAMPLE_MODE"`
	}
	err := w.Config.Decode(&s)
	switch s.Mode {
	case "fault":
		err = fault.Fault{ID: "sample", What: "x.toml has no x", Do: "add it"}
	case "internal":
		err = errors.New("reading x")
	case "panic":
		panic("index out of range")
	}
	return s.Mode, err
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	m, err := mode(in.Workspace)
	switch {
	case err != nil:
		return bp.DetectResult{}, err
	case m == "fail":
		return bp.Fail("no x.toml"), nil
	case m == "silent":
		return bp.DetectResult{Pass: true}, nil
	}
	return bp.Pass("x.toml found",
		bp.Plan{Provides: []string{"x"}, Requires: []bp.Entry{{Name: "x", Metadata: map[string]any{"version": "1"}}}},
		bp.Plan{Provides: []string{"x"}},
	), nil
}

func install(_ context.Context, in bp.InstallContext) error {
	in.Log.Bullet("tool %s", in.Tool)
	return os.WriteFile(filepath.Join(in.Dir, in.Tool), nil, 0o644)
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	switch m, err := mode(in.Workspace); {
	case err != nil:
		return bp.BuildResult{}, err
	case m == "type":
		return bp.BuildResult{Processes: []bp.Process{{Type: "..", Command: []string{"x"}}}}, nil
	}
	entry, found, err := in.Required("x")
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Bullet("required %t %v", found, entry.Metadata)
	binding, found, err := in.Binding("netrc")
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Bullet("binding %t %s %s", found, binding.Name, binding.Secret[".netrc"]+binding.Secret["netrc"])
	l, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "built", Flags: layer.Flags{Launch: true}, Key: struct{ Source string }{"abc"},
		Fill: func(_ context.Context, l *layer.Layer) error {
			l.LaunchEnv.Default("X", "1")
			l.SBOM = &sbom.Document{Subject: sbom.Component{Name: "x"}}
			return os.WriteFile(filepath.Join(l.Path, "x"), []byte("x"), 0o666)
		},
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	cache, err := in.Cache(ctx, "downloads")
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Bullet("cache %s", cache)
	launched, err := in.Launched()
	if err != nil {
		return bp.BuildResult{}, err
	}
	for _, p := range launched {
		in.Log.Bullet("launched %s %s %q %q %q %t %q", p.Buildpack, p.Type, p.Command, p.Args, p.WorkingDir, p.Default, p.From)
	}
	return bp.BuildResult{
		Processes: []bp.Process{{Type: "web", Command: []string{filepath.Join(l.Path, "x"), "-a"}, Args: []string{"-b"}, WorkingDir: "/srv",
			Default: true, From: "x.toml line 3"}},
		Labels:    map[string]string{"b": "2", "a": "1"},
		Unmet:     []string{"y"},
		LaunchBOM: &sbom.Document{Subject: sbom.Component{Name: "app"}},
	}, nil
}

// sample completes a case with where the sample buildpack is.
func sample(t *testing.T, c kittest.Case) kittest.Case {
	t.Helper()
	dir, err := filepath.Abs("testdata/buildpack")
	if err != nil {
		t.Fatal(err)
	}
	c.Env = c.Env.With(config.Environment{"CNB_BUILDPACK_DIR": dir})
	return c
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode    string
		code    int
		log     string
		verdict string // what the platform is told
	}{
		{"pass", 0, "strata/sample pass: x.toml found\n", ""},
		{"fail", 100, "strata/sample fail: no x.toml\n", "no x.toml"},
		{"fault", 1, "error: x.toml has no x; add it\n", "x.toml has no x; add it"},
		{"internal", 2, "error: internal error: reading x\n", "internal error: reading x"},
		{"panic", 2, "error: internal error: index out of range\n", "internal error: index out of range"},
		{"silent", 2, "error: internal error: detection gave no reason\n", "internal error: detection gave no reason"},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			verdicts := t.TempDir()
			got := kittest.Detect(t, sample(t, kittest.Case{Env: config.Environment{"BP_SAMPLE_MODE": test.mode, verdict.Env: verdicts}}))
			if why, err := verdict.Read(verdicts, "strata/sample"); err != nil || why != test.verdict {
				t.Errorf("the platform is told %q (%v), want %q", why, err, test.verdict)
			}
			if got.Code != test.code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), test.code, test.log)
			}
			if test.code != 0 && got.Plan != "" {
				t.Errorf("plan without a pass: %s", got.Plan)
			}
			if test.code == 0 {
				kittest.Golden(t, "plan.toml", got.Plan)
			}
		})
	}
}

func TestMainFaults(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	kittest.Write(t, other, map[string]string{"buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"strata/other\"\n"})
	tests := []struct {
		name string
		env  config.Environment
		log  string
	}{
		{"no buildpack dir", config.Environment{"CNB_BUILDPACK_DIR": ""},
			"error: CNB_BUILDPACK_DIR is not set; run this program by a lifecycle\n"},
		{"another buildpack", config.Environment{"CNB_BUILDPACK_DIR": other},
			"error: internal error: buildpack \"strata/other\" is not in this suite\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{Env: test.env})
			if got.Code == 0 || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %q", got.Code, got.Log(), test.log)
			}
		})
	}
}

// TestBuild builds twice: the second build gets back what the lifecycle restores.
func TestBuild(t *testing.T) {
	t.Parallel()
	c := sample(t, kittest.Case{
		Env:      config.Environment{"BP_SAMPLE_MOD": "x"},
		Bindings: map[string]map[string]string{"mine": {"type": "Netrc", "netrc": "machine example.test\n"}},
		Plan: "[[entries]]\nname = \"x\"\n[entries.metadata]\nversion = \"1\"\n" + kittest.First +
			"[entries.metadata]\nbindings = [\"netrc\"]\n",
	})
	first := kittest.Build(t, c)
	if first.Code != 0 {
		t.Fatalf("exit code %d: %s", first.Code, first.Log())
	}
	text := first.Log() + "--- layers\n"
	tree := kittest.Tree(t, first.Layers)
	for _, path := range []string{
		"built/", "built/env.launch/X.default", "built/x", "built.sbom.cdx.json", "built.sbom.spdx.json", "downloads/",
		"launch.sbom.cdx.json", "launch.sbom.spdx.json",
	} {
		what, _, _ := strings.Cut(tree[path]+" ", "  ")
		if strings.HasSuffix(path, ".json") {
			what = strings.Join(strings.Fields(what)[:2], " ") // the content is sbom's own test
		}
		text += fmt.Sprintf("%s %s\n", path, strings.TrimSpace(what))
	}
	for _, name := range []string{"built.toml", "downloads.toml", "launch.toml", "build.toml"} {
		data, err := os.ReadFile(filepath.Join(first.Layers, name))
		if err != nil {
			t.Fatal(err)
		}
		text += "--- " + name + "\n" + strings.ReplaceAll(string(data), first.Layers, "<layers>")
	}
	kittest.Golden(t, "build.txt", text)

	// A launch layer comes back as metadata only; it must stay without content, or it would replace the image's own.
	c.Layers = first.Layers
	if err := os.RemoveAll(filepath.Join(c.Layers, "built")); err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "rebuild.txt", kittest.Build(t, c).Log())
	again := kittest.Tree(t, c.Layers)
	for path := range tree {
		if strings.HasPrefix(path, "built/") {
			delete(tree, path)
		}
	}
	if diff := cmp.Diff(tree, again); diff != "" {
		t.Errorf("layers of the second build (-first +second):\n%s", diff)
	}
}

// TestBuildSettlesModes builds an app as a platform may hand it over; what a link leads to is not the app's.
func TestBuildSettlesModes(t *testing.T) {
	t.Parallel()
	app, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	kittest.Write(t, app, map[string]string{"src/a": "a", "src/b": "b", "run": "#!"})
	kittest.Write(t, filepath.Dir(outside), map[string]string{"outside": ""})
	if err := os.Symlink(outside, filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{
		app: 0o777, app + "/src/a": 0o666, app + "/src/b": 0o400, app + "/src": 0o700, app + "/run": 0o711 | os.ModeSetuid, outside: 0o600,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if got := kittest.Build(t, sample(t, kittest.Case{AppDir: app})); got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	got := map[string]os.FileMode{}
	for _, path := range []string{app, app + "/src", app + "/src/a", app + "/src/b", app + "/run", outside} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = info.Mode()
	}
	want := map[string]os.FileMode{
		app: os.ModeDir | 0o755, app + "/src": os.ModeDir | 0o755, app + "/src/a": 0o644, app + "/src/b": 0o644, app + "/run": 0o755,
		outside: 0o600,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestBuildFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	kittest.Write(t, filepath.Dir(file), map[string]string{"file": ""})
	two := map[string]map[string]string{"a": {"type": "netrc"}, "b": {"type": "netrc"}}
	tests := []struct {
		name string
		c    kittest.Case
		code int
	}{
		{name: "fault", c: kittest.Case{Env: config.Environment{"BP_SAMPLE_MODE": "fault"}}, code: 1},
		{name: "panic", c: kittest.Case{Env: config.Environment{"BP_SAMPLE_MODE": "panic"}}, code: 2},
		{name: "two-bindings", c: kittest.Case{Bindings: two}, code: 1},
		{name: "binding-no-type", c: kittest.Case{Bindings: map[string]map[string]string{"a": {"type": " \n", "key": "x"}}}, code: 1},
		{name: "log-level", c: kittest.Case{Env: config.Environment{"BP_LOG_LEVEL": "verbose"}}, code: 1},
		{name: "cache-relative", c: kittest.Case{Env: config.Environment{"BP_CACHE_DIR": "cache"}}, code: 1},
		{name: "cache-file", c: kittest.Case{Env: config.Environment{"BP_CACHE_DIR": file}}, code: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, sample(t, test.c))
			if got.Code != test.code {
				t.Errorf("exit code %d, want %d", got.Code, test.code)
			}
			kittest.Golden(t, "fails-"+test.name+".txt", strings.ReplaceAll(got.Log(), file, "<file>"))
		})
	}
}

func TestCacheInPlace(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	got := kittest.Build(t, sample(t, kittest.Case{Env: config.Environment{"BP_CACHE_DIR": cache}}))
	if got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	if diff := cmp.Diff(map[string]string{"downloads/": "dir 0755"}, kittest.Tree(t, cache)); diff != "" {
		t.Errorf("cache (-want +got):\n%s", diff)
	}
	if _, ok := kittest.Tree(t, got.Layers)["downloads.toml"]; ok {
		t.Error("there is a cache layer besides the folder")
	}
}

// TestInstall installs a tool; a buildpack whose plan has another tool does nothing.
func TestInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := sample(t, kittest.Case{
		Env:  config.Environment{"BP_TOOLS_DIR": dir, "BP_INSTALL_TOOL": "x-1"},
		Plan: "[[entries]]\nname = \"x\"\n[entries.metadata]\ntools = [\"x-2\"]\n",
	})
	if got := kittest.Build(t, c); got.Code != 0 || got.Log() != "" || len(kittest.Tree(t, dir)) > 0 {
		t.Errorf("for another's tool: code %d, %q and %v, want nothing", got.Code, got.Log(), kittest.Tree(t, dir))
	}
	c.Plan = strings.Replace(c.Plan, "x-2", "x-1", 1)
	got := kittest.Build(t, c)
	if want := "Strata Sample 0.1.0\n    tool x-1\n"; got.Code != 0 || got.Log() != want {
		t.Errorf("installing: code %d and %q, want %q", got.Code, got.Log(), want)
	}
	if tree := kittest.Tree(t, got.Layers); len(tree) > 0 {
		t.Errorf("installing left layers: %v", tree)
	}
	if _, err := os.Stat(filepath.Join(dir, "x-1")); err != nil {
		t.Errorf("the tool is not there: %v", err)
	}
	c.Env["BP_INSTALL_TOOL"], c.Env["BP_TOOLS_DIR"] = "x-1", "tools"
	got = kittest.Build(t, c)
	if got.Code != 1 {
		t.Errorf("a relative folder: code %d, want 1", got.Code)
	}
	kittest.Golden(t, "fails-tools-relative.txt", got.Log())
}
