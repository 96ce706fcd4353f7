package fleet

import (
	"cmp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

// Locked has the versions that builds take, by the languages' names, and those of packages of Debian that a language is taken from, by
// theirs: "libpython3.13-minimal".
type Locked map[string][]string

// depth is how many numbers of a version say which line of a language it is of.
var depth = map[string]int{"Node.js": 1, "Python": 2, "Go": 2}

// newest returns the newest locked version of the line that a version is of, if that is newer.
func (l Locked) newest(name, version string) string {
	newest := ""
	for _, locked := range l[name] {
		if line(locked, depth[name]) == line(version, depth[name]) && compareLines(locked, cmp.Or(newest, version)) > 0 {
			newest = locked
		}
	}
	return newest
}

// ofDebian returns the newest locked version of a package of Debian, if that is newer.
func (l Locked) ofDebian(name, version string) string {
	newest := ""
	for _, locked := range l[name] {
		if archive.CompareVersions(locked, cmp.Or(newest, version)) > 0 {
			newest = locked
		}
	}
	return newest
}

// line returns the first numbers of a version.
func line(version string, numbers int) string {
	parts := strings.Split(version, ".")
	return strings.Join(parts[:min(numbers, len(parts))], ".")
}
