package native

import (
	debugelf "debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// workFolder is the folder of the app that has what is built and installed. Its path is the same in every build.
const workFolder = ".strata-native"

// epoch is the time of all files of the source and of what compilers write of the time: 1980, the first that a zip knows.
var epoch = time.Unix(315532800, 0)

// leaveOut removes from the app what is not its source: repositories, and objects and programs of an earlier build. Make would take them
// for those of this build, by their times.
func (b build) leaveOut() error {
	found, err := tree.Each(b.AppDir, nil, b.stale)
	if err != nil {
		return err
	}
	made := 0
	for _, one := range found {
		switch one.Value {
		case repository, work:
			b.Log.Debug("%s of the app: left out", one.Entry.Rel)
		case product:
			made++
		default:
			continue
		}
		if err := tree.Remove(one.Entry.Path); err != nil {
			return fmt.Errorf("removing %s: %w", one.Entry.Rel, err)
		}
	}
	if made > 0 {
		b.Log.Bullet("%d objects and programs of an earlier build: left out", made)
	}
	return nil
}

// The kinds of what is left out.
const (
	_          = iota
	repository // a folder or a file .git
	work       // what this buildpack made
	product    // what a compiler made
)

// stale returns the kind of what is left out, 0 for what stays.
func (b build) stale(e tree.Entry) (int, error) {
	switch {
	case e.Name() == ".git":
		return repository, nil
	case e.Rel == workFolder:
		return work, nil
	case !e.Type().IsRegular() || b.keep.Keeps(e.Rel):
		return 0, nil
	}
	kind, err := kindOf(e.Path)
	if errors.Is(err, fs.ErrNotExist) { // of a repository
		return 0, nil
	}
	if kind == object || kind == program {
		return product, err
	}
	return 0, err
}

// kind is what a compiler's product is.
type kind int

const (
	other   kind = iota
	object       // that a linker reads
	program      // that may be started
	library      // a shared library
	archive      // a static library
	foreign      // what a compiler made for macOS
)

// beginnings are those of files that are not ELF.
var beginnings = map[string]kind{"!<arch>\n": archive, "!<thin>\n": archive, "\xcf\xfa\xed\xfe": foreign}

// kindOf returns what a file is by its headers. A damaged one is nothing.
func kindOf(file string) (kind, error) {
	f, err := os.Open(file)
	if err != nil {
		return other, err
	}
	defer f.Close()
	header := make([]byte, 18) // up to the type
	n, err := f.ReadAt(header, 0)
	for beginning, kind := range beginnings {
		if strings.HasPrefix(string(header[:n]), beginning) {
			return kind, nil
		}
	}
	if err != nil || string(header[:4]) != debugelf.ELFMAG {
		return other, nil
	}
	if debugelf.Type(header[16]) == debugelf.ET_REL {
		return object, nil
	}
	h, loaded, err := elf.ReadHardening(f)
	switch {
	case err != nil || !loaded:
		return other, nil
	case h.Kind == "library":
		return library, nil
	}
	return program, nil
}

// prepare gives all files of the source one time, and what a compiler made of them an older one. It makes the folders of the job. By
// their own times, which a checkout makes as it comes, make would make again what the source has ready, and would take a library for that
// of a source that changed.
func (b build) prepare(j job) error {
	_, err := tree.Each(b.AppDir, nil, func(e tree.Entry) (struct{}, error) {
		if e.Type()&fs.ModeSymlink != 0 {
			return struct{}{}, nil // what it leads to has the time of its own
		}
		at := epoch
		if old, err := compiled(e); err != nil {
			return struct{}{}, err
		} else if old {
			at = epoch.Add(-time.Second)
		}
		return struct{}{}, os.Chtimes(e.Path, at, at)
	})
	for _, folder := range []string{j.staging, j.out, j.maps()} {
		err = errors.Join(err, os.MkdirAll(folder, 0o755))
	}
	for name, text := range map[string]string{staticCMake: staticCMakeText, crossFile: j.cross.mesonText()} {
		err = errors.Join(err, os.WriteFile(filepath.Join(j.home, name), []byte(text), 0o644))
	}
	return err
}

// compiled reports whether a file is what a compiler or libtool made.
func compiled(e tree.Entry) (bool, error) {
	if !e.Type().IsRegular() {
		return false, nil
	}
	if suffix := filepath.Ext(e.Rel); suffix == ".lo" || suffix == ".la" { // texts of libtool
		return true, nil
	}
	k, err := kindOf(e.Path)
	return k != other, err
}

// within reports whether a slash-separated path is a folder or below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
