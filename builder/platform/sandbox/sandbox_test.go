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
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
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

// TestInMemory has folders in memory: one in a folder that is bound read-only, one in a folder of the root.
func TestInMemory(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "folder", "/ro/env", "/memory")
	for _, dir := range []string{filepath.Join(spec.Binds[1].Source, "env"), filepath.Join(spec.Root, "memory")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec.InMemory = []sandbox.Folder{
		{Target: "/ro/env", Files: []sandbox.File{{Path: "TOKEN", Content: []byte("secret")}, {Path: "EMPTY"}}},
		{Target: "/memory", Files: []sandbox.File{
			{Path: "a/key", Content: []byte("secret")}, {Path: "a/link", Link: "key"},
			{Path: "run", Content: []byte("#!/probe"), Executable: true},
		}},
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	want := strings.Join([]string{
		"/ro/env/EMPTY -rw-r--r-- ", "/ro/env/TOKEN -rw-r--r-- secret", "write /ro/env refused",
		"/memory/a/key -rw-r--r-- secret", "/memory/a/link Lrwxrwxrwx secret", "/memory/run -rwxr-xr-x #!/probe", "write /memory refused",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, output.String()); diff != "" {
		t.Errorf("what the command sees (-want +got):\n%s", diff)
	}
	if left := kittest.Tree(t, filepath.Dir(spec.Root)); strings.Contains(fmt.Sprint(left), "secret") {
		t.Errorf("the disk has %v", left)
	}
}

// TestInMemoryStaysInside has links that lead out of the folder.
func TestInMemoryStaysInside(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "folder", "/ro")
	spec.Binds = spec.Binds[:1]
	files := []sandbox.File{{Path: "up", Link: "../rw"}, {Path: "up/new", Content: []byte("x")}}
	spec.InMemory = []sandbox.Folder{{Target: "/ro", Files: files}}
	if err := run(t, spec); err == nil || !strings.Contains(err.Error(), "writing to /ro") {
		t.Errorf("got %v, %s", err, output)
	}
	if entries, err := os.ReadDir(spec.Binds[0].Source); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestLongVariables passes more than a message over a socket has, and more than a program gets.
func TestLongVariables(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "exit")
	for i := range 10 {
		spec.Env = append(spec.Env, fmt.Sprint("LONG", i, "=", strings.Repeat("x", 100_000)))
	}
	if err := run(t, spec); !errors.As(err, new(*exec.ExitError)) {
		t.Error(err, output)
	}
	spec.Env = append(spec.Env, "LONGEST="+strings.Repeat("x", 200_000))
	if err := run(t, spec); err == nil || !strings.Contains(err.Error(), "longer than Linux passes") {
		t.Errorf("got %v", err)
	}
}
