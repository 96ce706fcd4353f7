package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// deep makes a folder in which others lie so deep that no path reaches the last, where a file of 7 bytes is.
func deep(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	name := strings.Repeat("n", 250)
	for range 40 {
		if err != nil {
			t.Fatal(err)
		}
		above := at
		if err = unix.Mkdirat(above, name, 0o755); err == nil {
			at, err = unix.Openat(above, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		err = errors.Join(err, unix.Close(above))
	}
	file, openErr := unix.Openat(at, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err := errors.Join(err, openErr, unix.Ftruncate(file, 7), unix.Close(file), unix.Fchmod(at, 0o555), unix.Close(at)); err != nil {
		t.Fatal(err)
	}
}

// asUser goes on as an ordinary user until the test ends. The user has a home, in which there are some files of the test's own user.
func asUser(t *testing.T, left map[string]string) (h *home.Home, dir string) {
	t.Helper()
	parent, err := os.MkdirTemp("", "") //nolint:usetesting // the folder of a test lies in one that another user may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) }) // below the machine's own folder for such
	dir = filepath.Join(parent, "home")
	h, err = home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		err = filepath.WalkDir(parent, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, 65534, 65534))
		})
		kittest.Write(t, dir, left)
		runtime.LockOSThread() // the thread ends with the test's goroutine
		if err := errors.Join(err, unix.Setfsgid(65534), unix.Setfsuid(65534)); err != nil {
			t.Fatal(err)
		}
	}
	return h, dir
}

// TestScratchSweeps has a killed command leave what no path reaches.
func TestScratchSweeps(t *testing.T) {
	t.Parallel()
	h, dir := asUser(t, nil)
	h.Note = func(text string) { t.Errorf("it notes %q", text) }
	first, removeFirst, err := h.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer removeFirst()
	killed := filepath.Join(dir, "tmp", "killed")
	deep(t, filepath.Join(killed, "tmp", "left"))
	_, remove, err := h.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := os.Lstat(killed); !os.IsNotExist(err) {
		t.Errorf("it is still there (%v)", err)
	}
	if _, err := os.Stat(first); err != nil {
		t.Errorf("what is in use was removed: %v", err)
	}
}

// TestScratchGoesOn has an ordinary user sweep what root left.
func TestScratchGoesOn(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can leave what a user cannot remove")
	}
	h, dir := asUser(t, map[string]string{"tmp/killed/in/file": ""})
	stays := filepath.Join(dir, "tmp", "killed")
	var notes []string
	h.Note = func(text string) { notes = append(notes, text) }
	_, remove, err := h.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	remove()
	if len(notes) != 1 || !strings.Contains(notes[0], "stays in "+stays) {
		t.Errorf("it notes %q, want what stays", notes)
	}
}

// TestReadOnly reads in a home that may not be written.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	_, dir := asUser(t, nil)
	for _, name := range []string{"use.lock", "apps", "builders", "tools", "tmp", "store", "."} {
		if err := os.Chmod(filepath.Join(dir, name), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := h.Store.Names(); err != nil || len(names) > 0 {
		t.Errorf("it has %v (%v)", names, err)
	}
	_, _, scratchErr := h.Scratch(t.Context())
	_, _, appErr := h.App(t.Context(), platformtest.Parse(t, "app"), nil)
	for _, err := range []error{scratchErr, appErr} {
		if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "home-not-writable" {
			t.Errorf("got %v, want a fault", err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "use.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Open(dir); !errors.As(err, new(fault.Fault)) {
		t.Errorf("got %v of a home that is not whole, want a fault", err)
	}
}

// TestCachesTooDeep measures, drops and prunes caches that no path reaches, of a build that closed its folder.
func TestCachesTooDeep(t *testing.T) {
	t.Parallel()
	h, homeDir := asUser(t, nil)
	app := platformtest.Parse(t, "app")
	dir, unlock, err := h.App(t.Context(), app, nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	leave := func() {
		deep(t, filepath.Join(dir, "build"))
		if err := os.Chmod(filepath.Join(dir, "build"), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	dropped, err := h.Trim(home.Limits{}, filepath.Join(homeDir, "tmp"))
	if err != nil || len(dropped) != 1 || dropped[0].Bytes != 7 {
		t.Errorf("dropped %+v (%v), want 7 bytes", dropped, err)
	}
	leave()
	pruned, err := h.Prune(false, false)
	if err != nil || pruned[3].Count != 1 || pruned[3].Bytes != 7 {
		t.Errorf("pruned %+v (%v), want 7 bytes of caches", pruned, err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the caches are there: %v", err)
	}
}
