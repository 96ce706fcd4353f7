package jdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Home is the folder of the runtime in an image.
const Home = "jre"

// Options are those of every process in an image, before those of the user. They are percentages of what a container may use, so
// that no amount of memory keeps a program from starting.
const Options = "-XX:MaxRAMPercentage=75 -XX:InitialRAMPercentage=25 -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true"

// webModules are the modules of the runtime for programs that serve and call over HTTP, with a database, and need nothing else.
var webModules = []string{
	"java.base", "java.instrument", "java.logging", "java.management", "java.naming", "java.net.http", "java.security.jgss",
	"java.security.sasl", "java.sql", "java.transaction.xa", "java.xml", "jdk.crypto.ec", "jdk.httpserver", "jdk.jdwp.agent",
	"jdk.management", "jdk.management.agent", "jdk.naming.dns", "jdk.net", "jdk.security.jgss", "jdk.unsupported", "jdk.zipfs",
}

// serverModules are the modules of the runtime for all other programs: all of Java's, and of the JDK's those that programs find by name.
var serverModules = []string{
	"java.se", "jdk.attach", "jdk.charsets", "jdk.crypto.cryptoki", "jdk.crypto.ec", "jdk.dynalink", "jdk.httpserver", "jdk.jdwp.agent",
	"jdk.jfr", "jdk.management", "jdk.management.agent", "jdk.management.jfr", "jdk.naming.dns", "jdk.net", "jdk.nio.mapmode", "jdk.sctp",
	"jdk.security.auth", "jdk.security.jgss", "jdk.unsupported", "jdk.xml.dom", "jdk.zipfs",
}

// Runtime is what an image has of a JDK.
type Runtime struct {
	jdk     JDK
	kind    string
	modules []string // sorted; none for all that the JDK has
	asked   []string // those of them that the user names
}

// Runtime returns the runtime of a JDK with modules, and what these need. The kind names it for people.
func (j JDK) Runtime(kind string, modules ...string) Runtime {
	return Runtime{jdk: j, kind: kind, modules: slices.Compact(slices.Sorted(slices.Values(modules)))}
}

// Server returns the runtime for any program. All apps share it.
func (j JDK) Server() Runtime { return j.Runtime("srv", serverModules...) }

// Web returns the runtime for programs that need no more modules than servers of HTTP do. All apps share it.
func (j JDK) Web() Runtime { return j.Runtime("web", webModules...) }

// kindAll is the kind of the runtime with all modules.
const kindAll = "all"

// All returns the runtime with all modules of the JDK, and their programs.
func (j JDK) All() Runtime { return j.Runtime(kindAll, "ALL-MODULE-PATH") }

// With returns the runtime with further modules, which the user names.
func (r Runtime) With(modules ...string) Runtime {
	with := r.jdk.Runtime(r.kind, slices.Concat(r.modules, modules)...)
	with.asked = modules
	return with
}

// Has reports whether the runtime has modules, by the names that it was asked for with.
func (r Runtime) Has(modules []string) bool {
	return !slices.ContainsFunc(modules, func(one string) bool { return !slices.Contains(r.modules, one) })
}

// Kind returns what people call the runtime.
func (r Runtime) Kind() string { return r.kind }

// runtimeRecipe changes when the same JDK and modules give another runtime.
const runtimeRecipe = "2"

// Folder names the runtime: another name for other files.
func (r Runtime) Folder() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{runtimeRecipe, Options}, r.modules...), " ")))
	return "jre-" + r.jdk.Version + "-" + r.jdk.digest() + "-" + r.kind + "-" + hex.EncodeToString(sum[:4])
}

// Tool returns the tool that the runtime is. It is the same, byte for byte, wherever and whenever it is made.
func (r Runtime) Tool(s Source) tool.Tool {
	return tool.Tool{
		Folder: r.Folder(), Title: fmt.Sprintf("the runtime of Java %s (%s)", r.jdk.Version, r.kind),
		Fill: func(ctx context.Context, _ *fetch.Client, dir string) error {
			home, err := s.Home(ctx, r.jdk)
			if err != nil {
				return err
			}
			if !r.jdk.Links() || r.kind == kindAll && !exists(filepath.Join(home, "jmods")) {
				return r.copy(home, dir)
			}
			if err := r.link(ctx, s, home, filepath.Join(dir, "linked")); err != nil {
				return err
			}
			if err := tree.Hoist(dir, "linked"); err != nil {
				return fmt.Errorf("moving the runtime: %w", err)
			}
			return r.trim(home, dir)
		},
	}
}

