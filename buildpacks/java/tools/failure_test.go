package tools_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestFailures explains what build tools said when they failed. The files have the words of real builds, <app> stands for the app's folder.
func TestFailures(t *testing.T) {
	t.Parallel()
	said, err := filepath.Glob("testdata/failures/*.txt")
	if err != nil || len(said) < 9 {
		t.Fatalf("%d failures, %v", len(said), err)
	}
	for _, file := range said {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, `sed "s#<app>#$(pwd)#g" said.txt; exit 1`)
			if strings.HasPrefix(name, "gradle-") {
				b = newGradle(t, `sed "s#<app>#$(pwd)#g" said.txt; exit 1`)
			}
			b.c.App["said.txt"] = string(words)
			got := kittest.Build(t, b.c)
			if got.Code != 1 {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
			kittest.Golden(t, "failure-"+name+".txt", got.Stderr)
		})
	}
}
