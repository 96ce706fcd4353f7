package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeccomp runs programs under the profiles that their builds make: nothing that they call is refused. The first build finds layers of
// one without a profile, the last has nothing to do.
func TestSeccomp(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	for name, app := range map[string]struct {
		dir, path, answer string
		args, flags       []string
	}{
		"hello": {dir: filepath.Join("testdata", "go", "hello"), path: "/", answer: "Hello from Strata."},
		"exporter": {
			dir: module(t, "github.com/prometheus/blackbox_exporter@v0.27.0"), flags: []string{"-e", "BP_KEEP_FILES=blackbox.yml"},
			path: "/probe?target=localhost:PORT&module=tcp_connect", args: []string{"--", "--web.listen-address=:PORT"}, answer: "probe_success",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tag := image(t)
			build(t, app.dir, tag, app.flags...)
			if got := strata(t, "run", "--seccomp", tag, "--ask", "/"); got.status == 0 || !strings.Contains(got.stderr, "has no seccomp profile") {
				t.Errorf("without a profile: status %d, %s", got.status, got.stderr)
			}
			flags := append(app.flags, "-e", "BP_SECCOMP_PROFILE=true")
			digest := build(t, app.dir, tag, flags...)
			port := freePort(t)
			args := []string{"run", "--seccomp", tag, "--port", port, "--ask", strings.ReplaceAll(app.path, "PORT", port)}
			for _, arg := range app.args {
				args = append(args, strings.ReplaceAll(arg, "PORT", port))
			}
			got := strata(t, args...)
			if got.status != 0 || !strings.Contains(got.stdout, app.answer) || strings.Contains(got.stderr, "refuses") {
				t.Errorf("status %d, %s%s", got.status, got.stdout, got.stderr)
			}
			attached := t.TempDir()
			if got := strata(t, "inspect", tag, "--sbom", attached); got.status != 0 {
				t.Errorf("status %d, %s", got.status, got.stderr)
			}
			holdProfile(t, attached, strata(t, "inspect", tag, "--seccomp", "oci").stdout)
			if again := build(t, app.dir, tag, flags...); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
		})
	}
}

// holdProfile holds what is attached to an image to its profile, which allows what each program calls and no mount.
func holdProfile(t *testing.T, attached, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(attached, "*.seccomp.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("attached are %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil || string(content) != text {
		t.Errorf("attached is %s, %v, and the image has %s", content, err, text)
	}
	var profile struct{ Syscalls []struct{ Names []string } }
	if err := json.Unmarshal(content, &profile); err != nil || len(profile.Syscalls) != 1 {
		t.Fatalf("%s: %v", content, err)
	}
	if names := strings.Join(profile.Syscalls[0].Names, " "); !strings.Contains(names, "execve") || strings.Contains(names, "mount") {
		t.Errorf("allowed are %s", names)
	}
}
