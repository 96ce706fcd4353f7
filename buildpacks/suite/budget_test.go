package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A buildpack that needs more lines than this does things that belong into kit, or two things.
const linesOfBuildpack = 1_200

// lines are the folders of buildpacks that have a budget of their own, without tests.
var lines = map[string]int{
	"java":               1_350,  // the glue: what is asked for, runtime, desktop, archives, lines of Procfiles
	"java/jdk":           1_000,  // versions as five tools write them, Debian and vendors, runtimes, trust
	"launch-helper":      1_440,  // what seven buildpacks have beside an app; Java has options and a key store there
	"linkage":            2_300,  // what files lack, how they are hardened, what they and jars open by name, processes, writable folders
	"kit":                12_215, // what stacks and builder share of it included, as Debian's archive with 1,280 lines; two compilers
	"kit/kittest":        1_050,
	"kit/seccomp":        170,    // what a profile is, for the builder, too, and which names the library and engines give calls
	"seccomp/calls":      1_460,  // machine code of two architectures, and what follows numbers through it, with who may write to the stack
	"golang":             4_100,  // finds programs in modules and workspaces, vouches for them without the go command; links C
	"rust":               1_300,  // what keeps cargo from taking old units as new has 250: times, makers and the sweep
	"rust/cargo":         720,    // the app's files, the programs that cargo names, and the parts that it compiled
	"rust/toolchain":     350,    // Debian's packages and published releases
	"python/install":     2_000,  // settings of uv and pip; what uv runs with; trims, compiles, lays out and describes packages
	"java/artifact":      3_270,  // jars, WARs, Boot, Quarkus, start scripts: layers, class paths, what they ask of Java, bills, Tomcat
	"java/classfile":     240,    // class files, and what writes them for tests
	"java/project":       1_400,  // files of Maven, Gradle, sbt: XML, properties, scripts, settings, and which Java their tools know
	"java/tools":         1_480,  // Maven, Gradle, sbt: their releases, settings, environment, and what their failures mean
	"golang/missing":     600,    // reads Go files for what they may open
	"python/interpreter": 550,    // Debian's packages and standalone builds, and the lock of these
	"python/project":     1_500,  // five lockfiles, requirements.txt and markers, all of which other programs wrote
	"python/start":       800,    // a table of frameworks and servers
	"native":             1_470,  // four builders, for both architectures, what of theirs comes into an image, and what vouches for it
	"native/downloads":   120,    // files of CMake and Meson that fetch
	"native/tools":       220,    // a lock of Debian packages, and what makes them work where they are unpacked
	"node":               11_150, // four package managers with their lockfiles, trees and Plug'n'Play, frameworks, what runs scripts and tasks
}

// TestLines holds kit and each buildpack to their lines of Go, blank ones and comments counted, tests and their data not.
func TestLines(t *testing.T) {
	t.Parallel()
	counted := map[string]int{}
	goFiles(t, "buildpacks", func(name string, content []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		folder, rest, _ := strings.Cut(strings.TrimPrefix(name, "buildpacks/"), "/")
		if inner, _, found := strings.Cut(rest, "/"); found && lines[folder+"/"+inner] > 0 {
			folder += "/" + inner
		}
		counted[folder] += bytes.Count(content, []byte("\n"))
	})
	for folder, count := range counted {
		budget := linesOfBuildpack
		if own := lines[folder]; own > 0 {
			budget = own
		}
		t.Logf("%s: %d of %d lines", folder, count, budget)
		if count > budget {
			t.Errorf("buildpacks/%s has %d lines, its budget is %d", folder, count, budget)
		}
	}
	for folder := range lines {
		if counted[folder] == 0 {
			t.Errorf("there is a budget for buildpacks/%s, which has no lines", folder)
		}
	}
}

// TestFileLength holds every Go file to what a reader can keep in mind; the linter holds functions and lines.
func TestFileLength(t *testing.T) {
	t.Parallel()
	const budget = 400
	goFiles(t, ".", func(name string, content []byte) {
		if count := bytes.Count(content, []byte("\n")); count > budget {
			t.Errorf("%s has %d lines, more than %d", name, count, budget)
		}
	})
}

// goFiles reads the Go files below a folder of the module, except what tests read.
func goFiles(t *testing.T, folder string, read func(name string, content []byte)) {
	t.Helper()
	seen := 0
	err := fs.WalkDir(os.DirFS(root), folder, func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".")):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		seen++
		read(name, content)
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("read %d files: %v", seen, err)
	}
}

// TestSize holds the binary that every builder image has to its budget. All buildpacks share net/http with TLS (3.2 MB),
// the texts of licensecheck (3.6 MB, 0.5 MB compressed), reading Debian's packages (0.5 MB), OpenPGP, which vouches for its index (1.2 MB),
// and the shell's grammar.
//
// A further language may add 0.5 MB, so five of them 2.5 MB. strata/node is 1.6 MB: 0.15 MB of locked releases and 0.23 MB for
// each 1,000 of its lines with what they alone import. A language of 1,200 lines is 0.3 MB by that, and has 0.2 MB for its lock
// and the parser of its own formats. What it fetches, verifies and describes is there already. strata/python has 0.2 MB more: five
// lockfiles of other programs, 174 locked builds of Python, and package URLs. strata/java has 0.4 MB more: three build tools,
// XML, class files, the packages of the JDK's modules, 80 archives of Java and a server for WARs in its locks. Compiling for another
// architecture, exchanging runtimes and what files open by name have 0.15 MB more. Finding system calls has 0.58 MB more: a decoder of
// x86-64, and the names of the calls of each architecture.
func TestSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("links the suite")
	}
	const now, perLanguage = 19_100_000, 500_000
	order := buildpackFiles(t)[root+"/buildpacks/languages/buildpack.toml"].Order
	budget := int64(now + perLanguage*(len(order)-4)) // Go, front ends, Node.js and plain files are in it
	suite := filepath.Join(t.TempDir(), "suite")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", suite, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	holdStart(t, suite)
	info, err := os.Stat(suite)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d bytes", info.Size(), budget)
	if info.Size() > budget {
		t.Errorf("suite has %d bytes, budget is %d", info.Size(), budget)
	}
}

// holdStart holds what the suite's binary makes when it starts: a build starts it for every buildpack of the order, and once more for
// those that build. A regular expression that repeats a class 255 times takes 240 kB and a millisecond.
func holdStart(t *testing.T, suite string) {
	t.Helper()
	const budget = 220_000 // bytes of a package of this module
	cmd := exec.CommandContext(t.Context(), suite)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, _ := cmd.CombinedOutput() // it has no name of a phase, and says so
	starts := regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes`).FindAllSubmatch(out, -1)
	if len(starts) < 10 {
		t.Fatalf("%d packages start\n%s", len(starts), out)
	}
	for _, start := range starts {
		size, err := strconv.Atoi(string(start[2]))
		if name := string(start[1]); err != nil || strings.HasPrefix(name, "github.com/strata-buildpacks/") && size > budget {
			t.Errorf("%s takes %s bytes to start, and may take %d (%v)", name, start[2], budget, err)
		}
	}
}
