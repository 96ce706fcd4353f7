package kittest

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
)

// Module puts a version of a Go module into the registry, such as "example.test/a" and "v1.0.0". It returns the module's lines
// of go.sum. Where the files have no go.mod, the proxy's answer is a go.mod that names the module and nothing else.
func (r *Registry) Module(t *testing.T, name, version string, files map[string]string) (sums string) {
	t.Helper()
	mod, ok := files["go.mod"]
	if !ok {
		mod = "module " + name + "\n"
	}
	inside := map[string]string{}
	for file, content := range files {
		inside[name+"@"+version+"/"+file] = content
	}
	escaped, err := module.EscapePath(name)
	if err != nil {
		t.Fatal(err)
	}
	base := "/go/" + escaped + "/@v/" + version
	sums = name + " " + version + " " + hash1(t, inside) + "\n" +
		name + " " + version + "/go.mod " + hash1(t, map[string]string{"go.mod": mod}) + "\n"
	archive := zipped(t, inside)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[base+".info"] = `{"Version": "` + version + `"}`
	r.files[base+".mod"] = mod
	r.files[base+".zip"] = archive
	r.sums[name+" "+version] = sums
	return sums
}

// goDocument answers "MODULE/@v/list" and "MODULE/@latest".
func (r *Registry) goDocument(asked string) (string, bool) {
	escaped, what := path.Split(asked)
	escaped = strings.TrimSuffix(strings.TrimSuffix(escaped, "/"), "/@v")
	versions := map[string]string{} // without "v"
	for file := range r.files {
		if version, ok := strings.CutPrefix(file, "/go/"+escaped+"/@v/v"); ok && strings.HasSuffix(version, ".info") {
			versions[strings.TrimSuffix(version, ".info")] = file
		}
	}
	switch {
	case len(versions) == 0:
		return "", false
	case what == "@latest":
		return r.files[versions[newest(versions)]], true
	case what == "list":
		return "v" + strings.Join(slices.Sorted(maps.Keys(versions)), "\nv") + "\n", true
	}
	return "", false
}

// Database starts a checksum database that knows the modules of the registry and has a key of its own. It returns the value
// of GOSUMDB that names the database.
func (r *Registry) Database(t *testing.T) string {
	t.Helper()
	signer, verifier, err := note.GenerateKey(nil, "sums.example.test")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(signer, func(name, version string) ([]byte, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		sums, ok := r.sums[name+" "+version]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(sums), nil
	})))
	t.Cleanup(server.Close)
	return verifier + " " + server.URL
}

// hash1 is the hash of go.sum, "h1:" and base64.
func hash1(t *testing.T, files map[string]string) string {
	t.Helper()
	sum, err := dirhash.Hash1(slices.Collect(maps.Keys(files)), func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(files[name])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// zipped makes a zip file. Its bytes depend on the files alone.
func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(file, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}
