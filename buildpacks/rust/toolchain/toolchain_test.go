package toolchain

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestDebian has both versions for both architectures, each with what it is linked against, the standard library of what it compiles for
// and a folder of its own.
func TestDebian(t *testing.T) {
	t.Parallel()
	folders := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		all, err := Debian(arch)
		if err != nil || len(all) != 2 {
			t.Fatalf("%s has %d, %v", arch, len(all), err)
		}
		for i, llvm := range []string{"libllvm22", "libllvm19"} {
			names := map[string]bool{}
			standard := ""
			for _, one := range all[i].packages {
				names[one.Name] = true
				if strings.HasPrefix(one.Name, "libstd-rust") && strings.HasSuffix(one.Name, "-dev") {
					standard += one.Purl
				}
			}
			if n := strings.Count(standard, "?arch="); !strings.Contains(standard, "?arch="+arch) || (n == 2) != (arch != runtime.GOARCH) {
				t.Errorf("for %s there is %s", arch, standard)
			}
			if !names[llvm] || !names["libgit2-1.9"] || !names["libz3-4"] || names["gcc"] || names["libc6-dev"] {
				t.Errorf("Rust %s of %s has %v", all[i].Version, arch, names)
			}
			if folders[all[i].Folder()] {
				t.Errorf("two are in %s", all[i].Folder())
			}
			folders[all[i].Folder()] = true
			if named, err := Named(arch, all[i].Folder()); err != nil || named.Version != all[i].Version {
				t.Errorf("%s is %s, %v", all[i].Folder(), named.Version, err)
			}
		}
	}
	if all, err := Debian("riscv64"); len(all) > 0 || err != nil {
		t.Errorf("an architecture that is not locked has %v, %v", all, err)
	}
	_, err := Named("amd64", "rust-1.2.3")
	kittest.Fault(t, err)
}

// TestPrograms has the scripts that find the libraries of cargo and rustc.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writePrograms(dir, "/cache/tools/rust-1", "x86_64-linux-gnu"); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(dir, "bin/cargo"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "cargo.txt", string(script))
	for name, want := range map[string]bool{
		"usr/bin/cargo": true, "usr/bin/rustdoc": false, "usr/lib/x86_64-linux-gnu/libLLVM.so.22": true, "usr/share/doc/cargo/copyright": false,
	} {
		if wanted(name) != want {
			t.Errorf("%s is wanted: %v", name, !want)
		}
	}
}

