package integration

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestRuntimes builds apps with a suite whose locks have older runtimes, and puts the newest ones under them. Then they are byte for byte
// what a build with this suite gives, except for the version of the buildpacks, which still says who built the app.
func TestRuntimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		app, runtime string
		who          who
		purl         string // of what is newer
	}{
		{"node/express", "node", anyUser, "pkg:generic/node@"},
		{"node/addon", "node", nightly, "pkg:generic/node@"},
		{"node/pnp", "node", nightly, "pkg:generic/node@"},
		{"node/pnpm", "node", nightly, "pkg:generic/node@"},
		{"node/workspaces", "node", nightly, "pkg:generic/node@"},
		{"python/django", "python", nightly, "pkg:deb/debian/libcrypt1@"},
		{"python/flask", "python", nightly, "pkg:deb/debian/libcrypt1@"},
		{"python/numpy", "python", nightly, "pkg:deb/debian/libcrypt1@"},
		{"python/starlette", "python", nightly, "pkg:deb/debian/libcrypt1@"},
	} {
		t.Run(test.app, func(t *testing.T) {
			t.Parallel()
			suite(t, test.who)
			if err := olderSuite(); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), filepath.Base(test.app))
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", test.app))); err != nil {
				t.Fatal(err)
			}
			name := image(t)
			build(t, dir, name, "--builder", older)
			before := purls(t, name, test.purl)
			got := strata(t, "rebase", name, "--runtimes")
			if got.status != 0 || !regexp.MustCompile(test.runtime+` \S+ to `).MatchString(got.stdout) {
				t.Fatalf("status %d\n%s%s", got.status, got.stdout, got.stderr)
			}
			newer := strings.Replace(name, ":", "-new:", 1)
			build(t, dir, newer)
			sameButVersions(t, newer, name)
			after := purls(t, name, test.purl)
			if slices.Equal(before, after) || !slices.Equal(after, purls(t, newer, test.purl)) {
				t.Errorf("the bill of materials has %v, before %v", after, before)
			}
		})
	}
}

// older is the name of a builder of this suite with older locks.
const older = "integration/older:latest"

// olderSuite makes the builder.
var olderSuite = sync.OnceValue(func() error {
	root, err := os.MkdirTemp("", "strata-older-")
	if err != nil {
		return err
	}
	defer removeAll(root)
	for _, part := range []string{"buildpacks", "builder", "stacks"} {
		err = errors.Join(err, os.CopyFS(filepath.Join(root, part), os.DirFS(filepath.Join("..", part))))
	}
	for _, file := range []string{"go.mod", "go.sum", "builder.toml"} {
		err = errors.Join(err, rewrite(filepath.Join("..", file), filepath.Join(root, file), strings.Clone))
	}
	for lock, edit := range map[string]func(string) string{
		"buildpacks/node/lock.toml":                            withoutNewestNode,
		"buildpacks/python/interpreter/trixie/lock-amd64.toml": withMoreLibraries,
		"buildpacks/python/interpreter/trixie/lock-arm64.toml": withMoreLibraries,
		"buildpacks/python/build.go":                           withOlderRecipe,
	} {
		err = errors.Join(err, rewrite(filepath.Join("..", lock), filepath.Join(root, lock), edit))
	}
	if err != nil {
		return err
	}
	config := filepath.Join(root, "builder.toml")
	output, err := exec.Command("strata", "builder", "create", "--config", config, "--tag", older).CombinedOutput()
	if err != nil {
		return fmt.Errorf("making the older builder: %w\n%s", err, output)
	}
	return nil
})

// rewrite writes a file with the edited text of another one.
func rewrite(from, to string, edit func(string) string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(edit(string(content))), 0o644)
}

// withoutNewestNode takes the default release of Node.js out of its lock. The one before it is the default then.
func withoutNewestNode(lock string) string {
	newest := regexp.MustCompile(`(?m)^"node" = "(.*)"$`).FindStringSubmatch(lock)[1]
	row := regexp.MustCompile(`(?m)^  \["` + regexp.QuoteMeta(newest) + `", "sha512.*\n`)
	before := regexp.MustCompile(row.String() + `  \["([^"]*)"`).FindStringSubmatch(lock)[1]
	return strings.Replace(row.ReplaceAllString(lock, ""), `"node" = "`+newest+`"`, `"node" = "`+before+`"`, 1)
}

// withMoreLibraries adds one of the libraries of Python 3.11 to 3.13, which is another Python of the same version then.
func withMoreLibraries(lock string) string {
	return strings.Replace(lock, `layer = "crypt"`, `layer = "libraries"`, 1)
}

// withOlderRecipe makes Python by the recipe 0: a later recipe says that it is newer, which fewer libraries do not.
func withOlderRecipe(source string) string {
	return regexp.MustCompile(`(?m)^const recipe = \d+$`).ReplaceAllString(source, "const recipe = 0")
}

// purls returns the package URLs that begin with a text in what is attached to an image.
func purls(t *testing.T, image, prefix string) []string {
	t.Helper()
	dir := t.TempDir()
	if got := strata(t, "inspect", image, "--sbom", dir); got.status != 0 {
		t.Fatalf("inspect: status %d\n%s", got.status, got.stderr)
	}
	bill := read(t, filepath.Join(dir, strings.TrimSuffix(filepath.Base(image), ":latest")+".sbom.cdx.json"))
	found := regexp.MustCompile(`"purl": *"(`+regexp.QuoteMeta(prefix)+`[^"]*)"`).FindAllStringSubmatch(bill, -1)
	var all []string
	for _, one := range found {
		all = append(all, one[1])
	}
	return slices.Compact(all)
}

// unversioned is an image with its buildpacks' version taken out, and without the layer in which it is.
type unversioned struct {
	Config, Start string
	Layers        []v1.Hash // digests of the blobs
}

// sameButVersions compares images byte for byte. In the configuration, and in the layer that tells the launcher what to start, each has
// the version of the buildpacks that built it.
func sameButVersions(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(unversion(t, want), unversion(t, got)); diff != "" {
		t.Errorf("%s is not what a build gives (-built +rebased):\n%s", got, diff)
	}
}

func unversion(t *testing.T, image string) unversioned {
	t.Helper()
	b := built{image: stored(t, image)}
	var err error
	if b.config, err = b.image.ConfigFile(); err != nil {
		t.Fatal(err)
	}
	var label struct {
		Config     struct{ SHA string }
		Buildpacks []struct{ Version string }
	}
	b.label(t, "io.buildpacks.lifecycle.metadata", &label)
	config, err := b.image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer(label.Buildpacks[0].Version, "<version>", label.Config.SHA, "<config>")
	d := unversioned{Config: replace.Replace(string(config))}
	layers, err := b.image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, layer := range layers {
		if b.config.RootFS.DiffIDs[i].String() == label.Config.SHA {
			d.Start = replace.Replace(onlyFile(t, layer))
			continue
		}
		digest, err := layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		d.Layers = append(d.Layers, digest)
	}
	return d
}

// onlyFile returns the only file of a layer.
func onlyFile(t *testing.T, layer v1.Layer) string {
	t.Helper()
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	files := tar.NewReader(content)
	for {
		header, err := files.Next()
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}
