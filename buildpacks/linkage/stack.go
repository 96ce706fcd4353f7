package linkage

import (
	"archive/zip"
	"bytes"
	debugelf "debug/elf"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// headers is how much of a library in a jar is read, in bytes: the headers of its segments are at its beginning. Those that have such a
// stack are read as far as this limit.
const (
	headers      = 4096
	libraryLimit = 64 << 20
)

// tellStacks warns of libraries with an executable stack that something opens by their names. glibc 2.41 refuses them then (elf/dl-load.c,
// _dl_map_object_from_fd). It still loads one that a program needs as it starts.
func tellStacks(log *report.Log, r rules, seen seen) {
	if r.libc != bp.Glibc {
		return
	}
	var refused []string
	started := startedWith(seen.files)
	for _, file := range seen.files {
		if opened := file.Interpreter == "" && len(file.Needed) > 0 && !isAny(path.Base(file.path), started); opened && runs(file.Defects) {
			refused = append(refused, file.path)
		}
	}
	for _, jar := range seen.jars {
		names, err := stacksIn(jar, r.machine)
		if err != nil {
			log.Debug("%s cannot be read: %v", jar, err) // by Java neither
		}
		for _, name := range names {
			refused = append(refused, name+" in "+jar)
		}
	}
	for _, library := range refused {
		log.Warn("%s asks for an executable stack, with which glibc opens no library by its name; take a newer release of it,"+
			" or set GLIBC_TUNABLES=glibc.rtld.execstack=2, which makes the stack executable", library)
	}
}

// runs reports whether glibc makes the stack executable for a file.
func runs(d elf.Defects) bool { return d.ExecStack || d.UntoldStack }

// isAny reports whether a library has one of some names: libx.so.1.2.3 is also libx.so.1, by a link.
func isAny(file string, names map[string]bool) bool {
	for name := range names {
		if file == name || strings.HasPrefix(file, name+".") {
			return true
		}
	}
	return false
}

// startedWith returns the names of the libraries that programs need, and of those that these need.
func startedWith(files []elfFile) map[string]bool {
	var names []string
	for _, file := range files {
		if file.Interpreter != "" {
			names = append(names, file.Needed...)
		}
	}
	started := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		if names = names[1:]; !started[name] {
			started[name] = true
			for _, file := range files {
				if isAny(path.Base(file.path), map[string]bool{name: true}) {
					names = append(names, file.Needed...)
				}
			}
		}
	}
	return started
}

// stacksIn returns the libraries in a jar that ask for an executable stack on a machine and are linked against glibc: jars often have
// libraries for all systems. What is damaged has none.
func stacksIn(jar string, machine debugelf.Machine) ([]string, error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer func() { _ = z.Close() }()
	var names []string
	for _, file := range z.File {
		if base := path.Base(file.Name); !strings.HasSuffix(base, ".so") && !strings.Contains(base, ".so.") {
			continue
		}
		h, _, err := elf.ReadHardening(bytes.NewReader(beginning(file, headers)))
		if err != nil || !runs(h.Defects) {
			continue
		}
		whole, _, err := elf.ReadAt(bytes.NewReader(beginning(file, libraryLimit)))
		glibc := slices.ContainsFunc(whole.Needed, func(name string) bool { return isLibc(name, bp.Glibc) })
		if err == nil && whole.Machine == machine && glibc {
			names = append(names, file.Name)
		}
	}
	return names, nil
}

// beginning returns as much of a file in an archive as can be read, up to a limit.
func beginning(file *zip.File, limit int64) []byte {
	content, err := file.Open()
	if err != nil {
		return nil
	}
	defer content.Close()
	b, _ := io.ReadAll(io.LimitReader(content, limit)) // what a damaged one has
	return b
}
