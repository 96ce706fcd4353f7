package gofiles

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHasProgram tells an app that is a program from one that has files in Go for something else.
func TestHasProgram(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"main.go": true, "a/b/c/d/x.go": true, "x_windows.go": true,
		"main_test.go": false, "_x.go": false, ".x.go": false, "main.txt": false,
		"node_modules/x/x.go": false, "a/vendor/x.go": false, "testdata/x.go": false, ".cache/x.go": false, "_old/x.go": false,
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"lib/lib.go": "package lib\n", name: "package main\n"})
		if got, err := HasProgram(dir); err != nil || got != want {
			t.Errorf("%s: %t, %v, want %t", name, got, err, want)
		}
	}
	for text, want := range map[string]bool{
		"//go:build linux\n\npackage main\n": true, "//go:build ignore\n\npackage main\n": false, "// +build ignore\n\npackage main\n": false,
		"package lib\n": false, "": false, "packag main\n": false,
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"x.go": text})
		if got, err := HasProgram(dir); err != nil || got != want {
			t.Errorf("%q: %t, %v, want %t", text, got, err, want)
		}
	}
	if _, err := HasProgram(t.TempDir() + "/none"); err == nil {
		t.Error("a folder that is not there has no program")
	}
}
