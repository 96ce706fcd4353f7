package native

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// cross is what a builder is told of another architecture that it compiles for. It is zero for the machine's own.
type cross struct {
	triplet string // of the architecture
	root    string // of its compiler: headers and libraries
	here    string // the folder of this machine's compilers
}

func (c cross) foreign() bool { return c.triplet != "" }

// processor is what builders call the architecture.
func (c cross) processor() string { return strings.TrimSuffix(c.triplet, "-linux-gnu") }

// cmake returns the options of CMake. It asks the compiler for all else.
func (c cross) cmake(packages string) []string {
	if !c.foreign() {
		return nil
	}
	roots := c.root
	if packages != "" {
		roots = packages + ";" + c.root
	}
	return []string{
		"-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=" + c.processor(), "-DCMAKE_FIND_ROOT_PATH=" + roots,
		"-DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER",
	}
}

// configure returns the options of a configure that Autoconf made.
func (c cross) configure() []string {
	if !c.foreign() {
		return nil
	}
	return []string{"--build=" + deb.Triplets[runtime.GOARCH], "--host=" + c.triplet}
}

// crossFile is the file in HOME that tells Meson what it compiles with and for.
const crossFile = "cross.ini"

// meson returns the options of Meson.
func (c cross) meson(home string) []string {
	if !c.foreign() {
		return nil
	}
	return []string{"--cross-file=" + filepath.Join(home, crossFile)}
}

// mesonText is the content of crossFile.
func (c cross) mesonText() string {
	return `[binaries]
c = 'cc'
cpp = 'c++'
ar = 'ar'
strip = 'strip'
pkg-config = 'pkg-config'

[host_machine]
system = 'linux'
cpu_family = '` + c.processor() + `'
cpu = '` + c.processor() + `'
endian = 'little'
`
}

// environment returns the variables that name compilers for programs which a build makes for itself, and starts. Autoconf and Meson know
// the first two, others the rest.
func (c cross) environment() config.Environment {
	env := config.Environment{}
	if c.foreign() {
		for _, name := range []string{"CC_FOR_BUILD", "BUILD_CC", "HOSTCC"} {
			env[name] = filepath.Join(c.here, "cc")
			env[strings.Replace(name, "CC", "CXX", 1)] = filepath.Join(c.here, "c++")
		}
	}
	return env
}

// starts matches what is said where a program was to be started that is for another architecture.
var starts = regexp.MustCompile(`(?i)exec format error|cannot execute binary file|cannot run test program while cross compiling|` +
	`invoked in cross-compiling mode|can not run test applications in this cross environment|qemu-\w+: could not open`)

// read matches what a shell says of a file that the kernel does not start: it reads it as a script.
var read = regexp.MustCompile(`^(\S+): [0-9]+: (?:Syntax error: |.*not found)`)

// started returns the fault of a step that failed because it had to start what it made for another architecture.
func (b build) started(title string, lines []string) error {
	for _, line := range lines {
		starts := starts.MatchString(line)
		if script := read.FindStringSubmatch(line); script != nil {
			made, err := b.made(filepath.Base(script[1]))
			if err != nil {
				return err
			}
			starts = starts || made
		}
		if starts {
			return fault.Fault{ID: "native-cross", Do: fmt.Sprintf("build it on a machine with linux/%s, or leave that platform out", b.Target.Arch),
				What: fmt.Sprintf("%s starts a program for linux/%s, which this machine cannot: %s", title, b.Target.Arch, strings.Trim(line, " :"))}
		}
	}
	return nil
}

// made reports whether the build made a program of a name.
func (b build) made(name string) (bool, error) {
	found, err := tree.Each(b.AppDir, nil, func(e tree.Entry) (bool, error) {
		if e.Name() != name || !e.Type().IsRegular() {
			return false, nil
		}
		k, err := kindOf(e.Path)
		return k == program, err
	})
	return slices.ContainsFunc(found, func(one tree.Of[bool]) bool { return one.Value }), err
}
