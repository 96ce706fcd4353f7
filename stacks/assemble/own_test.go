package assemble

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const (
	trustStack = `image = "strata/trust:13"
description = "trust"
base = "low"
[[layer]]
  name = "trust"
  comment = "Trust"
  java-store = "/etc/ssl/certs/java/cacerts"
`
	ownStack = `image = "own/run:13"
description = "own"
base = "trust"
user = "7:7"
[[layer]]
  name = "own"
  comment = "Own: the tool"
  packages = ["tool"]
  dependencies = true
  omit = ["debconf"]
  certificates = ["ca.pem"]
  [[layer.text]]
    path = "/etc/passwd"
    append = true
    text = "own:x:7:7::/:\n"
  [[layer.applets]]
    program = "/usr/bin/tool"
    names = ["hammer", "["]
[[layer]]
  use = "shared"
`
)

// own publishes the packages, locks the stacks of a suite and returns options for a folder of stacks on top.
func own(t *testing.T) (*debtest.Archive, Options) {
	t.Helper()
	a, o := setup(t)
	ca, err := os.ReadFile("../example/acme/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	edit("low/stack.toml", `path = "/etc/bundle"`, `path = "/etc/ssl/certs/ca-certificates.crt"`)(t, nil, &o)
	// The bundle of the suite is one certificate.
	packages := debs()
	packages[1].Files = map[string]string{"/usr/share/certs/a.crt": string(ca), "/etc/certs.conf": "conf\n"}
	a.Publish(t, debtest.Born, packages...)
	const shared = "name = \"shared\"\ncomment = \"Shared\"\n[[text]]\n  path = \"/etc/shared\"\n  text = \"shared\\n\"\n"
	kittest.Write(t, o.Dir, map[string]string{"trust/stack.toml": trustStack, "layers/shared.toml": shared})
	o.Names = []string{"trust", "low"}
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Base, o.Dir, o.Names = o.Dir, t.TempDir(), nil
	// A slice of one's own changes nothing below: low has certs.
	kittest.Write(t, o.Dir, map[string]string{
		"own/stack.toml": ownStack, "own/ca.pem": "# a comment\n" + string(ca), "slices/certs.toml": "files = []\n",
	})
	return a, o
}

func TestOwnStack(t *testing.T) {
	t.Parallel()
	_, o := own(t)
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	base := o
	base.Dir, base.Base, base.Names = o.Base, "", []string{"trust"}
	below, err := Build(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(below[0].Layers, images[0].Layers[:2]); diff != "" || len(images[0].Layers) != 4 {
		t.Errorf("it does not begin with the layers of its base:\n%s", diff)
	}
	kittest.Golden(t, "own-contents.txt", readText(t, filepath.Join(o.Dir, "own/contents-amd64.txt")))
	ca := strings.TrimPrefix(readText(t, filepath.Join(o.Dir, "own/ca.pem")), "# a comment\n")
	files := list(t, images[0].Image)
	for _, want := range []string{
		"etc/ssl/certs/ca-certificates.crt " + strings.ReplaceAll(ca+ca, "\n", "⏎") + "\n",
		"etc/passwd root:x:0:0::/root:⏎own:x:7:7::/:⏎\n",
		"etc/ssl/certs/java/cacerts \xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01",
		"etc/shared shared⏎\n",
	} {
		if !strings.Contains(files, want) {
			t.Errorf("%q is not among the files\n%s", want, files)
		}
	}
	config, err := images[0].Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := config.Config.Labels["io.buildpacks.base.distro.name"]
	if got != "strata-low" || config.Config.User != "7:7" || config.Config.WorkingDir != "/" {
		t.Errorf("distro %q, user %q, folder %q", got, config.Config.User, config.Config.WorkingDir)
	}
}

// TestLockOnly locks packages that no image has: those that the stack below lacks.
func TestLockOnly(t *testing.T) {
	t.Parallel()
	_, o := locked(t)
	o.Base, o.Dir, o.Names = o.Dir, t.TempDir(), nil
	kittest.Write(t, o.Dir, map[string]string{"compiler/stack.toml": `base = "high"
lock-only = true
whole = true
[[layer]]
  name = "compiler"
  comment = "Compiler"
  packages = ["tool"]
  omit = ["debconf"]
`})
	want := Due{Files: []string{"compiler/lock-amd64.toml"}, Changes: []Change{{Stack: "compiler", Arch: "amd64", Package: "tool", New: "2"}}}
	due, err := Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	packages, err := deb.ReadLock(readText(t, filepath.Join(o.Dir, "compiler/lock-amd64.toml")))
	if err != nil || len(packages) != 1 || packages[0].Path != "pool/main/t/tool/tool_2_amd64.deb" || packages[0].Archive != deb.Main {
		t.Errorf("packages of the lock are %v, %v", packages, err)
	}
	if due, err = Update(t.Context(), o); err != nil || due.Files != nil {
		t.Errorf("after an update %v are due, %v", due.Files, err)
	}
	if images, err := Build(t.Context(), o); err != nil || len(images) > 0 {
		t.Errorf("it makes %d images, %v", len(images), err)
	}
	_, err = Inspect(t.Context(), o, "compiler")
	kittest.Golden(t, "error-stack-lock-only.txt", fmt.Sprintln(err))
}

// TestLockOnlyNamed locks the packages that are named, without what they need and without slices.
func TestLockOnlyNamed(t *testing.T) {
	t.Parallel()
	_, o := locked(t)
	o.Base, o.Dir, o.Names = o.Dir, t.TempDir(), nil
	kittest.Write(t, o.Dir, map[string]string{"cross/stack.toml": `codename = "trixie"
version = "13"
lock-only = true
[[layer]]
  name = "programs"
  comment = "Compiler"
  packages = ["tool"]
`})
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	packages, err := deb.ReadLock(readText(t, filepath.Join(o.Dir, "cross/lock-amd64.toml")))
	if err != nil || len(packages) != 1 || packages[0].Name != "tool" || packages[0].Layer != "programs" {
		t.Errorf("packages of the lock are %v, %v", packages, err)
	}
}

// TestMirrorVariables has what a builder tells builds of a machine.
func TestMirrorVariables(t *testing.T) {
	t.Parallel()
	etc := t.TempDir()
	kittest.Write(t, etc, map[string]string{
		"sources.list": "deb http://a.example.test/debian trixie main\ndeb http://ann:secret@b.example.test/debian trixie main\n",
	})
	env := map[string]string{"STRATA_DEBIAN_SNAPSHOT_MIRROR": "http://ann:secret@old.example.test http://old.example.test"}
	got, err := MirrorVariables(func(name string) string { return env[name] }, etc)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"STRATA_DEBIAN_MIRROR": "http://a.example.test/debian", "STRATA_DEBIAN_SNAPSHOT_MIRROR": "http://old.example.test",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOwnStackErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		after func(*testing.T, *debtest.Archive, *Options)
	}{
		{"certificate-missing", edit("own/stack.toml", "ca.pem", "none.pem")},
		{"certificate-invalid", edit("own/ca.pem", "BEGIN CERTIFICATE", "BEGIN TEXT")},
		{"file-not-below", edit("own/stack.toml", "/etc/passwd", "/etc/password")},
		{"applets-program", edit("own/stack.toml", "/usr/bin/tool", "/usr/bin/tools")},
		{"own-base-unknown", edit("own/stack.toml", `base = "trust"`, `base = "none"`)},
		{"package-below", func(t *testing.T, a *debtest.Archive, o *Options) {
			t.Helper()
			packages := debs()
			packages[3].Depends = "certs (>= 2)"
			a.Publish(t, debtest.Born, packages...)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, o := own(t)
			test.after(t, a, &o)
			_, err := Update(t.Context(), o)
			var f fault.Fault
			if !errors.As(err, &f) {
				t.Fatalf("got %v, want a fault", err)
			}
			line := strings.ReplaceAll(strings.ReplaceAll(err.Error(), o.Dir, "DIR"), o.Base, "BASE")
			kittest.Golden(t, "error-"+test.name+".txt", f.ID+": "+line+"\n")
			if left, _ := filepath.Glob(filepath.Join(o.Dir, "own", "*-amd64*")); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	_, o := own(t)
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	found, err := Inspect(t.Context(), o, "own")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := PrintSlices(&b, found); err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "inspect.txt", b.String())
}
