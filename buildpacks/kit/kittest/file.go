package kittest

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Updating reports whether the test runs with -update, which is to rewrite files that are compared.
func Updating() bool { return *update }

// Golden compares got with testdata/golden/name and, with -update, rewrites that file instead.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		Write(t, filepath.Dir(path), map[string]string{filepath.Base(path): got})
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Write makes the folder dir and files below it, path -> content. Scripts and ELF programs are executable; their first bytes
// decide.
func Write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(path, content); err != nil {
			t.Fatal(err)
		}
	}
}

// writeFile holds the fork lock, so that no other test starts a process meanwhile. Such a process would inherit the open file
// until it executes its program, and the kernel refuses to execute a file that is open for writing.
func writeFile(path, content string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(content), modeOf(content))
}

// modeOf returns the mode of a file by its content.
func modeOf(content string) fs.FileMode {
	if strings.HasPrefix(content, "#!") || strings.HasPrefix(content, "\x7fELF") {
		return 0o755
	}
	return 0o644
}

// Tree returns what is below dir: path -> "dir 0755", "file 0644 cc55e2ec" (the first four bytes of its SHA-256, or
// "empty") or "symlink ../target". The paths of folders end with a slash.
func Tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name += "/"
		}
		tree[name], err = describe(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func describe(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	mode := uint32(info.Mode().Perm())
	if info.Mode()&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	switch {
	case info.IsDir():
		return fmt.Sprintf("dir %#04o", mode), nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "symlink " + target, err
	case !info.Mode().IsRegular():
		return info.Mode().Type().String(), nil
	case info.Size() == 0:
		return fmt.Sprintf("file %#04o empty", mode), nil
	}
	data, err := os.ReadFile(path)
	sum := sha256.Sum256(data)
	return fmt.Sprintf("file %#04o %x", mode, sum[:4]), err
}
