package kittest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wheel is one file of a project in the package index.
type wheel struct{ name, path, hash, metadata string }

// Wheel puts a version of a Python project into the registry, as a wheel for every Python 3 on every machine. It adds the files
// of *.dist-info that are missing. It returns the wheel's SHA-256 in hexadecimal, as lockfiles have it.
func (r *Registry) Wheel(t *testing.T, project, version string, files map[string]string) (hash string) {
	t.Helper()
	escaped := strings.ReplaceAll(normalized(project), "-", "_") + "-" + version
	info := escaped + ".dist-info/"
	all := map[string]string{
		info + "METADATA": "Metadata-Version: 2.1\nName: " + project + "\nVersion: " + version + "\n",
		info + "WHEEL":    "Wheel-Version: 1.0\nGenerator: kittest\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	}
	maps.Copy(all, files)
	if all[info+"RECORD"] == "" {
		names := append(slices.Sorted(maps.Keys(all)), info+"RECORD")
		all[info+"RECORD"] = strings.Join(names, ",,\n") + ",,\n"
	}
	archive := zipped(t, all)
	w := wheel{name: escaped + "-py3-none-any.whl", hash: sum256(archive), metadata: sum256(all[info+"METADATA"])}
	w.path = "/wheels/" + w.hash[:8] + "/" + w.name

	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[w.path], r.files[w.path+".metadata"] = archive, all[info+"METADATA"]
	r.python[normalized(project)] = append(r.python[normalized(project)], w)
	return w.hash
}

// normalized is the name of a project in addresses (PEP 503, "Normalized Names").
func normalized(project string) string {
	return strings.ToLower(regexp.MustCompile(`[-_.]+`).ReplaceAllString(project, "-"))
}

func sum256(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// simpleJSON is the media type of PEP 691.
const simpleJSON = "application/vnd.pypi.simple.v1+json"

// simpleDocument answers "/simple/PROJECT/": with JSON if the client accepts it, else with HTML.
func (r *Registry) simpleDocument(w http.ResponseWriter, request *http.Request) (string, bool) {
	project, slash := strings.CutSuffix(strings.TrimPrefix(request.URL.Path, "/simple/"), "/")
	files, ok := r.python[project]
	if !ok || !slash {
		return "", false
	}
	if strings.Contains(request.Header.Get("Accept"), simpleJSON) {
		w.Header().Set("Content-Type", simpleJSON)
		document, err := simpleIndex(project, files)
		return document, err == nil
	}
	w.Header().Set("Content-Type", "text/html")
	var page strings.Builder
	page.WriteString("<!DOCTYPE html>\n<meta name=\"pypi:repository-version\" content=\"1.0\">\n")
	for _, f := range files {
		fmt.Fprintf(&page, "<a href=\"%s#sha256=%s\" data-dist-info-metadata=\"sha256=%s\">%s</a><br>\n",
			f.path, f.hash, f.metadata, html.EscapeString(f.name))
	}
	return page.String(), true
}

func simpleIndex(project string, files []wheel) (string, error) {
	type file struct {
		Filename string            `json:"filename"`
		URL      string            `json:"url"`
		Hashes   map[string]string `json:"hashes"`
		Metadata map[string]string `json:"core-metadata"`
	}
	index := struct {
		Meta  map[string]string `json:"meta"`
		Name  string            `json:"name"`
		Files []file            `json:"files"`
	}{Meta: map[string]string{"api-version": "1.0"}, Name: project}
	for _, f := range files {
		index.Files = append(index.Files, file{f.name, f.path, map[string]string{"sha256": f.hash}, map[string]string{"sha256": f.metadata}})
	}
	document, err := json.Marshal(index)
	return string(document), err
}
