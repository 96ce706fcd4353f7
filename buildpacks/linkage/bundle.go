package linkage

import (
	"context"
	"fmt"
	"maps"
	"os"
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

// bundled is the name of the layer with libraries of Debian's packages that files need and that nothing else has.
const bundled = "libraries"

// bundleKey is what that layer depends on.
type bundleKey struct {
	Recipe int    `json:"recipe"`
	Debian string `json:"debian"` // the packages with their versions
	// Wants are the names of libraries that the packages have, by the folder whose files lack them. A layer that is reused cannot be
	// looked at, and lacks what it did.
	Wants map[string][]string `json:"wants"`
	// Has are the names of libraries that other layers have in the folder of the loader.
	Has []string `json:"has"`
}

// bundle is what is known when the layer is made.
type bundle struct {
	key      bundleKey
	image    map[string]bool // names of the run image's libraries and of those of other layers
	packages debian.Packages
}

// addBundle makes the layer if files lack libraries that the packages of BP_DEBIAN_PACKAGES have, and adds these to there. What
// layers of the previous image lack that can no longer be had is returned as files.
func addBundle(ctx context.Context, in bp.BuildContext, files []elfFile, layers []launchLayer, there libraries) ([]elfFile, error) {
	if !there.known || there.libc != bp.Glibc {
		return nil, nil
	}
	var before bundleKey
	if _, err := in.Layers.KeyBefore(bundled, &before); err != nil {
		return nil, err
	}
	b := bundle{key: bundleKey{Recipe: 1, Wants: map[string][]string{}}, image: maps.Clone(there.ofImage)}
	for _, file := range files {
		folder := file.folder(in.AppDir, layers)
		b.key.Wants[folder] = append(b.key.Wants[folder], there.missing(file)...)
	}
	var gone []elfFile
	for _, l := range layers {
		if names := before.Wants[l.folder]; !l.there && len(names) > 0 {
			b.key.Wants[l.folder] = names
			gone = append(gone, elfFile{l.folder, elf.File{Needed: names}})
		}
		b.key.Has = append(b.key.Has, l.Contents.Libraries...)
	}
	maps.DeleteFunc(b.key.Wants, func(_ string, names []string) bool { return len(names) == 0 })
	if len(b.key.Wants) == 0 {
		return nil, nil
	}
	slices.Sort(b.key.Has)
	for _, name := range b.key.Has {
		b.image[name] = true
	}
	var err error
	if b.packages, err = debian.OpenAll(ctx, in); err != nil || b.packages.Key() == "" {
		return gone, err
	}
	b.key.Debian = b.packages.Key()
	if err := b.keepFound(ctx, before); err != nil || len(b.key.Wants) == 0 {
		return gone, err
	}
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: bundled, Flags: layer.Flags{Launch: true}, Key: b.key,
		Fill: func(ctx context.Context, l *layer.Layer) error { return b.fill(ctx, in, l) },
	})
	for _, names := range b.key.Wants {
		for _, name := range names {
			there.names[name] = true
		}
	}
	return gone, err
}

// folder returns the layer that a file is in, or the app's folder.
func (f elfFile) folder(app string, layers []launchLayer) string {
	for _, l := range layers {
		if below(f.path, l.folder) {
			return l.folder
		}
	}
	return app
}

// keepFound leaves of what is wanted what the packages have. A build with the same packages as the one before knows that of what that
// one found without having them.
func (b *bundle) keepFound(ctx context.Context, before bundleKey) error {
	known := map[string]bool{}
	if before.Debian == b.key.Debian {
		for _, names := range before.Wants {
			for _, name := range names {
				known[name] = true
			}
		}
	}
	var libraries *debian.Libraries
	for folder, names := range b.key.Wants {
		slices.Sort(names)
		var found []string
		for _, name := range slices.Compact(names) {
			if !known[name] && libraries == nil {
				root, err := b.packages.Install(ctx)
				if err != nil {
					return err
				}
				all, err := root.Libraries()
				if err != nil {
					return err
				}
				libraries = &all
			}
			ok := known[name]
			if !ok {
				_, ok = libraries.Find(name)
			}
			if ok {
				found = append(found, name)
			}
		}
		b.key.Wants[folder] = found
	}
	maps.DeleteFunc(b.key.Wants, func(_ string, names []string) bool { return len(names) == 0 })
	return nil
}

// fill puts the libraries into the layer, and those that they need, and nothing else of the packages.
func (b *bundle) fill(ctx context.Context, in bp.BuildContext, l *layer.Layer) error {
	root, err := b.packages.Install(ctx)
	if err != nil {
		return err
	}
	libraries, err := root.Libraries()
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(l.Path, "lib"), 0o755); err != nil {
		return fmt.Errorf("making the layer of libraries: %w", err)
	}
	var todo []string
	for _, names := range b.key.Wants {
		todo = append(todo, names...)
	}
	by := map[string]string{} // what needs a library that no file needs itself
	of := map[string][]string{}
	for slices.Sort(todo); len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		to := filepath.Join(l.Path, "lib", name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		library, ok := libraries.Find(name)
		if !ok {
			return fault.Fault{ID: "linkage-bundle", What: fmt.Sprintf("%s of Debian needs the library %s, which nothing has", by[name], name),
				Do: "name its package in " + debian.Variable + " too"}
		}
		file, err := copyLibrary(library.File, to)
		if err != nil {
			return err
		}
		of[library.Purl] = append(of[library.Purl], name)
		for _, needed := range file.Needed {
			if !b.image[needed] {
				by[needed] = name
				todo = append(todo, needed)
			}
		}
	}
	l.SBOM = &sbom.Document{Subject: sbom.Component{Name: "libraries"}}
	in.Log.Heading("Libraries of Debian that files need")
	for _, purl := range slices.Sorted(maps.Keys(of)) {
		c, err := root.Component(purl)
		if err != nil {
			return err
		}
		l.SBOM.Components = append(l.SBOM.Components, c)
		l.SBOM.Subject.Dependencies = append(l.SBOM.Subject.Dependencies, c.Ref())
		slices.Sort(of[purl])
		in.Log.Decision(strings.Join(of[purl], " "), c.Name+" "+c.Version, "")
	}
	return nil
}

// copyLibrary copies a library and returns what it needs.
func copyLibrary(from, to string) (elf.File, error) {
	data, err := tree.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		return elf.File{}, fmt.Errorf("taking a library of Debian: %w", err)
	}
	file, _, err := elf.Read(to)
	return file, err
}
