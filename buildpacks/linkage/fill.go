package linkage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// filling is a layer of libraries while it is made.
type filling struct {
	*bundle
	layer     *layer.Layer
	root      debian.Root
	libraries debian.Libraries
	todo      []string            // names of libraries
	by        map[string]string   // what needs a library that no file needs itself
	of        map[string][]string // what is taken, by package URLs
}

// fill puts the libraries into the layer, those that they need and the plug-ins, and nothing else of the packages.
func (b *bundle) fill(ctx context.Context, in bp.BuildContext, l *layer.Layer) error {
	root, err := b.packages.Install(ctx)
	if err != nil {
		return err
	}
	f := filling{bundle: b, layer: l, root: root, todo: slices.Clone(b.key.Given), by: map[string]string{}, of: map[string][]string{}}
	if f.libraries, err = root.Libraries(); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(l.Path, "lib"), 0o755); err != nil {
		return fmt.Errorf("making the layer of libraries: %w", err)
	}
	for _, names := range b.key.Wants {
		f.todo = append(f.todo, names...)
	}
	slices.Sort(f.todo)
	if err := f.takeLibraries(); err != nil {
		return err
	}
	for _, p := range plugIns {
		if err := f.takePlugIn(p); err != nil {
			return err
		}
	}
	l.SBOM = &sbom.Document{Subject: sbom.Component{Name: "libraries"}}
	in.Log.Heading("Libraries of Debian that files need")
	for _, purl := range slices.Sorted(maps.Keys(f.of)) {
		c, err := root.Component(purl)
		if err != nil {
			return err
		}
		l.SBOM.Components = append(l.SBOM.Components, c)
		l.SBOM.Subject.Dependencies = append(l.SBOM.Subject.Dependencies, c.Ref())
		slices.Sort(f.of[purl])
		in.Log.Decision(strings.Join(f.of[purl], " "), c.Name+" "+c.Version, "")
	}
	return nil
}

// takeLibraries copies the libraries that are to be taken, and those that they need.
func (f *filling) takeLibraries() error {
	for ; len(f.todo) > 0; f.todo = f.todo[1:] {
		name := f.todo[0]
		to := filepath.Join(f.layer.Path, "lib", name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		library, ok := f.libraries.Find(name)
		if !ok {
			return fault.Fault{ID: "linkage-bundle", What: fmt.Sprintf("%s of Debian needs the library %s, which nothing has", f.by[name], name),
				Do: "name its package in " + debian.Variable + " too"}
		}
		if err := f.copy(library.File, to); err != nil {
			return err
		}
		f.of[library.Purl] = append(f.of[library.Purl], name)
	}
	return nil
}

// takePlugIn copies plug-ins if their package is asked for, or if the layer has the library that reads them and the packages have them. It
// takes the libraries that they need, and sets the variable.
func (f *filling) takePlugIn(p plugIn) error {
	from := filepath.Join(f.root.Dir, strings.ReplaceAll(p.path, "TRIPLET", f.triplet))
	_, err := os.Lstat(filepath.Join(f.layer.Path, "lib", p.reader))
	purl, asked := f.root.Named(p.owner), slices.Contains(f.key.PlugIns, p.variable)
	if purl == "" || !asked && (p.reader == "" || err != nil) { // other packages may have something in that folder
		return nil
	}
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	to := filepath.Join(f.layer.Path, path.Base(p.path))
	err = filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(name, from))
		switch {
		case entry.IsDir():
			return os.Mkdir(at, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			beside, err := os.Readlink(name)
			if err != nil || strings.Contains(beside, "/") {
				return err // what is elsewhere is not copied
			}
			return os.Symlink(beside, at)
		case !entry.Type().IsRegular():
			return nil
		}
		return f.copy(name, at)
	})
	if err != nil {
		return fmt.Errorf("taking %s of Debian: %w", p.path, err)
	}
	f.layer.LaunchEnv.Default(p.variable, to)
	f.of[purl] = append(f.of[purl], path.Base(p.path))
	return f.takeLibraries()
}

// copy copies a file of a package, and notes the libraries that it needs and that are not beside it.
func (f *filling) copy(from, to string) error {
	data, err := tree.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("taking a library of Debian: %w", err)
	}
	file, _, err := elf.Read(to)
	for _, needed := range file.Needed {
		beside := filepath.Join(filepath.Dir(from), needed)
		if _, err := os.Lstat(beside); err == nil && slices.Contains(file.Folders, "$ORIGIN") || f.image[needed] {
			continue
		}
		f.by[needed] = filepath.Base(to)
		f.todo = append(f.todo, needed)
	}
	return err
}
