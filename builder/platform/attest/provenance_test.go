package attest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// images returns a run image, an app on it, and the facts of a build of that app.
func images(t *testing.T) (base attest.Base, app attest.Image, how attest.Build) {
	t.Helper()
	run := platformtest.Run{}.Image(t)
	ref := platformtest.Parse(t, platformtest.RunName)
	base, err := attest.ReadBase(ref, run, platformtest.Bills(t, "2025b"))
	if err != nil {
		t.Fatal(err)
	}
	app = attest.Image{Ref: platformtest.Parse(t, "team/app:1"), Digest: platformtest.Digest(t, run)}
	how = attest.Build{
		RunImage: "auto", Network: "default",
		Builder: attest.Image{Ref: platformtest.Parse(t, "strata/builder"), Digest: app.Digest},
		Run:     attest.Image{Ref: ref, Digest: platformtest.Digest(t, run)},
	}
	return base, app, how
}

// TestEnvWithheld publishes the values of variables that configure buildpacks, and only the names of all others: those may
// be passwords. Bindings are published by their names.
func TestEnvWithheld(t *testing.T) {
	t.Parallel()
	_, _, how := images(t)
	how.Env = map[string]string{
		"BP_GO_VERSION": "1.26", "BPE_PORT": "80", "NPM_TOKEN": "secret", "GOPROXY": "https://user:secret@proxy.test",
		"XBP_": "secret", "BP": "secret", "BP_DEPENDENCY_MIRROR_A_TEST": "https://user:secret@mirror.test",
	}
	how.Bindings = []string{"/home/secret/company"}
	how.Allowed, how.Platform = []string{"db.test:5432"}, "linux/arm64"
	parameters := how.Provenance().BuildDefinition.ExternalParameters
	want := map[string]any{
		"env":         map[string]string{"BP_GO_VERSION": "1.26", "BPE_PORT": "80"},
		"envWithheld": []string{"BP", "BP_DEPENDENCY_MIRROR_A_TEST", "GOPROXY", "NPM_TOKEN", "XBP_"},
		"bindings":    []string{"company"}, "network": "default", "networkAllow": []string{"db.test:5432"}, "runImage": "auto",
		"platform": "linux/arm64",
	}
	if diff := cmp.Diff(want, parameters); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// TestAttachedToApp looks for a withheld value in every file that is attached to an app, and compares the provenance.
func TestAttachedToApp(t *testing.T) {
	t.Parallel()
	base, app, how := images(t)
	how.Env = map[string]string{"TOKEN": "secret", "BP_KEEP_FILES": "x"}
	how.Buildpacks, how.Source = []string{"strata/go"}, strings.Repeat("a", 64)
	image := withBill(t, base)
	attached, err := attest.App(app.Ref, image, base, how.Provenance())
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, a := range attached {
		titles = append(titles, a.Title)
		if strings.Contains(string(a.Content), "secret") {
			t.Errorf("%s has the value of a withheld variable:\n%s", a.Title, a.Content)
		}
		if a.Type == attest.StatementType {
			kittest.Golden(t, "build-provenance.json", indented(t, a.Content))
		}
	}
	if diff := cmp.Diff([]string{"app.sbom.cdx.json", "app.sbom.spdx.json", "app.provenance.json"}, titles); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{"tzdata@2025b", "pkg:golang/example.com/lib@1"} { // of the run image, of the app
		if bill := string(attached[0].Content); !strings.Contains(bill, part) {
			t.Errorf("the bill of materials lacks %s:\n%s", part, bill)
		}
	}
	packed := platformtest.Random(t)
	again, err := attest.Repacked(app.Ref, packed, attached)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != 3 {
		t.Fatalf("of an image with the same files %d files are attached, want 3", len(again))
	}
	statement := string(again[2].Content)
	if !strings.Contains(statement, how.Source) || !strings.Contains(statement, platformtest.Digest(t, packed).Hex) {
		t.Errorf("the provenance forgets the source, or is not about the image:\n%s", statement)
	}
}

// TestRebaseProvenance takes source and builder over from what was attached before.
func TestRebaseProvenance(t *testing.T) {
	t.Parallel()
	base, app, how := images(t)
	how.Source = strings.Repeat("b", 64)
	attached, err := attest.App(app.Ref, withBill(t, base), base, how.Provenance())
	if err != nil {
		t.Fatal(err)
	}
	moved, err := attest.Rebase{Image: app, Run: how.Run, Attached: attached}.Provenance()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range moved.BuildDefinition.ResolvedDependencies {
		names = append(names, d.Name+" "+strings.TrimPrefix(d.Digest["dirHash"], how.Source[:60]))
	}
	if diff := cmp.Diff([]string{"image ", "run image ", "builder ", "source bbbb"}, names); diff != "" {
		t.Errorf("made of (-want +got):\n%s", diff)
	}
	other := []store.Artifact{{Type: attest.StatementType, Content: []byte("{}")}}
	if _, err := (attest.Rebase{Image: app, Run: how.Run, Attached: other}).Provenance(); err == nil {
		t.Error("a statement that is no provenance was read")
	}
}

// withBill makes an app on a base. A buildpack says of it that it has a Go module.
func withBill(t *testing.T, base attest.Base) v1.Image {
	t.Helper()
	document, err := sbom.Document{
		Subject: sbom.Component{Name: "app"}, Components: []sbom.Component{{Name: "lib", Version: "1", PURL: "pkg:golang/example.com/lib@1"}},
	}.CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(base.Image, platformtest.Layer(t, "layers/sbom/launch/strata_go/sbom.cdx.json", string(document)))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	last := config.RootFS.DiffIDs[len(config.RootFS.DiffIDs)-1]
	config.Config.Labels["io.buildpacks.lifecycle.metadata"] = fmt.Sprintf(`{"sbom":{"sha":%q}}`, last)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

func indented(t *testing.T, content []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, content, "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}
