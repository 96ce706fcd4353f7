package install_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

func TestMain(m *testing.M) {
	kittest.Main(m, bp.Buildpack{ID: "strata/python", Build: build, Cross: true})
}

// build installs what files of the app say, with the interpreter that the variable TEST_PYTHON names.
func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var settings struct {
		LeaveOut []string `config:"BP_PYTHON_LEAVE_OUT,list"`
	}
	if err := in.Config.Decode(&settings); err != nil {
		return bp.BuildResult{}, err
	}
	read := func(name string) string {
		text, err := tree.ReadFile(filepath.Join(in.AppDir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			panic(err)
		}
		return string(text)
	}
	home := in.Env["TEST_PYTHON"]
	s := install.Source{
		In: in, UV: lock.Release{ID: "uv", Version: in.Env["TEST_UV"]},
		Python: install.Python{
			Version: in.Env["TEST_PYTHON_VERSION"], Source: "test", Home: home,
			Folder:  func(context.Context) (string, error) { return home, nil },
			Headers: func(context.Context) ([]string, error) { return nil, nil },
		},
	}
	r := install.Requirements{
		Lines: read("requirements.txt"), Constraints: read("constraints.txt"), Direct: read("direct.txt"), Dir: in.AppDir,
		Complete: read("complete") != "", LeaveOut: settings.LeaveOut,
	}
	if folder := strings.TrimSpace(read("folder")); folder != "" {
		r.Folders = []string{filepath.Join(in.AppDir, folder)}
	}
	if folder := strings.TrimSpace(read("wheels")); folder != "" {
		r.Wheels = []string{filepath.Join(in.AppDir, folder)}
	}
	if folder := strings.TrimSpace(read("project")); folder != "" {
		r.Project = filepath.Join(in.AppDir, folder)
	}
	i, err := install.New(ctx, s)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer i.Close()
	if args := strings.Fields(read("export")); len(args) > 0 {
		out, err := i.Export(ctx, in.AppDir, args, []string{filepath.Join(in.AppDir, "uv.lock")})
		if err != nil {
			return bp.BuildResult{}, err
		}
		r.Lines = string(out)
	}
	_, err = i.Contribute(ctx, r)
	return bp.BuildResult{}, err
}

// machine has the real programs that installs run: an interpreter of this machine, and the locked uv.
type machine struct {
	tools, python, version, uv string
	skip                       string
}

var programs = sync.OnceValue(func() machine {
	m := machine{}
	out, err := exec.Command("python3", "-c", "import sys; print(sys.base_prefix); print('.'.join(map(str, sys.version_info[:3])))").Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) != 2 {
		m.skip = "this machine has no python3"
		return m
	}
	m.python, m.version = words[0], words[1]
	text, err := os.ReadFile("../lock.toml")
	if err != nil {
		panic(err)
	}
	l, err := lock.Read(string(text))
	if err != nil {
		panic(err)
	}
	m.uv = l.Default[install.UVID]
	cache, err := os.UserCacheDir()
	if err != nil {
		panic(err)
	}
	m.tools = filepath.Join(cache, "strata-tests")
	err = tree.Once(filepath.Join(m.tools, "uv-"+m.uv), func(dir string) error {
		out, err := exec.Command("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", dir, "uv=="+m.uv).CombinedOutput()
		if err != nil {
			return errors.New(string(out))
		}
		wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
		if err != nil || len(wheels) != 1 {
			return errors.Join(err, errors.New("pip downloads no wheel"))
		}
		want := func(name string) bool { return name == "uv" }
		if err := unpack.Archive(wheels[0], dir, unpack.Options{Strip: 2, Want: want}); err != nil {
			return err
		}
		return errors.Join(os.Remove(wheels[0]), os.Chmod(filepath.Join(dir, "uv"), 0o755))
	})
	if err != nil {
		m.skip = "pip cannot fetch uv " + m.uv + ": " + err.Error()
	}
	return m
})

// app returns a build of an app with files, whose packages come from a registry.
func app(t *testing.T, r *kittest.Registry, files map[string]string) kittest.Case {
	t.Helper()
	m := programs()
	if m.skip != "" {
		if os.Getenv("CI") != "" {
			t.Fatal(m.skip)
		}
		t.Skip(m.skip)
	}
	return kittest.Case{
		Buildpack: "testdata/buildpack", App: files, Distro: "strata-glibc", Env: config.Environment{
			install.IndexVariable: r.URL + "/simple", bp.EnvToolsDir: m.tools, bp.EnvCacheDir: t.TempDir(),
			"TEST_PYTHON": m.python, "TEST_PYTHON_VERSION": m.version, "TEST_UV": m.uv,
		},
	}
}

// run starts a program of a layer.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := command.Output(t.Context(), command.Command{Path: program, Args: args, Env: []string{"PATH=/usr/bin:/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// siteOf returns the path of site-packages in the layer of a build.
func siteOf(c kittest.Case) string {
	version := c.Env["TEST_PYTHON_VERSION"]
	return filepath.Join("lib", "python"+version[:strings.LastIndex(version, ".")], "site-packages")
}

// TestInstall installs packages with hashes and a program, which starts without a shell.
func TestInstall(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	one := r.Wheel(t, "One.Package", "1.0", map[string]string{
		"one/__init__.py": "import two\n\ndef main():\n    print('one with', two.name)\n", "one/bad.py": "print 'old'\n",
		"one_package-1.0.dist-info/entry_points.txt": "[console_scripts]\none = one:main\n",
	})
	two := r.Wheel(t, "two", "2.0", map[string]string{"two.py": "name = 'two'\n"})
	c := app(t, r, map[string]string{
		"complete": "yes", "requirements.txt": "one-package==1.0 --hash=sha256:" + one + "\ntwo==2.0 --hash=sha256:" + two + "\n",
	})
	result := kittest.Build(t, c)
	if result.Code != 0 {
		t.Fatal(result.Log())
	}
	layer := filepath.Join(result.Layers, "packages")
	if got := run(t, filepath.Join(layer, "bin", "one")); got != "one with two\n" {
		t.Errorf("the program says %q", got)
	}
	site := siteOf(c)
	var names []string
	for name := range kittest.Tree(t, layer) {
		name = strings.ReplaceAll(name, filepath.Base(filepath.Dir(site)), "python3.N")
		names = append(names, regexp.MustCompile(`cpython-\d+`).ReplaceAllString(name, "cpython-N"))
	}
	slices.Sort(names)
	kittest.Golden(t, "install-files.txt", strings.Join(names, "\n")+"\n")
	kittest.Golden(t, "install-record.txt", kittest.Files(t, filepath.Join(layer, site))["one_package-1.0.dist-info/RECORD"])
	compiled, err := filepath.Glob(filepath.Join(layer, site, "*", "__pycache__", "*.pyc"))
	if err != nil || len(compiled) != 1 {
		t.Fatalf("compiled modules of packages with a folder: %v (%v)", compiled, err)
	}
	if head, err := os.ReadFile(compiled[0]); err != nil || !bytes.Equal(head[4:8], []byte{1, 0, 0, 0}) {
		t.Errorf("the module is not compiled to a file that is never compared with its source: %x (%v)", head[:16], err)
	}
	again := kittest.Rebuild(t, result, c)
	if again.Code != 0 || !strings.Contains(again.Stdout, "Layer packages: reused") || strings.Contains(again.Stdout, "Running") {
		t.Errorf("with nothing changed:\n%s", again.Log())
	}
}
