package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
)

// TestForeign has headers and libraries of another architecture, and programs of this machine: those that tell a compiler where things are
// tell where those of the other architecture are.
func TestForeign(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	var all []debtest.Deb
	for _, arch := range []string{"amd64", "arm64"} {
		for _, d := range debs() {
			d.Arch = arch
			files := map[string]string{}
			for name, content := range d.Files {
				files[strings.ReplaceAll(name, deb.Triplets["amd64"], deb.Triplets[arch])] = content
			}
			if d.Name == "perl-base" { // a script stands for it
				files["/usr/bin/perl"] = "#!/bin/sh\necho -I/usr/include/" + arch + " $PERL5LIB $1\n"
			}
			d.Files = files
			all = append(all, d)
		}
	}
	a.Publish(t, debtest.Born, all...)
	s, _ := source(t, a)
	s.In.Target.Arch = other
	p, err := s.choose(t.Context(), []string{"libpq-dev"})
	if err != nil {
		t.Fatal(err)
	}
	root, err := p.Install(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root.Dir, "bin"))
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{"helper", "perl", "pg_config", "pkg-config", "pkgconf", "pq-config"}; !slices.Equal(names, want) || err != nil {
		t.Errorf("programs are %v, %v", names, err)
	}
	text, err := os.ReadFile(filepath.Join(root.Dir, "usr/bin/pkg-config"))
	if !strings.Contains(string(text), root.here.Dir+"/bin/pkg-config") {
		t.Errorf("builders that look beside libraries find %q, %v", text, err)
	}
	here, there := deb.Triplets[runtime.GOARCH], deb.Triplets[other]
	env := root.In(config.Environment{"PATH": os.Getenv("PATH")})
	for variable, want := range map[string]string{
		"LIBRARY_PATH": filepath.Join(root.Dir, "usr/lib", there), "LD_LIBRARY_PATH": filepath.Join(root.here.Dir, "usr/lib", here),
		"PKG_CONFIG_PATH": filepath.Join(root.Dir, "usr/lib", there, "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": root.Dir,
		"HOST_PKG_CONFIG_PATH": filepath.Join(root.here.Dir, "usr/lib", here, "pkgconfig"), "HOST_PKG_CONFIG_SYSROOT_DIR": root.here.Dir,
	} {
		if first, _, _ := strings.Cut(env[variable], ":"); first != want {
			t.Errorf("%s is %s, want %s first", variable, env[variable], want)
		}
	}
	own := filepath.Join(root.here.Dir, "usr/lib", here)
	if !slices.Contains(strings.Split(env["LIBRARY_PATH"], ":"), own) {
		t.Errorf("what is compiled for this machine finds no libraries: %s", env["LIBRARY_PATH"])
	}
	if err := os.Chmod(filepath.Join(root.here.Dir, "usr/bin/perl"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root.Dir, "bin/pg_config"))
	out, err := cmd.CombinedOutput()
	want := "-I" + root.Dir + "/usr/include/" + runtime.GOARCH + " " + filepath.Join(root.here.Dir, "usr/lib", here, "perl-base") + " " +
		filepath.Join(root.Dir, "usr/bin/pg_config") + "\n"
	if string(out) != want || err != nil {
		t.Errorf("pg_config says %q (%v), want %q", out, err, want)
	}
	machine := s // of a buildpack that takes packages for this machine alone
	machine.In = s.In.Here()
	if _, err := machine.choose(t.Context(), []string{"libpq-dev"}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root.Dir, root.here.Dir, filepath.Join(s.Dir, other, "chosen.json")} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("another buildpack has removed it: %v", err)
		}
	}
	if k := p.Key(); k == p.digest() || k == p.here.digest() {
		t.Errorf("the key %s is that of one architecture", k)
	}
}
