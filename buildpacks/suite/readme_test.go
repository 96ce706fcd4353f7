package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// The lines around the table of variables in a README.
const (
	tableBegins = "<!-- variables of buildpack.toml, written by `go test ./buildpacks/suite -update` -->\n"
	tableEnds   = "<!-- end of variables -->\n"
)

// TestReadmes makes the table of variables in each README from what its buildpack.toml declares.
func TestReadmes(t *testing.T) {
	t.Parallel()
	for p := range buildpackFiles(t) {
		variables, err := config.Declared(p)
		if err != nil {
			t.Fatal(err)
		}
		readme := filepath.Join(filepath.Dir(p), "README.md")
		content, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		if len(variables) == 0 {
			continue
		}
		before, rest, begins := strings.Cut(string(content), tableBegins)
		_, after, ends := strings.Cut(rest, tableEnds)
		if !begins || !ends {
			t.Errorf("%s has no table of variables: write these two lines where it belongs:\n%s%s", readme, tableBegins, tableEnds)
			continue
		}
		want := before + tableBegins + variableTable(t, variables) + tableEnds + after
		if kittest.Updating() {
			if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if diff := gocmp.Diff(want, string(content)); diff != "" {
			t.Errorf("%s is not of its buildpack.toml; run `go test ./buildpacks/suite -update` (-want +got):\n%s", readme, diff)
		}
	}
}

func variableTable(t *testing.T, variables []config.Variable) string {
	t.Helper()
	rows := []string{"", "| Variable | Default | When | Meaning |", "| --- | --- | --- | --- |"}
	for _, v := range variables {
		when := map[[2]bool]string{{true, false}: "build", {false, true}: "launch", {true, true}: "build, launch"}[[2]bool{v.Build, v.Launch}]
		if when == "" || v.Description == "" {
			t.Errorf("%s is read neither at build nor at launch, or has no description", v.Name)
		}
		unset := "none"
		if v.Default != "" {
			unset = "`" + v.Default + "`"
		}
		row := []string{"`" + v.Name + "`", unset, when, v.Description}
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], "|", `\|`)
		}
		rows = append(rows, "| "+strings.Join(row, " | ")+" |")
	}
	return strings.Join(append(rows, "", ""), "\n")
}
