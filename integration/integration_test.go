// Package integration uses the product as people do. It compiles the command line and makes the run images, the build image and
// the builder. Then it builds real apps, starts them, and sends them requests.
//
// The product is made once, in a folder that is removed at the end. Verified downloads are shared with the user's own
// (STRATA_CACHE).
package integration

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "strata-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeAll(dir)
	for key, value := range map[string]string{
		"STRATA_HOME": filepath.Join(dir, "home"),
		"PATH":        filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"),
	} {
		if err := os.Setenv(key, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	// A process that a command leaves behind becomes a child of this one, where a test can see it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// home is the product's folder for this run.
func home() string { return os.Getenv("STRATA_HOME") }

// who says whether a test depends on the user who runs it.
type who string

const (
	// anyUser is for what does not depend on the user: languages, stacks, what the command line prints.
	anyUser who = "any user"
	// everyUser is for what the product does differently for root and for an ordinary user, and what may go wrong for one of
	// them only: namespaces, owners and modes of files, signals.
	everyUser who = "every user"
	// nightly is for what takes minutes, and what a test that is faster nearly shows: scripts/test -long runs it, for any user.
	nightly who = "nightly"
)

// variableLong is set for nightly tests: scripts/test -long sets it.
const variableLong = "INTEGRATION_LONG"

// variableShown is the name of the user as whom all tests of the same source have passed already.
const variableShown = "INTEGRATION_SHOWN_AS"

// skipShown skips a test, or a part of one, that has passed as another user and does not depend on the user, or that is nightly.
func skipShown(t *testing.T, w who) {
	t.Helper()
	if w == nightly && os.Getenv(variableLong) == "" {
		t.Skip("takes minutes, and all that do more than half an hour: run scripts/test -long")
	}
	if user := os.Getenv(variableShown); user != "" && w != everyUser {
		t.Skipf("passed as %s, and does not depend on the user", user)
	}
}

// suite makes the product once. It skips the test where it cannot run, or does not need to.
func suite(t *testing.T, w who) {
	t.Helper()
	skipShown(t, w)
	if testing.Short() {
		t.Skip("builds real images, which takes minutes: run without -short")
	}
	if err := namespaces(); err != nil {
		unavailable(t, fmt.Sprintf("needs user namespaces, which this machine refuses (%v): "+
			"allow them with the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone or "+
			"kernel.apparmor_restrict_unprivileged_userns", err))
	}
	if err := network(); err != nil {
		unavailable(t, fmt.Sprintf("needs the module proxy of `go env GOPROXY`: %v", err))
	}
	if err := prepared(); err != nil {
		t.Fatal(err)
	}
}

// unavailable skips a test because the machine lacks something. In continuous integration, that is a failure.
func unavailable(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// needRoot skips a test that an ordinary user cannot run.
func needRoot(t *testing.T, reason string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, " + reason)
	}
}

var namespaces = sync.OnceValue(func() error {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1001, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
	}
	return cmd.Run()
})

// moduleProxy is the first address of GOPROXY.
func moduleProxy() (string, error) {
	proxy, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		return "", err
	}
	first := strings.TrimSpace(strings.FieldsFunc(string(proxy), func(r rune) bool { return r == ',' || r == '|' })[0])
	if !strings.HasPrefix(first, "http") {
		return "", fmt.Errorf("it is %q", first)
	}
	return first, nil
}

var network = sync.OnceValue(func() error {
	first, err := moduleProxy()
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Get(first)
	if err != nil {
		return err
	}
	return response.Body.Close()
})

// prepared makes the product, as scripts/build does before it builds an app.
var prepared = sync.OnceValue(func() error {
	bin := filepath.Join(filepath.Dir(home()), "bin", "strata")
	for _, args := range [][]string{
		{"go", "build", "-trimpath", "-o", bin, "./builder/strata"},
		{bin, "stack", "build", "static", "glibc", "musl", "build"},
		{bin, "builder", "create"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output)
		}
	}
	return nil
})

// removeAll removes a tree with folders that may be read-only, as in Go's module cache.
func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	_ = os.RemoveAll(dir)
}
