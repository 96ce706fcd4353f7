package linkage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// elfFile is what a program or shared library asks of the machine that it is loaded on.
type elfFile struct {
	path string
	elf.File
}

// seen are the programs and shared libraries of the app and of layers, and what opens libraries by their names.
type seen struct {
	files   []elfFile
	openers []opener
	jars    []string // archives out of which Java takes libraries
	reused  bool     // whether a layer is taken from the previous image and has no files
}

// leave drops the files of which spare reports that the app can do without, and returns how many these are. What the others open counts.
func (s *seen) leave(spare func(elfFile) bool) int {
	all := len(s.files)
	s.files = slices.DeleteFunc(s.files, spare)
	for _, file := range s.files {
		if len(file.Opened) > 0 {
			s.openers = append(s.openers, opener{path: file.path, opens: file.Opened})
		}
	}
	return all - len(s.files)
}

// read adds the programs and shared libraries below root in the order of their paths, except those that a pattern of ignore matches, and
// the names of libraries to there.
func (s *seen) read(ctx context.Context, root string, ignore []string, there libraries) error {
	for _, pattern := range ignore {
		if _, err := path.Match(pattern, ""); err != nil {
			return fault.Fault{
				ID:   "linkage-pattern",
				What: fmt.Sprintf("BP_LINKAGE_IGNORE has the pattern %q", pattern),
				Do:   "close its bracket",
				Err:  err,
			}
		}
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		if slices.ContainsFunc(ignore, func(p string) bool { ok, _ := path.Match(strings.TrimSuffix(p, "/"), relative); return ok }) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		there.add(entry)
		if entry.IsDir() && strings.HasSuffix(name, ".dist-info") {
			if o, ok := distribution(name); ok {
				s.openers = append(s.openers, o)
			}
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		if strings.HasSuffix(name, ".jar") {
			s.jars = append(s.jars, name)
			return nil
		}
		info, err := entry.Info()
		if err != nil || !loadable(info) {
			return err
		}
		file, ok, err := elf.Read(name)
		if ok {
			s.files = append(s.files, elfFile{name, file})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for programs in %s: %w", root, err)
	}
	return nil
}

// loadable reports whether a file may be a program or a shared library, by its mode and name. Others are not opened.
func loadable(info fs.FileInfo) bool {
	name := info.Name()
	return info.Mode()&0o111 != 0 || strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.") || strings.HasSuffix(name, ".node")
}
