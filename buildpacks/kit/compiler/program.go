package compiler

import (
	"os"
	"path/filepath"
	"strings"
)

// programs are those of the folder bin.
var programs = []string{
	"ar", "as", "c++", "cc", "cpp", "g++", "gcc", "ld", "make", "nm", "objcopy", "objdump", "python3", "ranlib", "readelf", "strip",
}

// compilers are the programs that look for headers and libraries, by the names they are called.
var compilers = map[string]string{"cc": "gcc", "gcc": "gcc", "c++": "g++", "g++": "g++", "cpp": "cpp"}

// hardening is the part of a compiler's script that puts options of hardening before those of the call, which decide. A call without
// a file compiles nothing. Glibc's checks need an optimizer; a call that speaks of either has it as it says.
//
// They are those that the OpenSSF's guide for compilers recommends, and reach what no variable reaches: build systems may not read CFLAGS.
// What is made has no path of the packages of BP_DEBIAN_PACKAGES in it.
const hardening = `file= link=1 optimize=-O2 fortify=-D_FORTIFY_SOURCE=3
for word; do
  case $word in
    -c | -S | -E | -M | -MM | -r | -fsyntax-only) link= ;;
    -O0) optimize= fortify= ;;
    -O*) optimize= ;;
    *_FORTIFY_SOURCE*) fortify= ;;
    -) file=1 ;;
    -*) ;;
    *) file=1 ;;
  esac
done
if [ "$file" ]; then
  [ -z "$link" ] || set -- -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed "$@"
  set -- -fstack-protector-strong -fstack-clash-protection BRANCHES -ftrivial-auto-var-init=zero -fno-strict-aliasing \
    -D_GLIBCXX_ASSERTIONS $optimize $fortify ${PKG_CONFIG_SYSROOT_DIR:+-ffile-prefix-map=$PKG_CONFIG_SYSROOT_DIR=debian} "$@"
fi
`

// which looks for programs as scripts of packages do, which find what they compile with.
const which = "#!/bin/sh\nfor name; do command -v -- \"$name\" || exit 1; done\n"

// writePrograms makes the folder bin: scripts that find libraries, headers and each other whatever the environment is. The linker
// looks in LD_LIBRARY_PATH for what a library needs that it links, so LIBRARY_PATH is part of it.
func writePrograms(dir, at string, p platform) error {
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	start := "#!/bin/sh\nexport LD_LIBRARY_PATH=" + filepath.Join(at, "usr/lib", p.triplet) + "${LIBRARY_PATH:+:$LIBRARY_PATH}\n"
	for _, name := range programs {
		call, harden := at+"/usr/bin/"+name, ""
		if program := compilers[name]; program != "" {
			call = at + "/usr/bin/" + program + " --sysroot=" + at + " -B" + at + "/usr/bin"
			if program != "cpp" {
				harden = strings.ReplaceAll(hardening, "BRANCHES", p.branches)
			}
		}
		if err := os.WriteFile(filepath.Join(bin, name), []byte(start+harden+"exec "+call+` "$@"`+"\n"), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(bin, "which"), []byte(which), 0o755)
}
