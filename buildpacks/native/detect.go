package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/native/tools"
)

// Detect takes part in apps that have a file of a builder at their root, and sources in C or C++. On a run image without a C library it
// does where static programs are asked for.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	s, err := readSettings(in.Workspace)
	if err != nil {
		return bp.DetectResult{}, err
	}
	b, file, err := choose(in.AppDir, s.Builder)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if b == nil {
		return bp.Fail(file), nil
	}
	libc, _ := in.Target.Libc()
	if libc == bp.Static && s.Link != static && in.Env[bp.EnvRunImageChosen] == "" {
		return bp.Fail(file + " found, but programs in C and C++ are linked to glibc; set BP_NATIVE_LINK=static for programs without it"), nil
	}
	var names []string
	for _, of := range compiler.Workspaces(in.Workspace) {
		if folder, err := (compiler.Compiler{In: of}).Folder(); err == nil {
			names = append(names, folder)
		}
	}
	if t, err := tools.New(in.Here(), "", nil); err == nil { // the build says what is wrong
		names = append(names, t.Folder)
	}
	plan := bp.Plan{Provides: []string{"native"}, Requires: []bp.Entry{bp.Tools("native", names...)}}
	return bp.Pass(file+" found", plan), nil
}

// choose returns the builder of an app and the file by which it is chosen, or no builder and the reason. A name that is asked for needs
// its file too.
func choose(app, asked string) (*builder, string, error) {
	var wanted []string
	for i, b := range builders {
		if asked != "" && b.name != asked {
			continue
		}
		for _, name := range b.files {
			info, err := os.Stat(filepath.Join(app, name))
			switch {
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return nil, "", fmt.Errorf("looking for %s: %w", name, err)
			case err != nil || !info.Mode().IsRegular():
				continue
			}
			if found, err := hasSources(app); err != nil || !found {
				return nil, name + " found, but no file in C or C++", err
			}
			return &builders[i], name, nil
		}
		wanted = append(wanted, b.files...)
	}
	if asked != "" {
		return nil, "BP_NATIVE_BUILDER is " + asked + ", but there is no " + strings.Join(wanted, ", "), nil
	}
	return nil, "no CMakeLists.txt, meson.build, configure or Makefile", nil
}

// sources are the endings of files in languages that the compiler compiles.
var sources = strings.Fields(".c .cc .cpp .cxx .c++ .C .m .s .S")

// deepest is how many levels below the root sources are looked for.
const deepest = 4

// hasSources reports whether an app has a file in C or C++, at most four levels deep. A folder that cannot be read has nothing to build.
func hasSources(app string) (bool, error) {
	found := false
	err := fs.WalkDir(os.DirFS(app), ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil && name != "." && errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil || name == ".":
			return err
		case d.IsDir() && (strings.HasPrefix(base, ".") || base == "node_modules" || strings.Count(name, "/") >= deepest):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains(sources, path.Ext(base)):
			found = true
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("looking for files in C and C++: %w", err)
	}
	return found, nil
}
