package compiler

import (
	"fmt"
	"maps"
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

// reading is the part of a compiler's script that reads the options of the call. A call without a file compiles nothing. STATIC is how a
// program is linked, if it is to no library; a call that says where a program may lie is obeyed.
const reading = `file= link=1 static=STATIC optimize=-O2 fortify=-D_FORTIFY_SOURCE=3
for word; do
  case $word in
    -c | -S | -E | -M | -MM | -r | -fsyntax-only) link= ;;
    -shared | -static) static= ;;
    -pie | -static-pie) static=${static:+-static-pie} ;;
    -no-pie) static=${static:+-static} ;;
    -O0) optimize= fortify= ;;
    -O*) optimize= ;;
    *_FORTIFY_SOURCE*) fortify= ;;
    -) file=1 ;;
    -*) ;;
    *) file=1 ;;
  esac
done
`

// hardening is the part that puts options of hardening before those of the call, which decide. Glibc's checks need an optimizer; a call
// that speaks of either has it as it says.
//
// They are those that the OpenSSF's guide for compilers recommends, and reach what no variable reaches: build systems may not read CFLAGS.
const hardening = `if [ "$file" ]; then
  [ -z "$link" ] || set -- -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed "$@"
  set -- -fstack-protector-strong -fstack-clash-protection BRANCHES -ftrivial-auto-var-init=zero -fno-strict-aliasing \
    -D_GLIBCXX_ASSERTIONS $optimize $fortify "$@"
fi
`

// linking is the part that all calls have. What is made has no path of the packages of BP_DEBIAN_PACKAGES in it. The last option of how a
// program is linked decides.
const linking = `if [ "$file" ]; then
  [ -z "$link" ] || set -- "$@" $static
  set -- ${PKG_CONFIG_SYSROOT_DIR:+-ffile-prefix-map=$PKG_CONFIG_SYSROOT_DIR=debian} "$@"
fi
`

// script returns what a compiler's script does with the options of a call.
func (m Mode) script(p platform) string {
	static := ""
	if m.Link != Dynamic {
		static = "-" + string(m.Link)
	}
	text := strings.ReplaceAll(reading, "STATIC", static)
	if !m.Plain {
		text += strings.ReplaceAll(hardening, "BRANCHES", p.branches)
	}
	return text + linking
}

// which looks for programs as scripts of packages do, which find what they compile with.
const which = "#!/bin/sh\nfor name; do command -v -- \"$name\" || exit 1; done\n"

// set is what the scripts of a folder start.
type set struct {
	platform          // for which is compiled
	names    []string // of the programs
	also     map[string]string
	start    string // of each script
	prefix   string // of the path of each program
	compile  string // what follows the names of gcc, g++ and cpp: the rest of the path, and options
	search   string // how a call to link finds libraries, before all else
}

// native returns what the scripts of a compiler at a path start. They find libraries, headers and each other whatever the environment is.
// The linker looks in LD_LIBRARY_PATH for what a library needs that it links, so LIBRARY_PATH is part of it.
func (p platform) native(at string) set {
	return set{
		platform: p, names: programs, also: map[string]string{"which": which},
		start:  "#!/bin/sh\nexport LD_LIBRARY_PATH=" + filepath.Join(at, "usr/lib", p.triplet) + "${LIBRARY_PATH:+:$LIBRARY_PATH}\n",
		prefix: at + "/usr/bin/", compile: " --sysroot=" + at + " -B" + at + "/usr/bin",
	}
}

// writePrograms makes the folder bin, and one for each other mode.
func writePrograms(dir string, s set) error {
	for _, m := range modes {
		scripts := map[string]string{}
		maps.Copy(scripts, s.also)
		for _, name := range s.names {
			call, options := s.prefix+name, ""
			if program := compilers[name]; program != "" {
				call = s.prefix + program + s.compile
				if program != "cpp" {
					options = m.script(s.platform) + s.search
				}
			}
			scripts[name] = s.start + options + "exec " + call + ` "$@"` + "\n"
		}
		bin := filepath.Join(dir, "bin"+m.suffix())
		if err := os.Mkdir(bin, 0o755); err != nil {
			return fmt.Errorf("making a folder of programs: %w", err)
		}
		for name, script := range scripts {
			if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
				return fmt.Errorf("writing a program: %w", err)
			}
		}
	}
	return nil
}
