package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/export"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/restore"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

const (
	uid, gid        = 1001, 1000
	runName         = "acme/run:13"
	api             = "0.15"
	lifecycleModule = "github.com/buildpacks/lifecycle"
)

// group are the buildpacks of every build here.
var group = []cnb.Member{
	{ID: "acme/first", Version: "1.2.3", API: "0.10", Homepage: "https://acme.test/?a=1&b=<2>"},
	{ID: "acme/second", Version: "0.1", API: "0.10"},
}

const metadata = `[[buildpacks]]
api = "0.10"
homepage = "https://acme.test/?a=1&b=<2>"
id = "acme/first"
version = "1.2.3"

[[buildpacks]]
api = "0.10"
id = "acme/second"
version = "0.1"
`

// ofRun is what a buildpack knows of its layer, in all types that JSON writes in more than one way.
const ofRun = "[metadata]\nkey = \"<&>\"\nnumber = 3\nlist = [1, 2.5]\n[metadata.sub]\nday = 1979-05-27\n"

// TestAsTheLifecycle gives the same folders to the lifecycle's restorer and exporter and to ours: an image of the first build,
// and one of a second build that reuses layers, with a label, slices, links, modes, stores, bills, and layers of each type.
func TestAsTheLifecycle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it compiles the lifecycle; run without -short")
	}
	ours, theirs := newBuild(t), newBuild(t)
	lifecycle := newLifecycle(t, ours.run)
	first := map[string]string{
		"layers/config/metadata.toml": metadata + `
[[labels]]
key = "org.acme.words"
value = "<a & b>"

[[processes]]
type = "web"
command = ["/layers/acme_first/run/web", "--port"]
args = ["8080"]
direct = true
default = true
buildpack-id = "acme/first"
working-dir = "/workspace/a"

[[processes]]
type = "worker.2"
command = ["/bin/worker"]
args = []
direct = true
buildpack-id = "acme/second"

[[slices]]
paths = ["static", "*.txt"]

[[slices]]
paths = ["a/*/c", "full/*"]
`,
		"layers/acme_first/run.toml":                        "[types]\nlaunch = true\n" + ofRun,
		"layers/acme_first/run/web":                         "x!program",
		"layers/acme_first/run/lib/link":                    "-> ../web",
		"layers/acme_first/run/" + long:                     "a long name",
		"layers/acme_first/run/empty/":                      "",
		"layers/acme_first/run/näme with spaces":            "text",
		"layers/acme_first/both.toml":                       "[types]\nlaunch = true\ncache = true\nbuild = true\n",
		"layers/acme_first/both/file":                       "both",
		"layers/acme_first/tools.toml":                      "[types]\ncache = true\n[metadata]\nversion = \"1\"\n",
		"layers/acme_first/tools/bin/tool":                  "x!tool",
		"layers/acme_first/build-only.toml":                 "[types]\nbuild = true\n",
		"layers/acme_first/build-only/file":                 "nothing of it stays",
		"layers/acme_first/untyped/file":                    "nor of this",
		"layers/acme_first/store.toml":                      "[metadata]\nseen = 2\n",
		"layers/acme_first/launch.toml":                     "",
		"layers/acme_second/kept.toml":                      "[types]\nlaunch = true\n",
		"layers/acme_second/kept/file":                      strings.Repeat("kept ", 100_000),
		"layers/sbom/launch/acme_first/run/sbom.cdx.json":   "{}",
		"layers/sbom/launch/acme_second/kept/sbom.cdx.json": "{\"of\": \"kept\"}",
		"layers/sbom/launch/acme_second/sbom.spdx.json":     "{\"of\": \"all\"}",
		"layers/sbom/launch/sbom.legacy.json":               "[]",
		"layers/sbom/cache/acme_first/tools/sbom.cdx.json":  "{\"of\": \"tools\"}",
		"workspace/a/b/c":                                   "c",
		"workspace/a/b/d":                                   "d",
		"workspace/a-b":                                     "sorts before a/",
		"workspace/notes.txt":                               "notes",
		"workspace/static/a.css":                            "css",
		"workspace/static/sub/b.x":                          "x!b",
		"workspace/link":                                    "-> /etc/passwd",
		"workspace/pipe":                                    "|",
	}
	ours.fill(t, first)
	theirs.fill(t, first)
	lifecycle.phase(t, theirs, "analyzer", "-run-image", lifecycle.host+"/run:13", lifecycle.host+"/app:1")
	lifecycle.same(t, ours, theirs, "the first build")

	second := map[string]string{
		"layers/config/metadata.toml":   metadata,
		"layers/acme_first/run.toml":    "[types]\nlaunch = true\n",
		"layers/acme_first/run/web":     "x!program 2",
		"layers/acme_second/kept.toml":  "[types]\nlaunch = true\n", // without content: that of the image before
		"layers/acme_second/added.toml": "[types]\nlaunch = true\n",
		"layers/acme_second/added/file": "added",
		"workspace/other":               "other",
	}
	ours.empty(t)
	theirs.empty(t)
	lifecycle.phase(t, theirs, "analyzer", "-run-image", lifecycle.host+"/run:13", lifecycle.host+"/app:1")
	lifecycle.phase(t, theirs, "restorer", "-run", "/dev/null", "-cache-dir", "/cache/layers", "-group", "/platform/group.toml")
	if err := restore.Layers(ours.dir, group, ours.earlier(t)); err != nil {
		t.Fatal(err)
	}
	restored := ours.files(t, "layers")
	if diff := cmp.Diff(theirs.files(t, "layers"), restored); diff != "" {
		t.Errorf("restored folder of layers (-lifecycle +ours):\n%s", diff)
	}
	if !strings.Contains(restored["layers/acme_first/tools/bin/tool"], "tool") || restored["layers/acme_first/run.toml"] == "" {
		t.Errorf("the restorer has restored too little: %v", slices.Sorted(maps.Keys(restored)))
	}
	ours.fill(t, second)
	theirs.fill(t, second)
	lifecycle.same(t, ours, theirs, "the second build")
}

