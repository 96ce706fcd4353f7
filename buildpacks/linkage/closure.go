package linkage

import (
	_ "embed"
	"io/fs"
	"maps"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// libraryFile names the libraries of the run image glibc, one per line. A test writes it from the lists of that stack.
//
//go:embed libraries.txt
var libraryFile string

// libraries are the shared libraries that files may need, by name.
type libraries struct {
	libc  bp.Libc
	known bool            // whether the run image is one of ours, so that its libraries are known
	names map[string]bool // those of the run image, of the launch layers and of the app

	ofImage map[string]bool // those of the run image alone
	plugIns map[string]bool // variables that tell where plug-ins are, in the layer of Debian's libraries
}

// programFile names the programs of the run images, one per line behind the image's kind. A test writes it from the lists of the
// stacks.
//
//go:embed programs.txt
var programFile string

// programsOf returns the paths of the programs of a run image.
func programsOf(libc bp.Libc) []string {
	programs := []string{}
	for line := range strings.Lines(programFile) {
		if words := strings.Fields(line); words[0] == string(libc) {
			programs = append(programs, words[1])
		}
	}
	return programs
}

// librariesOf returns the libraries of the run image, and more, which the user names.
func librariesOf(target bp.Target, more []string) libraries {
	libc, _ := target.Libc()
	l := libraries{libc: libc, known: target.Ours(), names: map[string]bool{}, plugIns: map[string]bool{}}
	if libc == bp.Glibc {
		more = append(strings.Fields(libraryFile), more...)
	}
	for _, name := range more {
		l.names[name] = true
	}
	l.ofImage = maps.Clone(l.names)
	return l
}

// add adds the name of a file or link, if it is that of a library.
func (l libraries) add(entry fs.DirEntry) {
	if name := entry.Name(); !entry.IsDir() && (strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")) {
		l.names[name] = true
	}
}

// muslItself matches the names that musl's loader takes for itself, whatever file they name (ldso/dynlink.c,
// load_library).
var muslItself = regexp.MustCompile(`^lib(c|pthread|rt|m|dl|util|xnet)\.`)

// missing returns the libraries that a file needs and that are nowhere. It does not check in which folders the loader looks. A name
// with a slash is a path that only the container knows.
func (l libraries) missing(file elfFile) []string {
	if !l.known || l.libc == bp.Static {
		return nil
	}
	var missing []string
	for _, name := range file.Needed {
		if l.names[name] || strings.Contains(name, "/") || l.libc == bp.Musl && muslItself.MatchString(name) {
			continue
		}
		missing = append(missing, name)
	}
	return missing
}
