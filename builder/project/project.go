// Package project reads project.toml (buildpacks/spec, extensions/project-descriptor.md) as pack v0.40 does,
// and decides what of it an app may say: who builds an app decides whom the build trusts.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// FileName is where a descriptor is in the folder of an app.
const FileName = "project.toml"

// maxSize keeps a descriptor from costing the machine more than a build may.
const maxSize = 64 << 10

// Descriptor is what a project.toml says about a build. The zero value is the one of an app that has none.
type Descriptor struct {
	Builder    string
	Buildpacks []string // ID or ID@VERSION; if there are any, they are all that the app is built with
	Pre, Post  []string // the same, before and after each group of the builder
	Notes      []string // what is in the file and counts for nothing

	file             string // what errors call it
	include, exclude []string
	env              []variable
}

// Read reads a descriptor from file or, if file is empty, from the app's folder, where it may be missing.
func Read(app, file string) (Descriptor, error) {
	d, do := Descriptor{file: file}, "name a file that you may read"
	if file == "" {
		d.file, do = FileName, "make it a file of the app, or name another with --descriptor"
	}
	content, err := load(app, file)
	switch {
	case file == "" && errors.Is(err, fs.ErrNotExist):
		return Descriptor{}, nil
	case err != nil:
		return Descriptor{}, fault.Fault{ID: "project-unreadable", What: "cannot read " + d.file, Err: err, Do: do}
	}
	if err := d.parse(content); err != nil {
		return Descriptor{}, err
	}
	return d, d.checkPatterns()
}

// load reads a file that the user named, or the app's own, which is followed nowhere outside of the app.
func load(app, file string) (string, error) {
	// A pipe is not waited for.
	const mode = os.O_RDONLY | syscall.O_NONBLOCK
	var f *os.File
	var err error
	if file != "" {
		f, err = os.OpenFile(file, mode, 0)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(app); err != nil {
			return "", err
		}
		defer root.Close()
		f, err = root.OpenFile(FileName, mode, 0)
	}
	if err != nil {
		return "", fault.WithoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fault.WithoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fault.WithoutPath(err)
	}
	if len(content) > maxSize {
		return "", fmt.Errorf("it has more than %d kB", maxSize>>10)
	}
	return string(content), nil
}

// wrong is the fault of a descriptor that means nothing.
func (d *Descriptor) wrong(format string, args ...any) error {
	return fault.Fault{ID: "project-invalid", What: d.file + " " + fmt.Sprintf(format, args...), Do: "correct the file"}
}

// ignored notes what counts for nothing.
func (d *Descriptor) ignored(format string, args ...any) {
	d.Notes = append(d.Notes, d.file+": "+fmt.Sprintf(format, args...))
}