var long = strings.Repeat("deep/", 40) + strings.Repeat("n", 120)

// aBuild is the folder of a build, and the store that keeps its image.
type aBuild struct {
	dir   string
	store *store.Store
	run   v1.Image
	image []byte // the manifest of the image before
}

func newBuild(t *testing.T) *aBuild {
	t.Helper()
	b := &aBuild{dir: t.TempDir(), store: platformtest.Store(t), run: platformtest.Run{}.Image(t)}
	platformtest.Put(t, b.store, runName, b.run)
	for _, folder := range []string{"layers", "workspace", "tmp", "home", "cache"} {
		check(t, sandbox.Own(filepath.Join(b.dir, folder)))
	}
	check(t, os.MkdirAll(filepath.Join(b.dir, "platform"), 0o755))
	run := "[[images]]\nimage = \"" + runName + "\"\nmirrors = [\"mirror.test/run\"]\n"
	check(t, os.WriteFile(filepath.Join(b.dir, "platform", "run.toml"), []byte(run), 0o644))
	text := ""
	for _, member := range group {
		text += fmt.Sprintf("[[group]]\nid = %q\nversion = %q\napi = %q\nhomepage = %q\n", member.ID, member.Version, member.API, member.Homepage)
	}
	check(t, os.WriteFile(filepath.Join(b.dir, "platform", "group.toml"), []byte(text), 0o644))
	return b
}

