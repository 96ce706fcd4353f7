package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// probe is the compiled testdata/probe.
var probe []byte

func TestMain(m *testing.M) {
	sandbox.Init()
	if root := os.Getenv(orphanRoot); root != "" {
		if err := orphan(root); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		panic(string(output))
	}
	if probe, err = os.ReadFile(filepath.Join(dir, "probe")); err != nil {
		panic(err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(m.Run())
}

// world is a root file system with the probe in it and two folders to bind.
func world(t *testing.T, args ...string) (sandbox.Spec, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	for _, folder := range []string{"root/dev", "root/proc", "root/rw", "root/ro", "rw", "ro"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A process that another test starts meanwhile would hold the file open for writing, and the kernel not run it.
	syscall.ForkLock.RLock()
	err := os.WriteFile(filepath.Join(root, "probe"), probe, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		uid, gid := sandbox.HostIDs()
		if err := os.Chown(filepath.Join(dir, "rw"), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	output := &bytes.Buffer{}
	return sandbox.Spec{
		Root: root, UID: 1001, GID: 1000, Dir: "/", Env: []string{"ONLY=this"}, Args: append([]string{"/probe"}, args...),
		Binds: []sandbox.Bind{
			{Source: filepath.Join(dir, "rw"), Target: "/rw", Writable: true},
			{Source: filepath.Join(dir, "ro"), Target: "/ro"},
		},
		Network: sandbox.NoNetwork, Stdout: output, Stderr: output,
	}, output
}

// run skips where the machine has no user namespaces.
func run(t *testing.T, spec sandbox.Spec) error {
	t.Helper()
	err := sandbox.Run(t.Context(), spec)
	if err != nil && strings.Contains(err.Error(), "does not allow user namespaces") {
		t.Skip("user namespaces are refused here: ", err)
	}
	return err
}

func TestWorld(t *testing.T) {
	t.Parallel()
	spec, output := world(t)
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"ids 1001 1000",
		"pid 1",
		"env ONLY=this",
		"hostname strata",
		"dir /",
		"CapPrm: 0000000000000000",
		"CapEff: 0000000000000000",
		"CapAmb: 0000000000000000",
		"NoNewPrivs: 1",
		"root dev probe proc ro rw",
		"write / refused",
		"write /rw allowed",
		"write /ro refused",
		"write /dev/null allowed",
		"interfaces 1",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, output.String()); diff != "" {
		t.Errorf("what the command sees (-want +got):\n%s", diff)
	}
}

func TestNeverTheHostsRoot(t *testing.T) {
	t.Parallel()
	spec, _ := world(t)
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(spec.Binds[0].Source, "new"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := ownerOf(t, info); owner == 0 {
		t.Error("a file written inside belongs to the host's root")
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "get", "http://127.0.0.1:80/")
	spec.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:80")}
	spec.Serve = func(l net.Listener) {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	if output.String() != "200 OK\n" {
		t.Errorf("the command got %q from the host's handler", output)
	}
}

func TestNoNetworkReachesNothing(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	spec, output := world(t, "get", "http://"+listener.Addr().String())
	err = run(t, spec)
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("reached a listener of the host: %v, %s", err, output)
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	spec, _ := world(t, "exit")
	err := run(t, spec)
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("got %v, want the command's status 7", err)
	}
}

// notifier closes started at the first byte that is written.
type notifier struct{ started chan struct{} }

func (n *notifier) Write(p []byte) (int, error) {
	close(n.started)
	return len(p), nil
}

func TestCancelEndsEveryProcess(t *testing.T) {
	t.Parallel()
	spec, _ := world(t, "fork")
	started := &notifier{make(chan struct{})}
	spec.Stdout = started
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sandbox.Run(ctx, spec) }()
	select {
	case <-started.started:
	case err := <-ended:
		t.Skip("user namespaces are refused here: ", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if left := processes(t, spec.Root); len(left) > 0 {
		t.Errorf("processes %v outlived the sandbox", left)
	}
}

// processes lists the processes whose root is that folder.
func processes(t *testing.T, root string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(filepath.Join(root, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		exe, err := os.Stat(filepath.Join("/proc", entry.Name(), "exe"))
		if err == nil && os.SameFile(exe, want) {
			found = append(found, pid)
		}
	}
	return found
}

func TestMissingProgram(t *testing.T) {
	t.Parallel()
	spec, _ := world(t)
	spec.Args = []string{"/absent"}
	err := run(t, spec)
	if err == nil || !strings.Contains(err.Error(), "/absent") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}
