// Package archive reads signed Debian archives: which mirrors this machine uses, what they hold, and what a package needs. It
// believes nothing of a mirror before a pinned key has vouched for it.
package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// FindMirrors returns the mirrors that the environment names, as addresses separated by spaces. For an archive that it does not
// name, they are those of apt's configuration below etc, normally "/etc/apt". Only the archive of old files may have none.
func FindMirrors(env func(string) string, etc string) (deb.Mirrors, error) {
	m, err := Configured(env, etc)
	if err != nil {
		return nil, err
	}
	for _, archive := range []string{deb.Main, deb.Security} {
		if variable := deb.Variables[archive]; len(m[archive]) == 0 {
			return nil, fault.Fault{
				ID:   "mirror-missing",
				What: fmt.Sprintf("no mirror of Debian's %s archive", archive),
				Err:  fmt.Errorf("%s is not set and apt's configuration in %s names none", variable, etc),
				Do:   "set " + variable + " to the mirror's base address",
			}
		}
	}
	return m, nil
}

// Configured is FindMirrors, but no archive has to have a mirror.
func Configured(env func(string) string, etc string) (deb.Mirrors, error) {
	entries, err := readSources(etc)
	if err != nil {
		return nil, err
	}
	m, err := deb.ReadMirrors(env)
	if err != nil {
		return nil, err
	}
	for _, archive := range []string{deb.Main, deb.Security} {
		if len(m[archive]) > 0 {
			continue
		}
		for _, e := range entries {
			if base, ok := deb.CleanURL(e.uri); ok && e.archive() == archive && !slices.Contains(m[archive], base) {
				m[archive] = append(m[archive], base)
			}
		}
	}
	return m, nil
}

// source is one address of apt's configuration with one suite.
type source struct {
	uri, suite string
	components []string
}

// archive returns which of Debian's archives a source is, or "" for any other repository.
func (s source) archive() string {
	if !slices.Contains(s.components, "main") {
		return ""
	}
	path := strings.TrimRight(s.uri, "/")
	switch {
	case strings.HasSuffix(path, "/debian-security"), strings.HasSuffix(s.suite, "-security"):
		return deb.Security
	case strings.HasSuffix(path, "/debian"):
		return deb.Main
	}
	return ""
}

// readSources reads sources.list and sources.list.d as apt does: both formats, in the order of the files' names.
func readSources(etc string) ([]source, error) {
	var all []source
	lists, _ := filepath.Glob(filepath.Join(etc, "sources.list.d", "*"))
	for _, path := range append([]string{filepath.Join(etc, "sources.list")}, lists...) {
		parse := parseList
		switch filepath.Ext(path) {
		case ".list":
		case ".sources":
			parse = parseDeb822
		default:
			continue
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading apt's sources: %w", err)
		}
		all = append(all, parse(string(b))...)
	}
	return all, nil
}

// parseList reads the one-line format: deb [options] uri suite component…
func parseList(text string) []source {
	var out []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if f := strings.Fields(rest); len(f) >= 3 {
			out = append(out, source{uri: f[0], suite: f[1], components: f[2:]})
		}
	}
	return out
}

// parseDeb822 reads the stanza format.
func parseDeb822(text string) []source {
	var out []source
	for _, s := range stanzas(text) {
		if s["Enabled"] == "no" || !slices.Contains(strings.Fields(s["Types"]), "deb") {
			continue
		}
		for uri := range strings.FieldsSeq(s["URIs"]) {
			for suite := range strings.FieldsSeq(s["Suites"]) {
				out = append(out, source{uri: uri, suite: suite, components: strings.Fields(s["Components"])})
			}
		}
	}
	return out
}
