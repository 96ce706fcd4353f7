package integration

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// outcome is what a command printed, and its status.
type outcome struct {
	stdout, stderr string
	status         int
}

// strata runs the command line.
func strata(t *testing.T, args ...string) outcome {
	t.Helper()
	return finish(t, exec.CommandContext(t.Context(), "strata", args...))
}

// finish runs a command that may fail.
func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// build builds an app and returns its image's digest.
func build(t *testing.T, app, image string, flags ...string) string {
	t.Helper()
	got := strata(t, append([]string{"build", app, "-t", image, "-q"}, flags...)...)
	if got.status != 0 {
		t.Fatalf("strata build %s: status %d\n%s%s", app, got.status, got.stdout, got.stderr)
	}
	return digestOf(t, got)
}

// digestOf reads what strata build -q prints.
func digestOf(t *testing.T, o outcome) string {
	t.Helper()
	_, digest, found := strings.Cut(strings.TrimSpace(o.stdout), "@")
	if !found || !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("strata build -q printed %q, want NAME@DIGEST", o.stdout)
	}
	return digest
}

// ask starts an image, asks it for a path and returns the body of the answer. In args, PORT stands for the port that the image gets.
func ask(t *testing.T, image, path string, args ...string) string {
	t.Helper()
	port := freePort(t)
	command := []string{"run", image, "--port", port, "--ask", path}
	for _, arg := range args {
		command = append(command, strings.ReplaceAll(arg, "PORT", port))
	}
	got := strata(t, command...)
	status, body, _ := strings.Cut(got.stdout, "\n")
	if got.status != 0 || !strings.HasPrefix(status, "GET "+path+": 200 ") {
		t.Fatalf("strata %s: status %d\n%s%s", strings.Join(command, " "), got.status, got.stdout, got.stderr)
	}
	return body
}

// Ports of apps count from anywhere, as tests of two users may run at a time.
var (
	firstPort = rand.IntN(20_000)
	ports     atomic.Int32
)

// freePort returns a port for an app. It is below those that the kernel gives to servers and connections of other tests, which could take
// it before the app does (ip(7), ip_local_port_range).
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		free := strconv.Itoa(10_000 + (firstPort+int(ports.Add(1)))%20_000)
		if listener, err := net.Listen("tcp", "127.0.0.1:"+free); err == nil {
			_ = listener.Close() // nobody has connected
			return free
		}
	}
	t.Fatal("no port from 10000 to 29999 is free")
	return ""
}

// sample copies a sample app to a folder of the test. The folder has the sample's name.
func sample(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "go", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces text in one file of an app.
func edit(t *testing.T, app, file, from, to string) {
	t.Helper()
	path := filepath.Join(app, file)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(content, []byte(from), []byte(to))
	if bytes.Equal(changed, content) {
		t.Fatalf("%s has no %q", path, from)
	}
	if err := os.WriteFile(path, changed, 0o644); err != nil {
		t.Fatal(err)
	}
}

// image returns a name that no other test uses.
func image(t *testing.T) string {
	t.Helper()
	clean := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(t.Name()), "-")
	return "integration/" + strings.Trim(clean, "-") + ":latest"
}

// words is what a build printed on stderr, without what differs from run to run: times, downloads, tools that are installed for the
// first time, the patch of versions, folders and addresses.
func words(stderr, app string) string {
	var kept strings.Builder
	stderr = regexp.MustCompile(`(?ms)^Strata [^\n]*\n  Installing .*?^install +[0-9.]+ s\n`).ReplaceAllString(stderr, "")
	volatile := regexp.MustCompile(`^((analyze|detect|restore|build|export) +[0-9.]+ s|waiting for another build, which installs .*|` +
		`Installing Go .*|Go [0-9.]+: .*|(done|failed) in .*)$`)
	for line := range strings.Lines(stderr) {
		if volatile.MatchString(strings.TrimSpace(line)) {
			continue
		}
		line = regexp.MustCompile(`^(Strata .* [0-9]+\.[0-9]+\.)[0-9]+\n`).ReplaceAllString(line, "${1}0\n")
		line = strings.NewReplacer(app, "APP", home(), "HOME").Replace(line)
		kept.WriteString(regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(line, "ADDRESS"))
	}
	return kept.String()
}

// writeApp writes files into a new folder, which is named "words".
func writeApp(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "words")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// output runs an image's default process and returns what it prints.
func output(t *testing.T, image string) string {
	t.Helper()
	got := strata(t, "run", image)
	if got.status != 0 {
		t.Fatalf("strata run: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

// authorities writes a file with the certificates that the machine trusts, and more.
func authorities(t *testing.T, more string) string {
	t.Helper()
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		unavailable(t, "needs the machine's certificates: install ca-certificates")
	}
	return filepath.Join(writeApp(t, map[string]string{"authorities.crt": string(bundle) + more}), "authorities.crt")
}
