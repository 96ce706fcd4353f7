package fetch_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// zipped returns a zip with one file, and Go's hash of it.
func zipped(t *testing.T, name string) (archive, sum string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create(name); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "archive.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), sum
}

// TestSum takes a hash in each form, and no file with another one.
func TestSum(t *testing.T) {
	t.Parallel()
	sum := sha512.Sum512([]byte(body))
	archive, h1 := zipped(t, "a")
	other, _ := zipped(t, "b")
	digits, npms := hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(sum[:])
	for name, test := range map[string]struct{ sum, right, wrong, key, err string }{
		"sha256":        {"sha256:" + hash(body), body, other, "sha256/" + hash(body), ", but must have sha256:" + hash(body)},
		"sha512":        {"sha512:" + digits, body, other, "sha512/" + digits, "it has the hash sha512:"},
		"npm's sha512":  {"sha512-" + npms, body, other, "sha512/" + digits, "it has the hash sha512:"},
		"h1":            {h1, archive, other, "h1/", ", but must have " + h1},
		"h1 of no zip":  {h1, archive, body, "h1/", "it is damaged: zip: not a valid zip file"},
		"h1 of half of": {h1, archive, archive[:len(archive)/2], "h1/", "it is damaged: zip: not a valid zip file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serves := test.right
			url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(serves)) })
			dir := t.TempDir()
			a := fetch.Artifact{Name: "thing", Sum: test.sum, URLs: []string{url}}
			path, err := client(dir).Get(t.Context(), a)
			if err != nil || content(t, path) != test.right || !strings.HasPrefix(path, filepath.Join(dir, test.key)) {
				t.Fatalf("got %s, %v", path, err)
			}
			if err := os.WriteFile(path, []byte(test.wrong), 0o644); err != nil { // a copy that went bad
				t.Fatal(err)
			}
			serves = test.wrong
			_, err = client(dir).Get(t.Context(), a)
			if _, ok := errors.AsType[*fetch.Mismatch](err); !ok || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %s", err, test.err)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("the wrong file is in the cache")
			}
		})
	}
}

// TestSumUnknown asks nobody for a file that nothing is known of.
func TestSumUnknown(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, whole)
	for _, sum := range []string{"", hash(body), "md5:00", "sha256:00", "sha256:xyz", "h1:AAAA", "sha512-" + strings.Repeat("A", 4)} {
		_, err := client(t.TempDir()).Get(t.Context(), fetch.Artifact{Name: "thing", Sum: sum, URLs: []string{url}})
		if err == nil || fault.Code(err) != fault.CodeInternal {
			t.Errorf("%q: got %v", sum, err)
		}
	}
	if requests.Load() != 0 {
		t.Errorf("%d requests", requests.Load())
	}
}

// TestCheck has a function judge the complete file.
func TestCheck(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, whole)
	dir := t.TempDir()
	signed := fetch.Artifact{Name: "signed", URLs: []string{url}, Check: func(file string) error {
		if got := content(t, file); got != body {
			t.Errorf("it judges %q", got)
		}
		return nil
	}}
	for range 2 {
		path, err := client(dir).Get(t.Context(), signed)
		if err != nil || content(t, path) != body {
			t.Errorf("got %s, %v", path, err)
		}
	}
	if requests.Load() != 1 {
		t.Errorf("%d requests, want 1", requests.Load())
	}
	refused := fetch.Artifact{Name: "unsigned", URLs: []string{url}, Check: func(string) error { return errors.New("nobody signed it") }}
	_, err := client(dir).Get(t.Context(), refused)
	want := "unsigned: nobody signed it; a server or a proxy has changed the file: do not use it, and check the mirror's address"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "checked", "*")); len(found) != 1 {
		t.Errorf("the cache has %v, want the first alone", found)
	}
}
