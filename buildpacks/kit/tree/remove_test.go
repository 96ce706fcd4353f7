package tree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// chain makes folders of that name, each in the one before, and returns the last. The caller closes it.
func chain(t *testing.T, dir, name string, depth int) (last int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(t, err)
	for range depth {
		check(t, unix.Mkdirat(at, name, 0o755))
		next, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		check(t, errors.Join(err, unix.Close(at)))
		at = next
	}
	return at
}

// hostile are folders that programs leave when they want them to stay.
var hostile = map[string]func(t *testing.T, dir string){
	"deep": func(t *testing.T, dir string) {
		t.Helper()
		last := chain(t, dir, "deep-folder", 800)
		check(t, errors.Join(unix.Mkdirat(last, "closed", 0), unix.Close(last)))
	},
	"long names": func(t *testing.T, dir string) {
		t.Helper()
		last := chain(t, dir, strings.Repeat("n", 250), 100)
		file, err := unix.Openat(last, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0)
		check(t, errors.Join(err, unix.Close(file), unix.Fchmod(last, 0o555), unix.Close(last)))
	},
	"all closed": func(t *testing.T, dir string) {
		t.Helper()
		for depth := 70; depth > 0; depth-- {
			path := filepath.Join(dir, strings.Repeat("d/", depth))
			check(t, os.MkdirAll(path, 0o755))
			check(t, os.WriteFile(filepath.Join(path, "file"), nil, 0))
			check(t, os.Chmod(path, [...]fs.FileMode{0, 0o100, 0o200, 0o300, 0o400, 0o500, 0o600, 0o700}[depth%8]))
		}
		check(t, os.Chmod(dir, 0))
	},
	"names taken": func(t *testing.T, dir string) {
		t.Helper()
		last := chain(t, dir, "d", 100)
		check(t, unix.Close(last))
		kittest.Write(t, dir, map[string]string{".removed-1": "x", ".removed-2/in": "x", ".removed-3/d/d/d": "x"})
		check(t, os.Symlink(dir, filepath.Join(dir, ".removed-4")))
		check(t, os.Mkdir(filepath.Join(dir, ".removed-5"), 0o755))
	},
}

// TestRemoveHostile has root and an ordinary user remove such folders, with a few descriptors.
func TestRemoveHostile(t *testing.T) {
	var before unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 128, Max: before.Max}))
	defer func() { check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	for name, leave := range hostile {
		t.Run(name+" as root", func(t *testing.T) {
			if os.Getuid() != 0 {
				t.Skip("only root can be root")
			}
			removeHostile(t, leave)
		})
		t.Run(name+" as a user", func(t *testing.T) {
			// The thread keeps the user, and ends with the test's goroutine, to which it is locked.
			runtime.LockOSThread()
			if os.Getuid() == 0 {
				check(t, errors.Join(unix.Setfsgid(65534), unix.Setfsuid(65534)))
			}
			removeHostile(t, leave)
		})
	}
}

func removeHostile(t *testing.T, leave func(t *testing.T, dir string)) {
	t.Helper()
	parent, err := os.MkdirTemp("", "") //nolint:usetesting // the test's own folder could not remove what Remove leaves
	check(t, err)
	dir := filepath.Join(parent, "dir")
	check(t, os.Mkdir(dir, 0o755))
	leave(t, dir)
	check(t, tree.Remove(dir))
	check(t, os.Remove(parent)) // it is empty
}

// TestRemoveKeepsTheFolderAbove removes a file from a folder that may not be changed.
func TestRemoveKeepsTheFolderAbove(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may change every folder")
	}
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"closed/file": ""})
	closed := filepath.Join(dir, "closed")
	check(t, os.Chmod(closed, 0o555))
	t.Cleanup(func() { check(t, os.Chmod(closed, 0o755)) })
	if err := tree.Remove(filepath.Join(closed, "file")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want a refusal", err)
	}
	if info, err := os.Stat(closed); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("the folder has %v (%v)", info.Mode(), err)
	}
}

// TestRemoveRace has a folder take turns with a link that leads out of what is removed.
func TestRemoveRace(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	want := map[string]string{}
	for i := range 50 {
		want[fmt.Sprint("kept", i)] = "x"
	}
	kittest.Write(t, outside, want)
	check(t, os.Chmod(outside, 0o755))
	before := kittest.Tree(t, outside)
	for range 100 {
		dir := filepath.Join(t.TempDir(), "dir")
		check(t, os.Mkdir(dir, 0o755))
		check(t, os.Mkdir(filepath.Join(dir, "folder"), 0))
		link := filepath.Join(dir, "link")
		check(t, os.Symlink(outside, link))
		raced := make(chan struct{})
		go func() {
			defer close(raced)
			for unix.Renameat2(unix.AT_FDCWD, link, unix.AT_FDCWD, filepath.Join(dir, "folder"), unix.RENAME_EXCHANGE) == nil {
			}
		}()
		err := tree.Remove(dir) // it may have met the one for the other
		for err != nil {
			err = tree.Remove(dir)
		}
		<-raced
	}
	if after := kittest.Tree(t, outside); len(after) != len(before) {
		t.Fatalf("%d of %d files are left outside", len(after), len(before))
	}
}
