package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRustBuild builds each sample and asks it, builds it again, and changes it.
func TestRustBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	for _, tt := range []struct {
		who         who
		app, answer string
		file        string // in which the answer begins with another word after a change
		processes   []string
		purls       []string
	}{
		{
			who: everyUser, app: "workspace", answer: "Hello from the workspace.", file: "crates/api/src/main.rs",
			processes: []string{"admin", "server", "web*", "worker"}, purls: []string{"pkg:generic/rust@1."},
		},
		{
			who: nightly, app: "axum", answer: "Hello from axum.", file: "src/main.rs", processes: []string{"hello", "web*"},
			purls: []string{"pkg:cargo/axum@0.8.", "pkg:cargo/tokio@1."},
		},
	} {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			app := filepath.Join(t.TempDir(), tt.app)
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", "rust", tt.app))); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name)
			if body := strings.TrimSpace(ask(t, name, "/")); body != tt.answer {
				t.Errorf("it answers %q, want %q", body, tt.answer)
			}
			first := inspect(t, digest)
			if diff := cmp.Diff(tt.processes, first.processes(t)); diff != "" {
				t.Errorf("processes (-want +got):\n%s", diff)
			}
			all := first.purls(t)
			for _, prefix := range tt.purls {
				if !slices.ContainsFunc(all, func(purl string) bool { return strings.HasPrefix(purl, prefix) }) {
					t.Errorf("the SBOM has no %s: %v", prefix, all)
				}
			}
			if files := first.files(t); strings.Contains(files, "Cargo.toml") || strings.Contains(files, ".rs\n") {
				t.Error("the image has source")
			}
			if again := build(t, app, name); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			edit(t, app, tt.file, "Hello", "Goodbye")
			build(t, app, name)
			if body, want := strings.TrimSpace(ask(t, name, "/")), strings.Replace(tt.answer, "Hello", "Goodbye", 1); body != want {
				t.Errorf("after the change it answers %q, want %q", body, want)
			}
			edit(t, app, tt.file, "Goodbye", "Hello")
			if again := build(t, app, name); again != digest {
				t.Errorf("with the source of the first build the digest is %s instead of %s", again, digest)
			}
		})
	}
}

// TestRustForeign builds programs with crates that have C code: bundled, and linked with Debian's libraries.
func TestRustForeign(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	const serve = `
fn main() {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".into());
    let listener = std::net::TcpListener::bind(format!("0.0.0.0:{port}")).unwrap();
    for stream in listener.incoming() {
        use std::io::{Read, Write};
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let text = answer();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    }
}
`
	for _, one := range []foreign{
		{name: "rusqlite", path: "/", want: "SQLite 3.", files: map[string]string{"Cargo.toml": cargoManifest("rusqlite", "0.32.1", `"bundled"`),
			"src/main.rs": "fn answer() -> String { format!(\"SQLite {}\", rusqlite::version()) }\n" + serve}},
		{name: "openssl", path: "/", want: "OpenSSL 3.", files: map[string]string{"Cargo.toml": cargoManifest("openssl", "0.10.73", ""),
			"src/main.rs": "fn answer() -> String { openssl::version::version().into() }\n" + serve}},
	} {
		t.Run(one.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "app")
			kittest.Write(t, dir, one.files)
			generateLockfile(t, dir)
			one.check(t, dir)
		})
	}
}

// cargoManifest returns the Cargo.toml of a program with one crate.
func cargoManifest(crate, version, features string) string {
	return "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n" +
		crate + " = { version = \"=" + version + "\", features = [" + features + "] }\n"
}

// generateLockfile makes Cargo.lock with the cargo of this machine.
func generateLockfile(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("needs cargo, which makes the lockfile: install the package cargo")
	}
	cmd := exec.CommandContext(t.Context(), "cargo", "generate-lockfile")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