// component returns the archive of a component.
func component(t *testing.T, name string, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for path, content := range files {
		path = name + "-1.84.1/" + name + "/" + path
		err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sign returns the signature of a manifest.
func sign(t *testing.T, key *openpgp.Entity, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, key, strings.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestChannel takes a release from a server that names another one in its manifest, and nothing that is not signed or is another file.
func TestChannel(t *testing.T) {
	t.Parallel()
	key, err := openpgp.NewEntity("Releases", "", "releases@example.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openpgp.NewEntity("Others", "", "others@example.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, found := served[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}))
	t.Cleanup(server.Close)
	manifest := ""
	for name, files := range map[string]map[string]string{
		"rustc": {"bin/rustc": "#!rustc", "bin/rust-gdb": "", "lib/librustc.so": "r", "share/doc/x": ""},
		"cargo": {"bin/cargo": "#!cargo"}, "rust-std": {"lib/rustlib/" + Triples["amd64"] + "/lib/libstd.rlib": "s"},
	} {
		archive := component(t, name, files)
		path := "/dist/2025-01-30/" + name + ".tar.xz"
		served[path] = string(archive)
		manifest += fmt.Sprintf("[pkg.%s.target.%s]\navailable = true\nxz_url = \"https://releases.example.test%s\"\nxz_hash = \"%x\"\n",
			name, Triples["amd64"], path, sha256.Sum256(archive))
	}
	serve := func(path, date, version string) {
		text := fmt.Sprintf("date = %q\n[pkg.rust]\nversion = \"%s (0123abcd 2025-01-01)\"\n%s", date, version, manifest)
		served["/dist/"+path], served["/dist/"+path+".asc"] = text, sign(t, key, text)
	}
	serve("channel-rust-1.84.1.toml", "2025-01-30", "1.84.1")
	serve("channel-rust-1.84.3.toml", "2025-01-30", "1.84.1")
	serve("2026-01-31/channel-rust-nightly.toml", "2026-01-31", "1.95.0-nightly")
	serve("2026-02-01/channel-rust-nightly.toml", "2026-01-31", "1.95.0-nightly")
	serve("2026-01-31/channel-rust-beta.toml", "2026-01-31", "1.95.0-nightly")
	fill := func(arch, channel string, s Server) (string, error) {
		dir := t.TempDir()
		r := Channel(arch, channel, s)
		return dir, r.Tool(nil, "").Fill(t.Context(), fetch.New(t.TempDir()), dir)
	}
	ours := Server{Address: server.URL, Keys: openpgp.EntityList{key}}
	for _, channel := range []string{"1.84.1", "nightly-2026-01-31"} {
		dir, err := fill("amd64", channel, ours)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"bin/rustc": "#!rustc", "bin/cargo": "#!cargo", "lib/librustc.so": "r", "lib/rustlib/" + Triples["amd64"] + "/lib/libstd.rlib": "s",
		}
		got := kittest.Files(t, dir)
		for path, content := range want {
			if got[path] != content || len(got) != len(want) {
				t.Errorf("%s of %v is %q, want %q", path, got, got[path], content)
			}
		}
	}
	foreign := component(t, "rust-std", map[string]string{"lib/rustlib/" + Triples["arm64"] + "/lib/libstd.rlib": "f"})
	served["/dist/2025-01-30/rust-std-arm64.tar.xz"] = string(foreign)
	manifest += fmt.Sprintf("[pkg.rust-std.target.%s]\navailable = true\nxz_url = \"https://r.example.test/dist/%s\"\nxz_hash = \"%x\"\n",
		Triples["arm64"], "2025-01-30/rust-std-arm64.tar.xz", sha256.Sum256(foreign))
	serve("channel-rust-1.84.5.toml", "2025-01-30", "1.84.5")
	dir, err := fill("arm64", "1.84.5", ours)
	if err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string]string{"amd64": "s", "arm64": "f"} {
		if got := kittest.Files(t, dir)["lib/rustlib/"+Triples[arch]+"/lib/libstd.rlib"]; got != want {
			t.Errorf("the standard library for %s is %q, want %q", arch, got, want)
		}
	}
	refused := func(name, arch, channel string, s Server) {
		t.Helper()
		_, err := fill(arch, channel, s)
		if f, ok := errors.AsType[fault.Fault](err); !ok {
			t.Errorf("%s: %v is no fault", name, err)
		} else {
			f.What, f.Do = strings.ReplaceAll(f.What, server.URL, "<server>"), strings.ReplaceAll(f.Do, server.URL, "<server>")
			kittest.Golden(t, "fault-"+name+".txt", strings.ReplaceAll(f.Error(), strings.TrimPrefix(server.URL, "http://"), "<host>")+"\n")
		}
	}
	refused("address", "amd64", "1.84.1", Server{Address: "rust.example.test"})
	refused("architecture", "arm64", "1.84.1", ours)
	refused("gone", "amd64", "1.84.2", ours)
	refused("another-release", "amd64", "1.84.3", ours)
	refused("another-day", "amd64", "nightly-2026-02-01", ours)
	refused("another-channel", "amd64", "beta-2026-01-31", ours)
	refused("another-key", "amd64", "1.84.1", Server{Address: server.URL, Keys: openpgp.EntityList{other}})
	refused("rust-key", "amd64", "1.84.1", Server{Address: server.URL}) // it is not signed by that of Rust's releases
	served["/dist/2025-01-30/cargo.tar.xz"] += "x"
	_, err = fill("amd64", "1.84.1", ours)
	if mismatch := new(fetch.Mismatch); !errors.As(err, &mismatch) {
		t.Errorf("another archive: %v", err)
	}
	served["/dist/channel-rust-1.84.1.toml"] += "\n"
	refused("another-manifest", "amd64", "1.84.1", ours)
}

// TestExact has the channels that always mean the same release.
func TestExact(t *testing.T) {
	t.Parallel()
	for channel, want := range map[string]bool{
		"1.84.1": true, "nightly-2026-01-31": true, "beta-2026-01-31": true, "1.84": false, "nightly": false, "stable": false,
		"../1.84.1": false, "1.84.1/..": false, "nightly-2026-01-31\n": false,
	} {
		if Exact(channel) != want {
			t.Errorf("%q is exact: %v", channel, !want)
		}
	}
}