// fill writes files that belong to the build. A content "-> TARGET" is a link, "x!CONTENT" a program, "|" a pipe; a name that ends with /
// is a folder.
func (b *aBuild) fill(t *testing.T, files map[string]string) {
	t.Helper()
	hostUID, hostGID := sandbox.HostIDs()
	for name, content := range files {
		file := filepath.Join(b.dir, name)
		for dir := filepath.Dir(file); dir != b.dir; dir = filepath.Dir(dir) {
			check(t, sandbox.Own(dir))
		}
		target, isLink := strings.CutPrefix(content, "-> ")
		program, isProgram := strings.CutPrefix(content, "x!")
		switch {
		case content == "|":
			check(t, syscall.Mkfifo(file, 0o644))
		case strings.HasSuffix(name, "/"):
			check(t, sandbox.Own(file))
			continue
		case isLink:
			check(t, os.Symlink(target, file))
		case isProgram:
			check(t, os.WriteFile(file, []byte(program), 0o644))
			check(t, os.Chmod(file, 0o755))
		default:
			check(t, os.WriteFile(file, []byte(content), 0o644))
		}
		check(t, os.Lchown(file, hostUID, hostGID))
	}
}

// empty empties the build's folders, as for the next build.
func (b *aBuild) empty(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"layers", "workspace"} {
		check(t, os.RemoveAll(filepath.Join(b.dir, folder)))
		check(t, sandbox.Own(filepath.Join(b.dir, folder)))
	}
}

// files returns what is below a folder of the build. TOML files are compared by what they say, and analyzed.toml not at all.
func (b *aBuild) files(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	check(t, filepath.WalkDir(filepath.Join(b.dir, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "analyzed.toml" || d.Name() == "report.toml" {
			return err
		}
		info, err := d.Info()
		check(t, err)
		content := ""
		if d.Type().IsRegular() {
			read, err := os.ReadFile(path)
			check(t, err)
			content = string(read)
		}
		// The lifecycle unpacks at several places at once, and changes the umask of all of them.
		found[strings.TrimPrefix(path, b.dir+"/")] = (info.Mode() &^ 0o066).String() + " " + content
		return nil
	}))
	return found
}

func (b *aBuild) earlier(t *testing.T) restore.Earlier {
	t.Helper()
	e := restore.Earlier{Cache: cnb.Cache(filepath.Join(b.dir, "cache"))}
	if b.image == nil {
		return e
	}
	var err error
	e.Image, err = b.store.Loose(b.image)
	check(t, err)
	e.Known, err = cnb.LayersOf(e.Image)
	check(t, err)
	return e
}

// export exports the build, and keeps the image as the one before.
func (b *aBuild) export(t *testing.T, lifecycleDir, reference string) error {
	t.Helper()
	return b.exportUntil(t.Context(), t, lifecycleDir, reference)
}

func (b *aBuild) exportUntil(ctx context.Context, t *testing.T, lifecycleDir, reference string) error {
	t.Helper()
	earlier := b.earlier(t)
	manifest, err := export.Image(ctx, b.store, export.Build{
		Group: group, Layers: filepath.Join(b.dir, "layers"), App: filepath.Join(b.dir, "workspace"),
		Lifecycle: lifecycleDir, Version: "1.2.3", API: api, UID: uid, GID: gid,
		Run: b.run, RunReference: reference, RunNames: cnb.RunImage{Image: runName, Mirrors: []string{"mirror.test/run"}},
		Previous: earlier.Image, Known: earlier.Known, Cache: earlier.Cache, Limit: 20e9, LimitVariable: "STRATA_UNPACK_GB",
	})
	if err == nil {
		b.image = manifest
	}
	return err
}

// realLifecycle is the lifecycle that builder/lifecycle pins, in a root file system of its own, with a registry.
type realLifecycle struct {
	root, host, reference string
}

