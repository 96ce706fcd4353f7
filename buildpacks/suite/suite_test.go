package main

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const (
	root = "../.." // of the Go module
	ours = "github.com/strata-buildpacks/strata/"
)

func TestMain(m *testing.M) { kittest.Main(m, table()...) }

// TestMisspelt has any one buildpack name the misspelt variables of all, and none that another declares.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	env := config.Environment{"BP_OCI_TITEL": "x", "BP_EMBED_CERT": "true", "BP_LIVE_RELOD_ENABLED": "true"}
	want := "warning: BP_EMBED_CERT is set but nothing reads it; did you mean BP_EMBED_CERTS?\n" +
		"  warning: BP_LIVE_RELOD_ENABLED is set but nothing reads it; did you mean BP_LIVE_RELOAD_ENABLED?\n" +
		"  warning: BP_OCI_TITEL is set but nothing reads it; did you mean BP_OCI_TITLE?\n"
	for p := range buildpackFiles(t) {
		variables, err := config.Declared(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range variables {
			env[v.Name] = "x" // what a build refuses, it refuses after the warnings
		}
	}
	for _, name := range []string{"front-end", "image-labels", "ca-certificates"} {
		dir, err := filepath.Abs(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		c := kittest.Case{Env: env.With(config.Environment{"CNB_BUILDPACK_DIR": dir}), Plan: kittest.First}
		if got := kittest.Build(t, c); !strings.Contains(got.Log(), want) || strings.Count(got.Log(), "is set but nothing reads it") != 3 {
			t.Errorf("%s says\n%s\nwant\n%s", name, got.Log(), want)
		}
	}
}

// buildpackFile is what the tests read of a buildpack.toml.
type buildpackFile struct {
	API       string
	Buildpack struct {
		ID, Name, Version, Description string
		Formats                        []string `toml:"sbom-formats"`
	}
	Targets []struct{ OS, Arch string }
	Order   []group // of a composite
}

type group struct{ Group []module }

type module struct{ ID, URI string }

func buildpackFiles(t *testing.T) map[string]buildpackFile {
	t.Helper()
	paths, err := filepath.Glob(root + "/buildpacks/*/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]buildpackFile{}
	for _, p := range paths {
		var file buildpackFile
		if _, err := toml.DecodeFile(p, &file); err != nil {
			t.Fatal(err)
		}
		files[p] = file
	}
	return files
}

// TestTable holds the table, the buildpack.toml files, builder.toml and the orders of composites to the same buildpacks.
func TestTable(t *testing.T) {
	t.Parallel()
	var builder struct {
		Buildpacks []module
		Order      []group
	}
	if _, err := toml.DecodeFile(root+"/builder.toml", &builder); err != nil {
		t.Fatal(err)
	}
	var files, programs []string
	listed := map[string]bool{}
	ordered := map[string]bool{}
	add := func(order []group) {
		for _, o := range order {
			for _, one := range o.Group {
				ordered[one.ID] = true
			}
		}
	}
	add(builder.Order)
	for _, one := range builder.Buildpacks {
		listed[one.URI] = true
	}
	for p, file := range buildpackFiles(t) {
		files = append(files, file.Buildpack.ID)
		add(file.Order)
		if len(file.Order) == 0 {
			programs = append(programs, file.Buildpack.ID)
		} else if uri := "buildpacks/" + path.Base(path.Dir(p)); !listed[uri] {
			t.Errorf("builder.toml has no [[buildpacks]] with the uri %s", uri)
		}
	}
	slices.Sort(files)
	slices.Sort(programs)

	var rows []string
	for _, b := range table() {
		rows = append(rows, b.ID)
	}
	if diff := gocmp.Diff(programs, rows); diff != "" {
		t.Errorf("table (-buildpack.toml files +table):\n%s", diff)
	}
	if diff := gocmp.Diff(files, slices.Sorted(maps.Keys(ordered))); diff != "" {
		t.Errorf("orders (-buildpack.toml files +orders):\n%s", diff)
	}
}

// TestLanguages holds the order's end: an app of another language may have a package.json or a Makefile, and any app an index.html.
func TestLanguages(t *testing.T) {
	t.Parallel()
	order := buildpackFiles(t)[root+"/buildpacks/languages/buildpack.toml"].Order
	want := []group{
		{[]module{{ID: "strata/front-end"}, {ID: "strata/web"}}},
		{[]module{{ID: "strata/node"}}},
		{[]module{{ID: "strata/native"}}},
		{[]module{{ID: "strata/web"}}},
	}
	if diff := gocmp.Diff(want, order[max(0, len(order)-len(want)):]); diff != "" {
		t.Errorf("last entries of strata/languages (-want +got):\n%s", diff)
	}
}

func TestBuildpackFiles(t *testing.T) {
	t.Parallel()
	for p, file := range buildpackFiles(t) {
		t.Run(path.Base(path.Dir(p)), func(t *testing.T) {
			t.Parallel()
			want := file
			want.API = "0.10"
			want.Buildpack.Version = "0.1.0" // the suite is released as one
			if len(file.Order) == 0 {
				want.Buildpack.Formats = []string{"application/vnd.cyclonedx+json", "application/spdx+json"}
				want.Targets = []struct{ OS, Arch string }{{"linux", "amd64"}, {"linux", "arm64"}}
			}
			if diff := gocmp.Diff(want, file); diff != "" {
				t.Errorf("%s (-want +got):\n%s", p, diff)
			}
			if file.Buildpack.Name == "" || file.Buildpack.Description == "" {
				t.Errorf("%s has no name or no description", p)
			}
			// golang is named as Go's users search for it.
			if folder, id := path.Base(path.Dir(p)), path.Base(file.Buildpack.ID); folder != id && folder != "golang" {
				t.Errorf("%s has the id %s; its folder is called %s, not %s", p, file.Buildpack.ID, id, folder)
			}
		})
	}
}
