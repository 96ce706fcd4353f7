package fleet

import (
	"archive/tar"
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// layer is a tar file of some files: pairs of a path and a content.
func layer(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestMerge puts layers on each other: with a part for each package, and with dpkg's one file that the upper layer writes again.
func TestMerge(t *testing.T) {
	t.Parallel()
	const a1, a2 = "Package: aa\nVersion: 1\n\n", "Package: aa\nVersion: 2\n\n"
	const b1, c1 = "Package: bb\nVersion: 1\n\n", "Package: cc\nVersion: 1\n\n"
	for name, test := range map[string]struct {
		layers []map[string]string
		want   map[string][2]any // version and layer
	}{
		"parts": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1, "var/lib/dpkg/status.d/aa.md5sums": c1}, {"./var/lib/dpkg/status.d/bb": b1}},
			map[string][2]any{"aa": {"1", 0}, "bb": {"1", 1}},
		},
		"a part again": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1}, {"/var/lib/dpkg/status.d/aa": a2}},
			map[string][2]any{"aa": {"2", 1}},
		},
		"one file": {
			[]map[string]string{{"var/lib/dpkg/status": a1 + b1 + c1}, {"var/lib/dpkg/status": a2 + b1}},
			map[string][2]any{"aa": {"2", 1}, "bb": {"1", 0}},
		},
		"none": {[]map[string]string{{"etc/passwd": "x"}, {"status": a1}}, map[string][2]any{}},
	} {
		s, byName := &stand{}, map[string]owned{}
		for i, files := range test.layers {
			var flat []string
			for path, content := range files {
				flat = append(flat, path, content)
			}
			c, err := readContents(tar.NewReader(bytes.NewReader(layer(t, flat...))))
			if err != nil {
				t.Fatal(err)
			}
			s.merge(c, i, byName)
		}
		got := map[string][2]any{}
		for name, p := range byName {
			got[name] = [2]any{p.Version, p.layer}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{
		"ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME='trixie'\n": {"trixie", "13", ""},
		"ID=ubuntu\nVERSION_CODENAME=jammy\nVERSION_ID=\"22.04\"":   {"jammy", "22.04", "ubuntu"},
		"no line": {"", "", ""},
	} {
		var c contents
		c.describe(strings.NewReader(text))
		if got := [3]string{c.codename, c.release, c.foreign}; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzContents reads layers that others made: what is found has the form of a name and a version.
func FuzzContents(f *testing.F) {
	f.Add(layer(f, "var/lib/dpkg/status", "Package: aa\nVersion: 1\nSource: x (2)\n", "usr/lib/os-release", "ID=debian\n"))
	f.Add(layer(f, "../var/lib/dpkg/status.d/x", "Package: <b>\nVersion: 1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := readContents(tar.NewReader(bytes.NewReader(content)))
		if err != nil {
			return
		}
		for _, p := range c.packages {
			if strings.ContainsAny(p.Name+p.Version, "<>\"'& \n") || p.Name == "" || p.Version == "" || p.Source == "" {
				t.Errorf("got %+v", p)
			}
		}
	})
}

// TestEnded compares the last days of Node.js with those that its buildpack's lock has.
func TestEnded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../buildpacks/node/lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct{ Ended map[string]map[string]string }
	if _, err := toml.Decode(string(text), &lock); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lock.Ended["node"], lines()["Node.js"]); diff != "" {
		t.Errorf("write into ended.toml what the lock has (-lock +ended.toml):\n%s", diff)
	}
	for version, want := range map[string]string{"3.9.2": "2025-10-31", "3.9": "2025-10-31", "3.90.1": "", "2.7.18": "2020-01-01", "": ""} {
		if got := language("Python", version).Ended; got != want {
			t.Errorf("Python %s: got %q, want %q", version, got, want)
		}
	}
}
