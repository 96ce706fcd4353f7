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

// elfFiles returns the programs and shared libraries below root in the order of their paths, except those that a pattern
// of ignore matches. It adds the names of libraries to there.
func elfFiles(ctx context.Context, root string, ignore []string, there libraries) ([]elfFile, error) {
	for _, pattern := range ignore {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fault.Fault{
				ID:   "linkage-pattern",
				What: fmt.Sprintf("BP_LINKAGE_IGNORE has the pattern %q", pattern),
				Do:   "close its bracket",
				Err:  err,
			}
		}
	}
	var files []elfFile
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
		if !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || !loadable(info) {
			return err
		}
		file, ok, err := elf.Read(name)
		if ok {
			files = append(files, elfFile{name, file})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for programs in %s: %w", root, err)
	}
	return files, nil
}

// loadable reports whether a file may be a program or a shared library, by its mode and name. Others are not opened.
func loadable(info fs.FileInfo) bool {
	name := info.Name()
	return info.Mode()&0o111 != 0 || strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.") || strings.HasSuffix(name, ".node")
}
