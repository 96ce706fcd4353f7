package seccomp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	profile "github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
	"github.com/strata-buildpacks/strata/buildpacks/seccomp"
)

func TestMain(m *testing.M) { kittest.Main(m, seccomp.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	for value, code := range map[string]int{"": 100, "false": 100, "true": 0, "maybe": 0} {
		if got := kittest.Detect(t, kittest.Case{Env: config.Environment{profile.Variable: value}}); got.Code != code {
			t.Errorf("%q: exit code %d, want %d", value, got.Code, code)
		}
	}
}

// builder makes a builder with this buildpack and a launcher that does nothing, and returns the buildpack's folder.
func builder(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "buildpacks", "strata_seccomp", "0.1.0")
	for _, one := range []string{dir, filepath.Join(root, "lifecycle")} {
		if err := os.MkdirAll(one, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile("buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack.toml"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	compile(t, "func main() {}", filepath.Join(root, "lifecycle", "launcher"))
	return dir
}

// compile compiles the text of a program, which may use the package syscall.
func compile(t *testing.T, text, program string, flags ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte("package main\n\nimport \"syscall\"\n\nvar _ syscall.Errno\n\n"+text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", program}, flags...), file)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// layers makes the layers of another buildpack, with the text of a program in one of them, and returns the folder of this one's.
func layers(t *testing.T, text string, flags ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "strata_go", "targets", "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	compile(t, text, filepath.Join(root, "strata_go", "targets", "bin", "app"), flags...)
	describe(t, root, "1")
	return filepath.Join(root, "strata_seccomp")
}

// describe writes the metadata of the layer with the program.
func describe(t *testing.T, root, key string) {
	t.Helper()
	text := "[types]\nlaunch = true\n\n[metadata]\nkey = \"" + key + "\"\n"
	if err := os.WriteFile(filepath.Join(root, "strata_go", "targets.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plain hides the paths of a test.
func plain(log, layers string) string {
	return strings.ReplaceAll(log, filepath.Dir(layers), "<all layers>")
}

// TestBuild makes a profile of a program and the launcher, and makes it again when there is nothing of the program to look at.
func TestBuild(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the golden file is of amd64")
	}
	dir := layers(t, "func main() { syscall.Syscall(syscall.SYS_SYNC, 0, 0, 0); syscall.Mount(\"\", \"\", \"\", 0, \"\") }")
	c := kittest.Case{Layers: dir, AppDir: t.TempDir(), Distro: "strata-static", Env: config.Environment{
		profile.Variable: "true", "CNB_BUILDPACK_DIR": builder(t),
	}}
	got := kittest.Build(t, c)
	launch, err := os.ReadFile(filepath.Join(dir, "launch.toml"))
	if err != nil {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	kittest.Golden(t, "build.txt", plain(got.Log(), dir)+"--- launch.toml\n"+string(launch))

	if err := os.RemoveAll(filepath.Join(filepath.Dir(dir), "strata_go", "targets")); err != nil {
		t.Fatal(err)
	}
	again := kittest.Build(t, c)
	if again.Code != 0 || !strings.Contains(again.Log(), "as before") || !strings.Contains(again.Log(), "Layer profile: reused") {
		t.Errorf("with the layer of the previous image: code %d, %s", again.Code, again.Log())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "launch.toml")); err != nil || string(text) != string(launch) {
		t.Errorf("the label is another one (%v): %s", err, text)
	}
	describe(t, filepath.Dir(dir), "2")
	kittest.Golden(t, "reused.txt", plain(kittest.Build(t, c).Log(), dir))
}

// TestRefuses makes no profile of what it cannot follow.
func TestRefuses(t *testing.T) {
	t.Parallel()
	dir := builder(t)
	for name, test := range map[string]struct {
		text  string
		flags []string
		value string
	}{
		"computed":    {text: "func main() { syscall.Syscall(uintptr(len(syscall.Environ())), 0, 0, 0) }"},
		"any-address": {text: "func main() {}", flags: []string{"-buildmode=pie"}},
		"no-name":     {text: "func main() { syscall.Syscall(4000, 0, 0, 0) }"},
		"value":       {text: "func main() {}", value: "maybe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := test.value
			if value == "" {
				value = "true"
			}
			in := layers(t, test.text, test.flags...)
			got := kittest.Build(t, kittest.Case{Layers: in, Distro: "strata-static", Env: config.Environment{
				profile.Variable: value, "CNB_BUILDPACK_DIR": dir,
			}})
			if got.Code != 1 {
				t.Errorf("exit code %d, want 1", got.Code)
			}
			kittest.Golden(t, "refuses-"+name+".txt", plain(got.Stderr, in))
		})
	}
}
