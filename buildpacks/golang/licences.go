package golang

import (
	"encoding/json"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom/licence"
)

// licences finds the licences of modules in the texts that come with them.
type licences struct {
	roots   map[string]string   // main module path -> folder
	vendor  string              // the app's vendor folder
	cache   string              // GOMODCACHE
	known   map[string][]string // "path@version" -> SPDX identifiers; such a module never changes
	changed bool
}

func openLicences(roots map[string]string, appDir, modCache string) *licences {
	l := &licences{roots: roots, vendor: filepath.Join(appDir, "vendor"), cache: modCache, known: map[string][]string{}}
	if data, err := os.ReadFile(l.file()); err == nil && json.Unmarshal(data, &l.known) != nil {
		l.known = map[string][]string{} // it is only a cache
	}
	return l
}

func (l *licences) file() string { return filepath.Join(l.cache, "strata-licences.json") }

// save keeps what was found for the next build.
func (l *licences) save() error {
	if !l.changed {
		return nil
	}
	return writeJSON(l.file(), l.known)
}

// of returns the SPDX identifiers of a module's licences.
func (l *licences) of(path, version string) []string {
	if dir, ok := l.roots[path]; ok {
		return licence.Of(dir)
	}
	if ids := licence.Of(filepath.Join(l.vendor, filepath.FromSlash(path))); len(ids) > 0 {
		return ids
	}
	escapedPath, pathErr := module.EscapePath(path)
	escapedVersion, versionErr := module.EscapeVersion(version)
	if pathErr != nil || versionErr != nil {
		return nil
	}
	key := path + "@" + version
	ids, ok := l.known[key]
	if !ok {
		ids = licence.Of(filepath.Join(l.cache, escapedPath+"@"+escapedVersion))
		l.known[key], l.changed = ids, true
	}
	return ids
}
