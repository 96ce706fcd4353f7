package golang

import (
	"encoding/json"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/mod/module"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom/licence"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// licences finds the licences of modules in the texts that come with them.
type licences struct {
	app     finder
	cache   string              // GOMODCACHE
	known   map[string][]string // "path@version" -> SPDX identifiers; such a module never changes
	changed bool
}

func openLicences(app finder, modCache string) *licences {
	l := &licences{app: app, cache: modCache, known: map[string][]string{}}
	if data, err := tree.ReadFile(l.file()); err == nil && json.Unmarshal(data, &l.known) != nil {
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

// of returns the SPDX identifiers of the licences of a module, as a binary names it. A vendored module has the path that is imported, and
// one of the cache that of its replacement.
func (l *licences) of(m *debug.Module) []string {
	places := []string{"vendor/" + m.Path}
	dir, own := l.app.folderOfModule(m)
	if own {
		places = []string{dir, places[0]}
	}
	for _, place := range places {
		if ids := licence.Of(l.app.path(place)); len(ids) > 0 {
			return ids
		}
	}
	if own {
		return nil
	}
	if m.Replace != nil {
		m = m.Replace
	}
	escapedPath, pathErr := module.EscapePath(m.Path)
	escapedVersion, versionErr := module.EscapeVersion(m.Version)
	if pathErr != nil || versionErr != nil {
		return nil
	}
	key := m.Path + "@" + m.Version
	ids, ok := l.known[key]
	if !ok {
		ids = licence.Of(filepath.Join(l.cache, escapedPath+"@"+escapedVersion))
		l.known[key], l.changed = ids, true
	}
	return ids
}

// folderOfModule returns the folder of the app that a module of a binary comes from.
func (f finder) folderOfModule(m *debug.Module) (dir string, ok bool) {
	for _, own := range f.members {
		switch {
		case m.Replace == nil && own.Path == m.Path:
			return own.Dir, true
		case m.Replace != nil && sbom.FromFolder(m.Replace) && !ok:
			dir, ok = own.Replaced[m.Path]
		}
	}
	return dir, ok
}
