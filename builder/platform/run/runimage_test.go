package run_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// TestMain starts the test binary as the first process of a sandbox.
func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// unpackRunImages makes run images from their locks and returns the folder with the file system of each.
func unpackRunImages(t *testing.T, names ...string) map[string]string {
	t.Helper()
	if testing.Short() {
		t.Skip("it downloads up to 40 MB: run without -short")
	}
	images, err := assemble.Build(t.Context(), assemble.Options{
		Dir: "../../../stacks/images", Names: names, Archs: []string{runtime.GOARCH}, Cache: t.TempDir(),
	})
	var f fault.Fault
	if errors.As(err, &f) && slices.Contains([]string{"mirror-missing", "fetch-offline", "lock-drift"}, f.ID) {
		t.Skipf("no mirror of Debian can give the images: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	roots := map[string]string{}
	for _, image := range images {
		root := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unpack.Image(image.Image, root, nil, unpack.Limit{}); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"dev", "proc"} {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		// Folders of the test itself are closed to the user inside.
		for dir := filepath.Dir(root); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		roots[image.Name] = root
	}
	return roots
}

// inside runs a program of a file system as a uid that nobody knows, in group 0 as OpenShift does, with no capability.
func inside(t *testing.T, root string, writable bool, env []string, args ...string) string {
	t.Helper()
	var output bytes.Buffer
	err := sandbox.Run(t.Context(), sandbox.Spec{
		Root: root, RootWritable: writable, UID: 1000940000, GID: 0, Dir: "/home/nonroot",
		Env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/home/nonroot"}, env...), Args: args,
		Network: sandbox.NoNetwork, Stdout: &output, Stderr: &output,
	})
	if err != nil && strings.Contains(err.Error(), "does not allow user namespaces") {
		t.Skip("user namespaces are refused here: ", err)
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &output)
	}
	return output.String()
}

// TestExpectations starts a program in static, which is below all other images, once with a read-only root.
func TestExpectations(t *testing.T) {
	t.Parallel()
	root := unpackRunImages(t, "static")["static"]
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(root, "expects"), "./testdata/expects")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, writable := range []bool{false, true} {
		yes := strconv.FormatBool(writable)
		// Whoever is not root has unpacked everything as files of its own.
		mine := strconv.FormatBool(writable && os.Getuid() != 0)
		want := strings.Join([]string{
			"ids 1000940000 0", "certificates true", "zone Europe/Berlin true", "zone US/Pacific true", "zone Europe/Kiev true",
			"user root true", "user nonroot true", "user nobody true", "service 5432 true",
			"write / " + mine, "write /etc " + mine, "write /tmp " + yes, "write /var/tmp " + yes, "write /home/nonroot " + yes,
		}, "\n") + "\n"
		if diff := cmp.Diff(want, inside(t, root, writable, nil, "/expects")); diff != "" {
			t.Errorf("writable %v:\n%s", writable, diff)
		}
	}
}

// TestLoaderCache has Debian's own loader say where it finds a library.
func TestLoaderCache(t *testing.T) {
	t.Parallel()
	root := unpackRunImages(t, "glibc")["glibc"]
	loaders, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu/ld-linux-*.so.*"))
	if err != nil || len(loaders) != 1 {
		t.Fatalf("loaders: %v, %v", loaders, err)
	}
	loader := strings.TrimPrefix(loaders[0], root)
	output := inside(t, root, false, []string{"LD_DEBUG=libs"}, loader, "--list", filepath.Join(filepath.Dir(loader), "libssl.so.3"))
	from := strings.TrimPrefix(filepath.Dir(loader), "/usr")
	for _, lib := range []string{"libcrypto.so.3", "libc.so.6", "libz.so.1", "libzstd.so.1"} {
		var lines []string
		for line := range strings.Lines(output) {
			_, line, _ = strings.Cut(line, ":")
			lines = append(lines, strings.TrimSpace(line))
		}
		want := []string{"find library=" + lib + " [0]; searching", "search cache=/etc/ld.so.cache", "trying file=" + from + "/" + lib}
		if i := slices.Index(lines, want[0]); i < 0 || !slices.Equal(lines[i:i+3], want) {
			t.Errorf("the loader did not find %s in the cache at once:\n%s", lib, output)
		}
	}
}

// TestDebugTools starts every tool on every base, as a person would in a shell.
func TestDebugTools(t *testing.T) {
	t.Parallel()
	roots := unpackRunImages(t, "static-debug", "glibc-debug", "musl-debug")
	for name, root := range roots {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output := inside(t, root, false, nil, "/bin/bash", "-e", "-c", `
for tool in "strace -V" "gdbserver --version" "curl --version" "ip -V" "ss -V" "ping -V"; do $tool >/dev/null 2>&1; echo "$tool"; done
echo applet | sh -c 'grep applet | wc -l | tr -d " "'
getent passwd nonroot | cut -d: -f1
strace -c -o /dev/null true; echo traced
for applet in $(find -L /usr/bin -samefile /usr/bin/busybox ! -name busybox -exec basename {} \;); do
	busybox --list | grep -qxF -e "$applet" || echo "no applet $applet"
done
`)
			want := "strace -V\ngdbserver --version\ncurl --version\nip -V\nss -V\nping -V\n1\nnonroot\ntraced\n"
			if diff := cmp.Diff(want, output); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMuslProgram links a program with the libc of the image and starts it there.
func TestMuslProgram(t *testing.T) {
	t.Parallel()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc: install gcc")
	}
	root := unpackRunImages(t, "musl")["musl"]
	libc, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-musl/libc.so"))
	if err != nil || len(libc) != 1 {
		t.Fatalf("libc: %v, %v", libc, err)
	}
	loaders, err := filepath.Glob(filepath.Join(root, "usr/lib/ld-musl-*.so.1"))
	if err != nil || len(loaders) != 1 {
		t.Fatalf("loaders: %v, %v", loaders, err)
	}
	source := filepath.Join(t.TempDir(), "main.c")
	const program = "int puts(const char *); void exit(int); void start(void) { puts(\"hello from musl\"); exit(0); }\n" +
		"__asm__(\".globl _start\\n_start:\\n\" CALL);\n"
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	call := map[string]string{"amd64": "and $-16,%rsp; call start", "arm64": "bl start"}[runtime.GOARCH]
	link := exec.CommandContext(t.Context(), gcc, "-DCALL=\""+call+"\"", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie",
		"-o", filepath.Join(root, "program"), source,
		"-L"+filepath.Dir(libc[0]), "-l:libc.so",
		"-Wl,--dynamic-linker=/lib/"+filepath.Base(loaders[0]))
	if output, err := link.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if got := inside(t, root, false, nil, "/program"); got != "hello from musl\n" {
		t.Errorf("got %q", got)
	}
}

// TestLocale has a program of this machine's compiler use the locale that has no language but UTF-8: glibc looks for
// it in files.
func TestLocale(t *testing.T) {
	t.Parallel()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc: install gcc")
	}
	root := unpackRunImages(t, "glibc")["glibc"]
	build := exec.CommandContext(t.Context(), gcc, "-o", filepath.Join(root, "program"), "testdata/locale.c")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, env := range []string{"LC_ALL=C.UTF-8", "LANG=C.utf8"} {
		want := "UTF-8, 2 characters, upper case\n"
		if got := inside(t, root, false, []string{env}, "/program"); got != want {
			t.Errorf("with %s: got %q, want %q", env, got, want)
		}
	}
}
