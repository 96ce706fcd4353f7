package native

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/native/tools"
)

// builder is a program that builds apps.
type builder struct {
	name  string
	files []string // those by which it is detected, the most telling first
	steps func(job) []step
}

// builders are all builders, in the order in which they are looked for.
var builders = []builder{
	{"cmake", []string{"CMakeLists.txt"}, job.cmake},
	{"meson", []string{"meson.build"}, job.meson},
	{"autotools", []string{"configure", "autogen.sh", "configure.ac", "configure.in"}, job.autotools},
	{"make", []string{"GNUmakefile", "makefile", "Makefile"}, job.make},
}

// job is what a builder is told.
type job struct {
	settings
	app      string // the folder of the source
	out      string // a folder for builders that build outside of the source
	prefix   string // where what is installed will be
	staging  string // the folder below which it is installed
	home     string // HOME of the builder
	packages string // the folder of Debian's packages, "" for none
	file     string // by which the builder was chosen
	cross    cross
}

// step is a call of a program.
type step struct {
	title string
	argv  []string
	dir   string
	env   config.Environment // besides what all steps see
	// dry is a call that prints what the step would do. Where it names neither the prefix nor DESTDIR, or there is no such
	// target, the step is passed over.
	dry []string
}

// static reports whether programs are linked to no library.
func (j job) static() bool { return j.Link == static }

func (j job) cmake() []step {
	argv := []string{
		"cmake", "-S", j.app, "-B", j.out, "-G", "Ninja", "-Wno-dev", "--no-warn-unused-cli", "-DCMAKE_BUILD_TYPE=Release",
		"-DCMAKE_INSTALL_PREFIX=" + j.prefix,
		"-DCMAKE_INSTALL_LIBDIR=lib", "-DCMAKE_INSTALL_SBINDIR=bin", "-DBUILD_TESTING=OFF", "-DCMAKE_EXPORT_NO_PACKAGE_REGISTRY=ON",
		"-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
	}
	if j.packages != "" {
		argv = append(argv, "-DCMAKE_PREFIX_PATH="+filepath.Join(j.packages, "usr"))
	}
	if j.static() {
		argv = append(argv, "-DBUILD_SHARED_LIBS=OFF", "-DCMAKE_PROJECT_INCLUDE="+filepath.Join(j.home, staticCMake),
			"-DOPENSSL_USE_STATIC_LIBS=ON", "-DZLIB_USE_STATIC_LIBS=ON", "-DBoost_USE_STATIC_LIBS=ON")
	}
	argv = append(argv, j.cross.cmake(j.packages)...)
	return []step{
		{title: "cmake", argv: append(argv, j.Configure...), dir: j.app},
		{title: "ninja", argv: append([]string{"ninja", "-C", j.out}, j.Make...), dir: j.app, env: j.mapped()},
		{title: "cmake --install", argv: []string{"cmake", "--install", j.out}, dir: j.app, env: j.destination()},
	}
}

// staticCMake is the file in HOME that CMake reads after the app's call of project: modules of CMake's set
// there what libraries are called.
const staticCMake = "static.cmake"

const staticCMakeText = "set(CMAKE_FIND_LIBRARY_SUFFIXES .a)\n"

func (j job) meson() []step {
	argv := []string{
		"meson", "setup", j.out, j.app, "--buildtype=release", "--prefix=" + j.prefix, "--libdir=lib", "--sbindir=bin", "--wrap-mode=default",
	}
	if j.static() {
		argv = append(argv, "--default-library=static", "-Dprefer_static=true")
	}
	argv = append(argv, j.cross.meson(j.home)...)
	return []step{
		{title: "meson setup", argv: append(argv, j.Configure...), dir: j.app},
		{title: "ninja", argv: append([]string{"ninja", "-C", j.out}, j.Make...), dir: j.app, env: j.mapped()},
		{title: "meson install", argv: []string{"meson", "install", "-C", j.out, "--no-rebuild"}, dir: j.app, env: j.destination()},
	}
}

func (j job) autotools() []step {
	var steps []step
	switch j.file {
	case "configure":
	case "autogen.sh":
		steps = append(steps, step{title: "autogen.sh", argv: []string{"sh", "./autogen.sh"}, dir: j.app})
	default:
		steps = append(steps, step{title: "autoreconf", argv: []string{"autoreconf", "--force", "--install"}, dir: j.app})
	}
	argv := []string{"sh", "./configure", "--prefix=" + j.prefix}
	if !j.handWritten() {
		argv = append(argv, "--sbindir="+filepath.Join(j.prefix, "bin"), "--libdir="+filepath.Join(j.prefix, "lib"),
			"--disable-dependency-tracking", "--disable-silent-rules")
		argv = append(argv, j.cross.configure()...)
		if j.static() {
			argv = append(argv, "--disable-shared")
		}
	}
	return append(append(steps, step{title: "configure", argv: append(argv, j.Configure...), dir: j.app}), j.make()...)
}

// handWritten reports whether the app's configure is a script of its own, which may know the option --prefix alone.
func (j job) handWritten() bool {
	if j.file != "configure" {
		return false
	}
	text, err := os.ReadFile(filepath.Join(j.app, "configure"))
	return err == nil && !strings.Contains(string(text[:min(len(text), 4096)]), "GNU Autoconf")
}

func (j job) make() []step {
	places := []string{"DESTDIR=" + j.staging}
	if j.file == "Makefile" || j.file == "makefile" || j.file == "GNUmakefile" { // no configure has written the prefix into it
		places = append(places, "PREFIX="+j.prefix, "prefix="+j.prefix)
	}
	variables := slices.DeleteFunc(slices.Clone(j.Make), func(word string) bool { return !strings.Contains(word, "=") })
	install := slices.Concat([]string{"make", "install"}, places, variables)
	return []step{
		{title: "make", argv: slices.Concat([]string{"make"}, places[1:], j.Make), dir: j.app, env: j.parallel()},
		{title: "make install", argv: install, dir: j.app, dry: slices.Insert(slices.Clone(install), 1, "--dry-run")},
	}
}

// destination names the folder below which files are installed.
func (j job) destination() config.Environment { return config.Environment{"DESTDIR": j.staging} }

// parallel lets make call as many compilers at a time as there are processors; ninja does so by itself.
func (j job) parallel() config.Environment {
	return j.mapped().With(config.Environment{"MAKEFLAGS": "-j" + strconv.Itoa(runtime.NumCPU())})
}

func (j job) maps() string { return filepath.Join(j.home, "maps") }

// mapped has the linker note what it links into programs.
func (j job) mapped() config.Environment { return config.Environment{tools.Maps: j.maps()} }
