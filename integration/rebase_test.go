package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestStackRebaseToOwn moves an app from glibc to a company's stack on top of glibc, and back.
func TestStackRebaseToOwn(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	const glibc, acme = "strata/run-glibc:13", "acme/run-glibc:13"
	name := image(t)
	build(t, sample(t, "hello"), name, "--run-image", glibc)
	built := diffIDs(t, name)
	checkAttached(t, name, false)
	base := diffIDs(t, glibc)

	example, err := filepath.Abs("../stacks/example")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"stack", "build", "--dir", example, "--config", filepath.Join(example, "../../builder.toml"), "acme"},
		{"rebase", name, "--run-image", acme},
	} {
		if got := strata(t, args...); got.status != 0 {
			t.Fatalf("strata %v: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
		}
	}
	own := diffIDs(t, acme)
	if len(own) <= len(base) || cmp.Diff(base, own[:len(base)]) != "" {
		t.Errorf("%s has the layers %v, which do not begin with those of its base %v", acme, own, base)
	}
	if diff := cmp.Diff(append(own, built[len(base):]...), diffIDs(t, name)); diff != "" {
		t.Errorf("layers of the app on %s (-want +got):\n%s", acme, diff)
	}
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Hello from Strata." {
		t.Errorf("on %s it answers %q", acme, body)
	}
	checkAttached(t, name, true)
	if got := strata(t, "rebase", name, "--run-image", glibc); got.status != 0 {
		t.Fatalf("back: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	if diff := cmp.Diff(built, diffIDs(t, name)); diff != "" {
		t.Errorf("layers of the app back on %s (-want +got):\n%s", glibc, diff)
	}
	checkAttached(t, name, false)
}

// checkAttached looks for a package that only one run image has in the files beside an image. It also looks for the source of the
// build, which a rebase keeps.
func checkAttached(t *testing.T, image string, own bool) {
	t.Helper()
	dir := t.TempDir()
	if got := strata(t, "inspect", image, "--sbom", dir); got.status != 0 {
		t.Fatalf("inspect: status %d\n%s", got.status, got.stderr)
	}
	title := filepath.Join(dir, strings.TrimSuffix(filepath.Base(image), ":latest"))
	for _, suffix := range []string{".sbom.cdx.json", ".sbom.spdx.json"} {
		content := read(t, title+suffix)
		if !strings.Contains(content, "pkg:deb/debian/libc6@") || !strings.Contains(content, "pkg:golang/stdlib@") {
			t.Errorf("%s lacks the packages of the run image or of the app", suffix)
		}
		if has := strings.Contains(content, "pkg:deb/debian/libpq5@"); has != own {
			t.Errorf("%s lists libpq5: %t, want %t", suffix, has, own)
		}
	}
	var statement struct {
		Subject   []struct{ Digest map[string]string }
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct {
					Name   string
					Digest map[string]string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, title+".provenance.json")), &statement); err != nil {
		t.Fatal(err)
	}
	digest, err := stored(t, image).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got := statement.Subject[0].Digest["sha256"]; got != digest.Hex {
		t.Errorf("the provenance is about %s, the image is %s", got, digest.Hex)
	}
	roles := map[string]bool{}
	for _, d := range statement.Predicate.BuildDefinition.ResolvedDependencies {
		roles[d.Name] = len(d.Digest) == 1
	}
	if !roles["source"] || !roles["builder"] || !roles["run image"] {
		t.Errorf("the provenance names %v, want source, builder and run image with their digests", roles)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// diffIDs returns the uncompressed digests of the layers of an image of the store.
func diffIDs(t *testing.T, image string) []v1.Hash {
	t.Helper()
	config, err := stored(t, image).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS.DiffIDs
}

// TestStackRebaseOwn moves an app from an older image of a company's stack to the newer one of the same name.
func TestStackRebaseOwn(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	const own = "own/run-glibc:13"
	stacks := t.TempDir()
	if err := os.CopyFS(stacks, os.DirFS("../stacks/example")); err != nil {
		t.Fatal(err)
	}
	edit(t, stacks, "acme/stack.toml", "acme/run-glibc:13", own)
	layers := func() []v1.Hash {
		if got := strata(t, "stack", "build", "--dir", stacks, "--config", "../builder.toml"); got.status != 0 {
			t.Fatalf("stack build: status %d\n%s%s", got.status, got.stdout, got.stderr)
		}
		return diffIDs(t, own)
	}
	older := layers()
	app, name := sample(t, "hello"), image(t)
	build(t, app, name, "--run-image", own)
	built := diffIDs(t, name)
	edit(t, stacks, "acme/stack.toml", `acme:/home/nonroot:/sbin/nologin\n`,
		`acme:/home/nonroot:/sbin/nologin\naudit:x:1501:1000:audit:/:/sbin/nologin\n`)
	newer := layers()
	if len(newer) != len(older) || newer[len(newer)-1] == older[len(older)-1] {
		t.Fatalf("the newer image has the layers %v, the older one %v", newer, older)
	}
	if got := strata(t, "rebase", name); got.status != 0 {
		t.Fatalf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	if diff := cmp.Diff(append(newer, built[len(older):]...), diffIDs(t, name)); diff != "" {
		t.Errorf("layers of the app (-want +got):\n%s", diff)
	}
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Hello from Strata." {
		t.Errorf("it answers %q", body)
	}
	digest, err := stored(t, name).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if again := build(t, app, name, "--run-image", own); again != digest.String() {
		t.Errorf("rebased it is %s, built again %s", digest, again)
	}
}
