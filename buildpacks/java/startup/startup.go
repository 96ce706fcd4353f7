// Package startup makes archives by which an app starts faster: of classes that are read and verified (AppCDS), or of what a run of it has
// loaded and compiled (the AOT cache of Java 25). The app is run for that, in the build.
package startup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// Kind is a kind of archive.
type Kind string

// The kinds of archive.
const (
	CDS Kind = "app.jsa"
	AOT Kind = "app.aot"
)

// Run is how the app is started in an image. Java compares paths, sizes and times of all files of the class path with those that the
// archive was made of, so they are what they are in the image.
type Run struct {
	Java    string   // program
	Options []string // of Java, with the class path
	Main    []string // the main class with its arguments
	Train   []string // options of the run that is looked at
	Folders []string // of the files of Java and of the class path
	Dir     string
	Env     config.Environment
	Log     *report.Log
}

// exported is the time that files have in an image: the lifecycle's exporter sets it.
var exported = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)

const (
	// patience is how long an app may take until it listens or ends.
	patience = 2 * time.Minute
	// grace is how long Java may take to end. It writes what it has seen.
	grace = 5 * time.Minute
	// listFile has the names of the classes that an archive is made of.
	listFile = "classes.txt"
)

// Make makes the archive in a folder. The list of classes is kept in a cache: another run of the same app may load others, and one list
// gives the same archive, byte for byte.
func Make(ctx context.Context, r Run, kind Kind, dir, cache string) error {
	if err := r.date(); err != nil {
		return fmt.Errorf("setting the times of files: %w", err)
	}
	archive := filepath.Join(dir, string(kind))
	var err error
	switch kind {
	case AOT:
		done := r.Log.Phase("Running the app for an AOT cache")
		record := filepath.Join(cache, "app.aotconf")
		if err = r.train(ctx, record, "-XX:AOTMode=record", "-XX:AOTConfiguration="+record); err == nil {
			err = r.java(ctx, "-XX:AOTMode=create", "-XX:AOTConfiguration="+record, "-XX:AOTCache="+archive)
		}
		err = errors.Join(err, ignoreAbsent(os.Remove(record)))
		done()
	case CDS:
		list := filepath.Join(cache, listFile)
		if _, absent := os.Stat(list); absent != nil {
			done := r.Log.Phase("Running the app for a list of its classes")
			err = r.train(ctx, list, "-XX:DumpLoadedClassList="+list)
			done()
		}
		if err == nil {
			err = r.java(ctx, "-Xshare:dump", "-XX:SharedClassListFile="+list, "-XX:SharedArchiveFile="+archive)
		}
	}
	if err != nil {
		return err
	}
	return r.prove(ctx, kind, archive)
}

// Option returns the option by which Java uses the archive in a folder.
func Option(kind Kind, dir string) string {
	if kind == AOT {
		return "-XX:AOTCache=" + filepath.Join(dir, string(kind))
	}
	return "-XX:SharedArchiveFile=" + filepath.Join(dir, string(kind))
}

// quiet are options that leave out warnings: Java has hundreds about what an archive cannot have.
var quiet = []string{"-Xlog:disable", "-Xlog:all=error:stderr"}

// heap is the memory of each run. An archive is for heaps of less than 32 GB, whatever memory the build has, and the same bytes for each.
var heap = []string{"-Xms64m", "-Xmx1g"}

// collector matches options that choose a garbage collector. Without one, the archive is made with one that others can map.
var collector = regexp.MustCompile(`^-XX:\+Use[A-Za-z0-9]+GC$`)

// prove starts Java so that it ends if it cannot use the archive. Without this mode it says nothing, or little, and starts slowly.
func (r Run) prove(ctx context.Context, kind Kind, archive string) error {
	strict := []string{"-Xshare:on", "-XX:SharedArchiveFile=" + archive}
	if kind == AOT {
		strict = []string{"-XX:AOTMode=on", "-XX:AOTCache=" + archive}
	}
	call := r.command(slices.Concat(quiet, strict, r.Options, heap, []string{"-version"}), nil)
	call.Silent = true
	err := command.Run(ctx, call)
	if err != nil && ctx.Err() == nil {
		return fault.Fault{ID: "java-archive", What: "Java does not take the archive that it has made of the app", Err: err,
			Do: "build without BP_JVM_AOTCACHE_ENABLED and BP_JVM_CDS_ENABLED"}
	}
	return err
}

// java runs Java with options before those of the app, and no class.
func (r Run) java(ctx context.Context, options ...string) error {
	fixed := heap
	if !slices.ContainsFunc(r.Options, func(o string) bool { return collector.MatchString(o) }) {
		fixed = append(slices.Clone(heap), "-XX:+UseSerialGC")
	}
	err := command.Run(ctx, r.command(slices.Concat(quiet, options, r.Options, fixed), nil))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("making an archive of the app: %w", err)
	}
	return err
}

// command returns a call of Java.
func (r Run) command(args []string, env config.Environment) command.Command {
	return command.Command{Path: r.Java, Args: args, Dir: r.Dir, Env: r.Env.With(env).List(), Log: r.Log, Grace: grace}
}

// train runs the app until it ends, or until it listens, and then ends it. What Java writes then is in a file.
func (r Run) train(ctx context.Context, file string, options ...string) error {
	if err := ignoreAbsent(os.Remove(file)); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	before := listening()
	running, end := context.WithTimeout(ctx, patience)
	defer end()
	go func() {
		for running.Err() == nil && len(listening()) <= len(before) {
			time.Sleep(100 * time.Millisecond)
		}
		end()
	}()
	text := strconv.Itoa(port)
	env := config.Environment{"PORT": text, "SERVER_PORT": text, "QUARKUS_HTTP_PORT": text, "MICRONAUT_SERVER_PORT": text}
	err = command.Run(running, r.command(slices.Concat(quiet, options, r.Train, r.Options, heap, r.Main), env))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, absent := os.Stat(file)
	if absent == nil && (err == nil || running.Err() != nil) { // it ended, listens, or has run long enough
		return nil
	}
	if err == nil {
		err = absent
	}
	return fault.Fault{ID: "java-training", What: "the run of the app that its archive is made of failed", Err: err,
		Do: "let it start without the services that the build does not have, or build without BP_JVM_AOTCACHE_ENABLED and BP_JVM_CDS_ENABLED"}
}

// date gives all files of the class path and of Java the time that they have in an image.
func (r Run) date() error {
	for _, folder := range r.Folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			return os.Chtimes(path, exported, exported)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freePort returns a port of the loopback address that nobody listens at.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// listening returns the sockets that somebody listens at: an app may have a port of its own and not heed the one that it is told.
func listening() []string {
	var all []string
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[3] == "0A" { // TCP_LISTEN
				all = append(all, fields[1])
			}
		}
	}
	return all
}

// ignoreAbsent returns an error, unless it says that a file is not there.
func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
