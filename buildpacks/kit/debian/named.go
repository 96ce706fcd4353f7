package debian

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Aptfiles are the files of an app that name packages for builds of other suites: names alone, and comments from "#" to the line's end.
var Aptfiles = []string{"apt.txt", "Aptfile"}

// Named returns the packages that a user names in Variable and in files of the app, sorted, and where: "BP_DEBIAN_PACKAGES, apt.txt". An
// entry that is not written like a package is a fault. In a file a version is one too.
func Named(in bp.Workspace, files ...string) (names []string, from string, err error) {
	var s struct {
		Packages []string `config:"BP_DEBIAN_PACKAGES,names"`
	}
	if err := in.Config.Decode(&s); err != nil {
		return nil, "", err
	}
	var places []string
	for _, name := range s.Packages {
		if !syntax.MatchString(name) {
			return nil, "", fault.Fault{ID: "debian-syntax", What: fmt.Sprintf("%s has %q, which is no name of a package", Variable, name),
				Do: "write names of packages of Debian " + release + ", separated by commas: libpq-dev, or libpq-dev=17.6-0+deb13u1"}
		}
		places = []string{Variable}
	}
	for _, file := range files {
		text, err := tree.ReadFile(filepath.Join(in.AppDir, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("reading %s: %w", file, err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			line, _, _ = strings.Cut(line, "#")
			for word := range strings.FieldsSeq(line) {
				if !syntax.MatchString(word) || strings.Contains(word, "=") || strings.HasSuffix(word, ".deb") {
					return nil, "", fault.Fault{ID: "debian-aptfile",
						What: fmt.Sprintf("%s line %d has %q, which is no name of a package of Debian %s alone", file, i+1, word, release),
						Do:   "leave names there, without options, addresses and files; " + Variable + " takes NAME=VERSION"}
				}
				s.Packages = append(s.Packages, word)
				places = append(places, file)
			}
		}
	}
	slices.Sort(s.Packages)
	return slices.Compact(s.Packages), strings.Join(slices.Compact(places), ", "), nil
}

// syntax matches a package, and perhaps its version (Debian Policy, 5.6).
var syntax = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(=[0-9A-Za-z.+~:-]+)?$`)
