package kittest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // what the registry of npm publishes beside SHA-512
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// npmVersion is the manifest of a version: its package.json and "dist".
type npmVersion map[string]any

// NPM puts a version of a package into the registry, such as "@scope/name" and "1.2.0". The files may have a package.json; NPM
// sets its name and version. It returns the integrity as lockfiles have it: "sha512-" and base64. As with Write, scripts and ELF
// programs are executable.
func (r *Registry) NPM(t *testing.T, name, version string, files map[string]string) (integrity string) {
	t.Helper()
	manifest := npmVersion{}
	if text, ok := files["package.json"]; ok {
		if err := json.Unmarshal([]byte(text), &manifest); err != nil {
			t.Fatalf("package.json of %s: %v", name, err)
		}
	}
	manifest["name"], manifest["version"] = name, version
	all := maps.Clone(files)
	if all == nil {
		all = map[string]string{}
	}
	all["package.json"] = encode(t, manifest)
	archive := NPMArchive(t, all)
	sum, old := sha512.Sum512(archive), sha1.Sum(archive) //nolint:gosec // as above
	integrity = "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	location := "/npm/" + name + "/-/" + path.Base(name) + "-" + version + ".tgz"
	manifest["dist"] = map[string]string{"tarball": r.URL + location, "integrity": integrity, "shasum": fmt.Sprintf("%x", old)}

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.npm[name] == nil {
		r.npm[name] = map[string]npmVersion{}
	}
	r.npm[name][version] = manifest
	r.files[location] = string(archive)
	return integrity
}

// npmDocument answers "NAME" with the packument and "NAME/VERSION" with one manifest.
func (r *Registry) npmDocument(asked string) (string, bool) {
	if versions, ok := r.npm[asked]; ok {
		document, err := json.Marshal(map[string]any{
			"name": asked, "versions": versions, "dist-tags": map[string]string{"latest": newest(versions)},
		})
		return string(document), err == nil
	}
	name, version := path.Split(asked)
	versions := r.npm[strings.TrimSuffix(name, "/")]
	if version == "latest" {
		version = newest(versions)
	}
	manifest, ok := versions[version]
	document, err := json.Marshal(manifest)
	return string(document), ok && err == nil
}

// NPMArchive makes a package's archive, whose paths begin with "package/". Its bytes depend on the files alone.
func NPMArchive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	w := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: "package/" + name, Typeflag: tar.TypeReg, Size: int64(len(files[name])), Mode: int64(modeOf(files[name]))}
		err := w.WriteHeader(header)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []func() error{w.Close, zipped.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	return archive.Bytes()
}

func encode(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
