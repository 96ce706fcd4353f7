package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlace looks for a folder that can be written to as on a read-only root: a file in the way serves for one that cannot.
func TestPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, writable := filepath.Join(dir, "file"), filepath.Join(dir, "writable")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(writable, 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := place("pem", []byte("x"), "", file, writable)
	if err != nil || filepath.Dir(path) != writable {
		t.Errorf("got %s and %v, want a file in %s", path, err, writable)
	}
	// What somebody else may write to is not trusted, but replaced.
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if same(path, []byte("x")) {
		t.Error("a file that all may write to is trusted")
	}
	if _, err := place("pem", []byte("x"), writable); err != nil || !same(path, []byte("x")) {
		t.Errorf("it is not replaced: %v", err)
	}
	_, err = place("pem", []byte("x"), "", file, file)
	want := "none of " + file + ", " + file + " can be written to; mount a writable folder at /tmp or name one in TMPDIR"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
