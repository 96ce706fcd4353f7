package integration

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPlatformSameDigest builds one source in different circumstances.
func TestPlatformSameDigest(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	want := build(t, sample(t, "keep-files"), image(t), "-e", "BP_KEEP_FILES=assets/*")

	t.Run("another folder, other modes and times", func(t *testing.T) {
		t.Parallel()
		app := filepath.Join(t.TempDir(), "a folder", "elsewhere")
		if err := os.CopyFS(app, os.DirFS("testdata/go/keep-files")); err != nil {
			t.Fatal(err)
		}
		disguise(t, app)
		if got := build(t, app, image(t), "-e", "BP_KEEP_FILES=assets/*"); got != want {
			t.Errorf("it gives %s, elsewhere %s", got, want)
		}
	})
	t.Run("another user", func(t *testing.T) {
		t.Parallel()
		needRoot(t, "because a second build is started as another user")
		app := sample(t, "keep-files")
		if got := buildAs(t, 54321, app, image(t), "-e", "BP_KEEP_FILES=assets/*"); got != want {
			t.Errorf("it gives %s, for root %s", got, want)
		}
	})
}

// disguise gives files other times and modes, as of another day and another umask.
func disguise(t *testing.T, app string) {
	t.Helper()
	past := time.Date(2001, time.February, 3, 4, 5, 6, 0, time.UTC)
	err := filepath.WalkDir(app, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if d.IsDir() {
			mode = 0o700
		}
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
		return os.Chtimes(path, past, past)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// buildAs builds as another user with a strict umask. The user has a home with a copy of the store, in which the builder and the
// run images are.
func buildAs(t *testing.T, uid int, app, name string, flags ...string) string {
	t.Helper()
	// Another user may not enter the parents of t.TempDir.
	dir, err := os.MkdirTemp("", "strata-user-") //nolint:usetesting // as said above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(dir) })
	if err := os.CopyFS(filepath.Join(dir, "app"), os.DirFS(app)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "home", "store"), os.DirFS(filepath.Join(home(), "store"))); err != nil {
		t.Fatal(err)
	}
	strata, err := os.ReadFile(filepath.Join(filepath.Dir(home()), "bin", "strata"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "strata")
	if err := os.WriteFile(bin, strata, 0o755); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
	// The umask is set by sh, so that this process keeps its own.
	args := append([]string{"-c", `umask 077; exec "$@"`, "sh", bin, "build", filepath.Join(dir, "app"), "-t", name, "-q"}, flags...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "STRATA_HOME="+filepath.Join(dir, "home"),
		"STRATA_CACHE="+filepath.Join(dir, "downloads"), "GOCACHE=", "GOMODCACHE=", "GOENV=off", "GOPATH=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	got := finish(t, cmd)
	if got.status != 0 {
		t.Fatalf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	return digestOf(t, got)
}