func newLifecycle(t *testing.T, run v1.Image) realLifecycle {
	t.Helper()
	l := realLifecycle{root: t.TempDir(), host: platformtest.Serve(t, nil).Host}
	platformtest.Push(t, l.host+"/run:13", run)
	l.reference = l.host + "/run@" + platformtest.Digest(t, run).String()
	for _, folder := range []string{
		"proc", "dev", "tmp", "layers", "workspace", "platform", "home/cnb", "cache/layers", "cnb/lifecycle", "etc",
	} {
		check(t, os.MkdirAll(filepath.Join(l.root, folder), 0o755))
	}
	for _, bill := range []string{"sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"} {
		for _, program := range []string{"launcher.", "lifecycle."} {
			check(t, os.WriteFile(filepath.Join(l.root, "cnb", "lifecycle", program+bill), []byte(program+bill), 0o644))
		}
	}
	check(t, os.WriteFile(filepath.Join(l.root, "cnb", "lifecycle", "launcher"), []byte("the launcher"), 0o755))
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", fmt.Sprintf("-X %[1]s/cmd.Version=1.2.3 -X %[1]s/cmd.SCMRepository=%[1]s", lifecycleModule),
		"-o", filepath.Join(l.root, "cnb", "lifecycle", "lifecycle"), lifecycleModule+"/cmd/lifecycle")
	compile.Dir = "../../../../lifecycle"
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("compiling the lifecycle: %v\n%s", err, output)
	}
	for _, phase := range []string{"analyzer", "restorer", "exporter"} {
		check(t, os.Symlink("lifecycle", filepath.Join(l.root, "cnb", "lifecycle", phase)))
	}
	return l
}

func (l realLifecycle) phase(t *testing.T, b *aBuild, program string, args ...string) {
	t.Helper()
	var output bytes.Buffer
	spec := sandbox.Spec{
		Root: l.root, UID: uid, GID: gid, Dir: "/workspace", Network: sandbox.HostNetwork,
		Env:    []string{"CNB_PLATFORM_API=" + api, "CNB_USER_ID=1001", "CNB_GROUP_ID=1000", "HOME=/home/cnb", "CNB_LAYERS_DIR=/layers"},
		Args:   append([]string{"/cnb/lifecycle/" + program}, args...),
		Stdout: &output, Stderr: &output,
		Binds: []sandbox.Bind{{Source: filepath.Join(b.dir, "platform"), Target: "/platform"}},
	}
	for volume, target := range map[string]string{
		"layers": "/layers", "workspace": "/workspace", "home": "/home/cnb", "tmp": "/tmp", "cache": "/cache/layers",
	} {
		spec.Binds = append(spec.Binds, sandbox.Bind{Source: filepath.Join(b.dir, volume), Target: target, Writable: true})
	}
	if err := sandbox.Run(t.Context(), spec); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &output)
	}
}

// same exports both builds and compares the images: the layers as they are kept, and the configurations byte for byte.
func (l realLifecycle) same(t *testing.T, ours, theirs *aBuild, name string) {
	t.Helper()
	l.phase(t, theirs, "exporter", "-app", "/workspace", "-cache-dir", "/cache/layers", "-run", "/platform/run.toml",
		"-group", "/platform/group.toml", l.host+"/app:1")
	check(t, ours.export(t, filepath.Join(l.root, "cnb", "lifecycle"), l.reference))
	want := platformtest.Pull(t, l.host+"/app:1")
	got, err := ours.store.Loose(ours.image)
	check(t, err)
	check(t, validate.Image(got)) // each layer has the content that the configuration says, whoever compressed it
	wantConfig, err := want.RawConfigFile()
	check(t, err)
	gotConfig, err := got.RawConfigFile()
	check(t, err)
	if diff := cmp.Diff(string(wantConfig), string(gotConfig)); diff != "" {
		t.Errorf("%s: configuration (-lifecycle +ours):\n%s", name, diff)
	}
	if diff := cmp.Diff(cacheOf(t, theirs, "cache/committed"), cacheOf(t, ours, "cache")); diff != "" {
		t.Errorf("%s: layers of the cache (-lifecycle +ours):\n%s", name, diff)
	}
}

func digests(t *testing.T, image v1.Image) []v1.Hash {
	t.Helper()
	manifest, err := image.Manifest()
	check(t, err)
	var all []v1.Hash
	for _, layer := range manifest.Layers {
		all = append(all, layer.Digest)
	}
	return all
}

// cacheOf returns the digests of the layers in a folder.
func cacheOf(t *testing.T, b *aBuild, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	check(t, err)
	var all []string
	for _, entry := range entries {
		if name, isLayer := strings.CutSuffix(entry.Name(), ".tar"); isLayer {
			all = append(all, strings.TrimPrefix(name, "sha256:"))
		}
	}
	return all
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
