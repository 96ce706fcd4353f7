package linkage

import (
	"debug/elf"
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// arch is what the ELF files of an architecture look like.
type arch struct {
	machine elf.Machine
	glibc   string // interpreter
	musl    string // interpreter
}

func archOf(goarch string) arch {
	switch goarch {
	case "amd64":
		return arch{elf.EM_X86_64, "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"}
	case "arm64":
		return arch{elf.EM_AARCH64, "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"}
	}
	return arch{}
}

// rules are what a run image asks of an ELF file.
type rules struct {
	arch
	goarch string
	libc   bp.Libc
	built  elf.Machine // that of the build, if the image is for another one
}

func rulesFor(target bp.Target) rules {
	libc, _ := target.Libc()
	r := rules{arch: archOf(target.Arch), goarch: target.Arch, libc: libc}
	if target.Foreign() {
		r.built = archOf(runtime.GOARCH).machine
	}
	return r
}

// check returns what a file needs that no run image of this kind has, and what to do. Both are "" if there is nothing.
func (r rules) check(file elfFile) (needs, do string) {
	if r.machine != elf.EM_NONE && file.Machine != r.machine {
		return "a machine of type " + machineName(file.Machine),
			fmt.Sprintf("build it for %s, or name it in BP_LINKAGE_IGNORE if nothing starts it", r.goarch)
	}
	if r.libc == bp.Static {
		return checkStatic(file)
	}
	interpreter, foreign := r.glibc, bp.Musl
	if r.libc == bp.Musl {
		interpreter, foreign = r.musl, bp.Glibc
	}
	if file.Interpreter != "" && interpreter != "" && file.Interpreter != interpreter {
		return "the loader " + file.Interpreter, fmt.Sprintf("link it for %s, whose loader is %s, or use another run image", r.libc, interpreter)
	}
	for _, library := range file.Needed {
		if isLibc(library, foreign) {
			return "the library " + library, fmt.Sprintf("link it for %s, or use a run image with %s", r.libc, foreign)
		}
	}
	return "", ""
}

// proved returns what is known of the files that pass, for the log.
func (l libraries) proved(all bool) string {
	switch {
	case l.libc == bp.Static:
		return "none needs a loader or a library"
	case !l.known:
		return "machine and loader are right; the libraries of this run image are not known"
	}
	if !all {
		return "machine and loader are right"
	}
	return "machine and loader are right, and each library is in the image"
}

func checkStatic(file elfFile) (needs, do string) {
	var parts []string
	if file.Interpreter != "" {
		parts = append(parts, "the loader "+file.Interpreter)
	}
	if len(file.Needed) > 0 {
		parts = append(parts, "the libraries "+strings.Join(file.Needed, " "))
	}
	if len(parts) == 0 {
		return "", ""
	}
	return strings.Join(parts, " and "), "link it statically (Go: CGO_ENABLED=0, and no -buildmode=pie) or use the run image " + libcOf(file)
}

// libcOf returns the kind of run image that a dynamically linked file was made for.
func libcOf(file elfFile) string {
	if strings.HasPrefix(path.Base(file.Interpreter), "ld-musl-") {
		return string(bp.Musl)
	}
	for _, library := range file.Needed {
		if isLibc(library, bp.Musl) {
			return string(bp.Musl)
		}
	}
	return string(bp.Glibc)
}

// isLibc reports whether a library's name is that of the C library.
func isLibc(library string, libc bp.Libc) bool {
	if libc == bp.Musl {
		return library == "libc.so" || strings.HasPrefix(library, "libc.musl-")
	}
	return library == "libc.so.6"
}

// machineName returns Go's name of a machine, or ELF's where Go has none.
func machineName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_386:
		return "386"
	}
	return m.String()
}
