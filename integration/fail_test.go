package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPlatformFails has a golden file of what the command prints for each mistake that only the whole product shows. The tests of
// the buildpacks show what they refuse.
func TestPlatformFails(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	name := image(t)
	tests := []struct {
		name, app string
		flags     []string
	}{
		{"module-in-folder", "subfolder", nil},
		{"compile-error", "broken", nil},
		{"unknown-run-image", "hello", []string{"--run-image", "scratch"}},
		{"unset-variable", "hello", []string{"-e", "INTEGRATION_IS_NOT_SET"}},
		{"check", "exits", []string{"--check"}},
		{"reserved-name", "hello", []string{"-t", "docker.io/" + runStatic}},
		{"bad-output", "hello", []string{"--output", "tar:x"}},
		// A release that is not locked, and so is never there for all apps.
		{"no-proxy", "hello", []string{"--clear-cache", "--network", "none", "-e", "BP_GO_VERSION=1.26.9", "-e", "GOPROXY=http://127.0.0.1:9"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := sample(t, tt.app)
			got := strata(t, append([]string{"build", app, "-t", name}, tt.flags...)...)
			if got.status != 1 || got.stdout != "" {
				t.Errorf("status %d and %q on stdout, want 1 and nothing", got.status, got.stdout)
			}
			kittest.Golden(t, "fail/"+tt.name+".txt", words(got.stderr, app))
			if o := strata(t, "inspect", name); o.status == 0 {
				t.Errorf("the failed build left an image:\n%s", o.stdout)
			}
		})
	}
}

// TestPlatformNoFolder names an app that is not there.
func TestPlatformNoFolder(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app := filepath.Join(t.TempDir(), "absent")
	got := strata(t, "build", app)
	if got.status != 1 {
		t.Errorf("status %d, want 1", got.status)
	}
	kittest.Golden(t, "fail/no-folder.txt", words(got.stderr, app))
}

// TestPlatformNoNamespaces runs where the kernel grants no more namespaces: in a user namespace with a limit of zero.
func TestPlatformNoNamespaces(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	// An ordinary user has one id and root has all, as on a machine with that limit.
	ids := []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	if os.Getuid() == 0 {
		ids[0].Size = 1<<32 - 1
	}
	within := func(args ...string) outcome {
		limit := `echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"`
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", limit, "sh"}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids,
			AmbientCaps: []uintptr{unix.CAP_SYS_RESOURCE},
		}
		if os.Getgid() != os.Getuid() {
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: ids[0].Size}}
		}
		return finish(t, cmd)
	}
	if o := within("true"); o.status != 0 {
		t.Skipf("needs a writable /proc/sys/user: %s", o.stderr)
	}
	app := sample(t, "hello")
	got := within("strata", "build", app, "-t", image(t))
	if got.status != 1 {
		t.Errorf("status %d, want 1", got.status)
	}
	kittest.Golden(t, "fail/no-namespaces.txt", words(got.stderr, app))
}

// TestPlatformDiskFull builds on a file system that has room for the builder but not for the toolchain. Then it makes room and
// builds again.
func TestPlatformDiskFull(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	needRoot(t, "to mount a small file system")
	app, name := sample(t, "hello"), image(t)
	want := build(t, app, "integration/disk-with-room:latest")
	// The first build has room but no network: it leaves the unpacked builder and nothing else.
	script := `mkdir full && mount -t tmpfs -o size=2g none full || exit 77
export STRATA_HOME=$PWD/full
mkdir full/store && cp -r "$1/." full/store || exit 77
strata build "$2" -t "$3" -q --network none 2>/dev/null && exit 78
used=$(df --output=used -k full | tail -n 1)
mount -o remount,size=$((used + 100000))k full || exit 77
strata build "$2" -t "$3" -q; echo "status $?"
mount -o remount,size=2g full || exit 77
strata build "$2" -t "$3" -q && rm -rf full/*`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", script, "sh", filepath.Join(home(), "store"), app, name)
	cmd.Dir = t.TempDir()
	got := finish(t, cmd)
	if got.status == 77 {
		t.Skipf("needs the right to mount a tmpfs of 2 GB: %s", got.stderr)
	}
	status, digest, _ := strings.Cut(got.stdout, "\n")
	if status != "status 1" {
		t.Errorf("on the full disk: %s, want status 1", status)
	}
	if said := strings.Count(got.stderr, "no space left on device"); said != 1 {
		t.Errorf("it says %d times that the disk is full, want once:\n%s", said, got.stderr)
	}
	if got.status != 0 {
		t.Fatalf("with room again: status %d\n%s", got.status, got.stderr)
	}
	if digestOf(t, outcome{stdout: digest}) != want {
		t.Errorf("with room again it gives %s, elsewhere %s", strings.TrimSpace(digest), want)
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return fmt.Sprintln(lines[len(lines)-1])
}
