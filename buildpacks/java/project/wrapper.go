package project

import (
	"path"
	"regexp"
	"strings"
)

// release matches the version of a tool in the name of its archive. It becomes part of a path.
var release = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+){1,3}(?:-(?:alpha|beta|rc|milestone|M)-?[0-9]+)?)-(?:bin|all)\.(?:zip|tar\.gz)$`)

// sha256Sum matches a hash as wrappers have it.
var sha256Sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// wrapper reads the properties of a wrapper. Of the address nothing but the archive's name counts.
func wrapper(file, text, prefix string) Wrapper {
	values := properties(text)
	w := Wrapper{File: file}
	address, _, _ := strings.Cut(values["distributionUrl"], "?")
	name, is := strings.CutPrefix(path.Base(address), prefix)
	found := release.FindStringSubmatch(name)
	if !is || found == nil {
		return w
	}
	w.Version, w.Archive = found[1], path.Base(address)
	if sum := strings.ToLower(strings.TrimSpace(values["distributionSha256Sum"])); sha256Sum.MatchString(sum) {
		w.SHA256 = sum
	}
	return w
}