// translated are the messages of Java's own parsers and programs in other languages than English. Those of jdk.localedata are dates and
// numbers, which an app asks for.
const translated = `regex:/(?!jdk\.localedata/).*_(de|es|fr|it|ja|ko|pt_BR|sv|zh_CN|zh_HK|zh_TW)\.(class|properties)`

// link has jlink write the runtime. It makes real files of what are links in Debian's packages.
func (r Runtime) link(ctx context.Context, s Source, home, output string) error {
	modules := r.modules
	if jmods := filepath.Join(home, "jmods"); r.kind == "app" && exists(jmods) { // classes may mention modules of other releases
		modules = slices.DeleteFunc(slices.Clone(modules), func(one string) bool {
			return !slices.Contains(r.asked, one) && !exists(filepath.Join(jmods, one+".jmod"))
		})
	}
	args := []string{"--add-modules", strings.Join(modules, ","), "--output", output, "--no-man-pages", "--no-header-files",
		"--strip-java-debug-attributes", "--add-options", Options}
	if r.kind != kindAll {
		args = append(args, "--exclude-resources", translated)
	}
	if jmods := filepath.Join(home, "jmods"); exists(jmods) {
		args = append(args, "--module-path", jmods)
	}
	err := command.Run(ctx, command.Command{
		Path: filepath.Join(home, "bin", "jlink"), Args: args, Env: config.Environment{"LC_ALL": "C.UTF-8"}.List(), Log: s.Log,
	})
	if err != nil && ctx.Err() == nil {
		return fault.Fault{ID: "java-link", What: "linking the runtime of Java " + r.jdk.Version, Err: err,
			Do: "correct the modules in BP_JVM_MODULES, if one of them is not found"}
	}
	return err
}

// copy puts a JDK into the runtime's folder, if it is too old for a linked one: that of Java 8 has a runtime inside.
func (r Runtime) copy(home, dir string) error {
	if inner := filepath.Join(home, "jre"); exists(inner) {
		home = inner
	}
	if err := tree.Copy(home, dir); err != nil {
		return fmt.Errorf("copying the runtime of Java %s: %w", r.jdk.Version, err)
	}
	return tree.Remove(filepath.Join(dir, "jmods"))
}

// idle are files of a runtime that no program in an image reads: programs for people, what draws on screens and plays sounds, what other
// programs read Java's modules with, and the list of classes for an archive that is not made.
var idle = []string{
	"bin/jrunscript", "bin/jwebserver", "bin/rmiregistry", "lib/classlist", "lib/jexec", "lib/jrt-fs.jar",
	"lib/libawt_xawt.so", "lib/libjawt.so", "lib/libjsound.so", "lib/libsplashscreen.so", "legal",
}

// trim takes away what no program reads, and has the licences of Debian's packages in place of a copy for each module.
func (r Runtime) trim(home, dir string) error {
	for _, name := range idle {
		if err := tree.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("taking %s out of the runtime: %w", name, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, Drawing), 0o755); err != nil {
		return fmt.Errorf("making a folder for what draws: %w", err)
	}
	for _, name := range r.jdk.drawing() {
		from, to := filepath.Join(dir, "lib", name), filepath.Join(dir, Drawing, name)
		if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) { // a runtime without java.desktop has none
			return fmt.Errorf("moving what draws: %w", err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) != ".so" {
			return err
		}
		return strip(path)
	})
	if err != nil {
		return fmt.Errorf("taking symbols out of the runtime: %w", err)
	}
	return tree.Copy(filepath.Join(home, "legal"), filepath.Join(dir, "legal"))
}

// strip takes out of a library what no loader reads.
func strip(path string) error {
	small := path + ".small"
	if err := elf.Strip(path, small); err != nil {
		return err
	}
	return os.Rename(small, path)
}

// exists reports whether there is a file.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
