package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// TestNothingOfTheHost has a command look for what the host's process had: open files that are not marked
// close-on-exec, as a shell leaves them, variables, a session with a key, a cgroup. And it tries to change its world.
func TestNothingOfTheHost(t *testing.T) {
	for _, path := range []string{"/", "/proc/self/environ"} {
		fd, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	t.Setenv("STRATA_TEST_SECRET", "secret")
	// A session keyring belongs to a thread, and so does what is started from it. The thread ends with the test.
	runtime.LockOSThread()
	if _, err := unix.KeyctlJoinSessionKeyring("strata-test"); err == nil {
		if _, err := unix.AddKey("user", "strata-test", []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
			t.Fatal(err)
		}
	} else if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		t.Fatal(err)
	}
	spec, output := world(t, "attack")
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	want := strings.Join([]string{
		"fd 0 /dev/null",
		"fd 1 pipe:",
		"fd 2 pipe:",
		"process 1 ONLY=this allowed",
		"session 1 allowed",
		"key false refused",
		"user namespace refused",
		"remount /ro refused",
		"unmount /ro refused",
		"device refused",
		"chroot refused",
		"become root refused",
		"write /ro by a link refused",
		"write /proc/sys refused",
		"write oom_score_adj refused",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, output.String()); diff != "" {
		t.Errorf("what the command found (-want +got):\n%s", diff)
	}
}

// TestIDs checks which ids the command is on the host, and that root's groups stay behind. Another user's groups
// cannot be dropped: setgroups(2) is forbidden in a user namespace that an ordinary user makes.
func TestIDs(t *testing.T) {
	t.Parallel()
	uid, gid := sandbox.HostIDs()
	for path, want := range map[string]string{
		"/proc/self/uid_map": fmt.Sprint(" 1001 ", uid, " 1"), "/proc/self/gid_map": fmt.Sprint(" 1000 ", gid, " 1"),
	} {
		spec, output := world(t, "cat", path)
		if err := run(t, spec); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(output.String()), " "); got != "read allowed"+want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if uid == 0 || gid == 0 {
		t.Errorf("the command is %d:%d on the host", uid, gid)
	}
	if os.Getuid() != 0 {
		return
	}
	spec, output := world(t, "cat", "/proc/self/status")
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(output.String()) {
		if groups, ok := strings.CutPrefix(line, "Groups:"); ok && strings.TrimSpace(groups) != "" {
			t.Errorf("the command has the groups %s", groups)
		}
	}
}

// TestAbstractSockets checks that a socket without a file is out of reach without a network. On the host's network
// it is not: such sockets belong to a network.
func TestAbstractSockets(t *testing.T) {
	t.Parallel()
	address := fmt.Sprint("@strata-test-", os.Getpid())
	listener, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for network, want := range map[sandbox.Network]string{sandbox.NoNetwork: "dial refused\n", sandbox.HostNetwork: "dial allowed\n"} {
		spec, output := world(t, "dial", address)
		spec.Network = network
		if err := run(t, spec); err != nil {
			t.Fatal(err)
		}
		if output.String() != want {
			t.Errorf("network %s: %s", network, output)
		}
	}
}

// TestSignals has a command kill all that it may. A process of the host with the same uid goes on.
func TestSignals(t *testing.T) {
	t.Parallel()
	uid, gid := sandbox.HostIDs()
	neighbour := exec.CommandContext(t.Context(), "cat")
	if os.Getuid() == 0 {
		neighbour.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	in, err := neighbour.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := neighbour.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := neighbour.Start(); err != nil {
		t.Fatal(err)
	}
	spec, output := world(t, "killall")
	spec.Network = sandbox.HostNetwork
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	if _, err := io.WriteString(in, "alive"); err != nil {
		t.Error(err)
	}
	in.Close()
	if got, err := io.ReadAll(out); err != nil || string(got) != "alive" {
		t.Errorf("the neighbour says %q, %v", got, err)
	}
	if err := neighbour.Wait(); err != nil {
		t.Errorf("the neighbour ended with %v", err)
	}
}

// TestDaemonEnds has a command that ends and leaves a process in another session.
func TestDaemonEnds(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "daemon")
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	if output.String() != "daemon allowed\n" {
		t.Errorf("got %s", output)
	}
	if left := processes(t, spec.Root); len(left) > 0 {
		t.Errorf("processes %v outlived the command", left)
	}
}

// orphanRoot makes the test binary start a sandbox in that folder and wait for it.
const orphanRoot = "SANDBOX_TEST_ROOT"

func orphan(root string) error {
	return sandbox.Run(context.Background(), sandbox.Spec{
		Root: root, UID: 1001, GID: 1000, Dir: "/", Args: []string{"/probe", "fork"}, Network: sandbox.NoNetwork, Stdout: os.Stdout,
		Limits: sandbox.DefaultLimits(),
	})
}

// TestKilledStarter kills the process that started a sandbox, which then has nobody to end it. The end of the pipe
// comes when the last process that has it is gone.
func TestKilledStarter(t *testing.T) {
	t.Parallel()
	spec, _ := world(t)
	if err := run(t, spec); err != nil { // skips where there are no namespaces
		t.Fatal(err)
	}
	starter := exec.CommandContext(t.Context(), "/proc/self/exe")
	starter.Env = append(os.Environ(), orphanRoot+"="+spec.Root)
	var stderr bytes.Buffer
	starter.Stderr = &stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	starter.Stdout = w
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); line != "started\n" {
		t.Fatalf("the sandbox says %q, %v, %s", line, err, &stderr)
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait() // it was killed
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("the sandbox says %q, %v", rest, err)
	}
	if left := processes(t, spec.Root); len(left) > 0 {
		t.Errorf("processes %v outlived the one that started the sandbox", left)
	}
	spec.Limits = sandbox.DefaultLimits()
	// Each run sweeps. The kernel may take the last process for one that runs until a moment after its pipes are closed.
	for try := 0; try == 0 || try < 50 && len(emptyCgroups(starter.Process.Pid)) > 0; try++ {
		if err := run(t, spec); err != nil {
			t.Fatal(err)
		}
	}
	leavesNoCgroup(t, starter.Process.Pid)
}

// TestMountPointsAreNoLinks has a root whose mount points lead out of it.
func TestMountPointsAreNoLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"proc", "dev", "sys", "rw", "ro"} {
		for _, up := range []bool{false, true} {
			spec, output := world(t)
			spec.Sysfs = true
			if err := os.Mkdir(filepath.Join(spec.Root, "sys"), 0o755); err != nil {
				t.Fatal(err)
			}
			victim := filepath.Join(filepath.Dir(spec.Root), "victim")
			target := victim
			if up {
				target = "../victim"
			}
			path := filepath.Join(spec.Root, name)
			for _, err := range []error{os.Mkdir(victim, 0o755), os.Remove(path), os.Symlink(target, path)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			err := run(t, spec)
			if err == nil || !strings.Contains(err.Error(), name+" leads out of the root file system") {
				t.Errorf("%s -> %s: got %v, %s", name, target, err, output)
			}
			if entries, err := os.ReadDir(victim); err != nil || len(entries) > 0 {
				t.Errorf("%s -> %s: the folder has %v, %v", name, target, entries, err)
			}
		}
	}
}

// TestHostileApp has a writable folder full of links with the names of mount points.
func TestHostileApp(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "cat", "/rw/etc/shadow")
	for _, name := range []string{"etc", "proc", "dev", "tmp"} {
		if err := os.Symlink("/"+name, filepath.Join(spec.Binds[0].Source, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	if output.String() != "read refused \n" {
		t.Errorf("the command read %s", output)
	}
}
