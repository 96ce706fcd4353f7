package linkage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
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
	// Opens are the names of libraries that files of a folder open and that the image lacks, whether the packages have them or not.
	Opens map[string][]string `json:"opens"`
	// Asked are the packages that the user names and that are no packages for compilers: something may open what is in them by its name.
	Asked []string `json:"asked"`
	// Given are the libraries that the packages have of these two, and PlugIns the variables of plug-ins.
	Given   []string `json:"given"`
	PlugIns []string `json:"plug-ins"`
	// Has are the names of libraries that other layers have in the folder of the loader.
	Has []string `json:"has"`
	// Image is a hash of the names of the run image's libraries.
	Image string `json:"image"`
}

// bundle is what is known when the layer is made.
type bundle struct {
	key      bundleKey
	image    map[string]bool // names of the run image's libraries and of those of other layers
	packages debian.Packages
	triplet  string
}

// addBundle makes the layer if files lack libraries that the packages of BP_DEBIAN_PACKAGES have, and adds these to there. What
// layers of the previous image lack that can no longer be had is returned as files.
func addBundle(ctx context.Context, in bp.BuildContext, seen seen, layers []launchLayer, there libraries) ([]elfFile, error) {
	if !there.known || there.libc != bp.Glibc {
		return nil, nil
	}
	var before bundleKey
	if _, err := in.Layers.KeyBefore(bundled, &before); err != nil {
		return nil, err
	}
	asked, err := askedFor(in)
	if err != nil {
		return nil, err
	}
	b := bundle{
		key:   bundleKey{Recipe: 3, Wants: map[string][]string{}, Opens: map[string][]string{}, Asked: asked},
		image: maps.Clone(there.ofImage), triplet: deb.Triplets[in.Target.Arch],
	}
	b.key.Image = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(slices.Sorted(maps.Keys(there.ofImage)), "\n"))))
	gone := b.want(in.AppDir, seen, layers, there, before)
	if len(b.key.Wants)+len(b.key.Opens)+len(asked) == 0 {
		return nil, nil
	}
	if b.packages, err = debian.OpenAll(ctx, in); err != nil || b.packages.Key() == "" {
		return gone, err
	}
	b.key.Debian = b.packages.Key()
	if err := b.keepFound(ctx, before); err != nil || len(b.key.Wants)+len(b.key.Given)+len(b.key.PlugIns) == 0 {
		return gone, err
	}
	_, err = in.Layers.Contribute(ctx, layer.Request{
		Name: bundled, Flags: layer.Flags{Launch: true}, Key: b.key,
		Fill: func(ctx context.Context, l *layer.Layer) error { return b.fill(ctx, in, l) },
	})
	for _, name := range slices.Concat(b.key.Given, slices.Concat(slices.Collect(maps.Values(b.key.Wants))...)) {
		there.names[name] = true
	}
	for _, variable := range b.key.PlugIns {
		there.plugIns[variable] = true
	}
	return gone, err
}

// askedFor returns the packages that the user names, except those for compilers.
func askedFor(in bp.BuildContext) ([]string, error) {
	names, _, err := debian.Named(in.Workspace, debian.Aptfiles...)
	var asked []string
	for _, entry := range names {
		if name, _, _ := strings.Cut(entry, "="); !strings.HasSuffix(name, "-dev") {
			asked = append(asked, name)
		}
	}
	return asked, err
}

// want notes what files lack and open, and what a layer that is reused lacked before, which is returned as files, and opened.
func (b *bundle) want(app string, seen seen, layers []launchLayer, there libraries, before bundleKey) (gone []elfFile) {
	for _, file := range seen.files {
		folder := folderOf(file.path, app, layers)
		b.key.Wants[folder] = append(b.key.Wants[folder], there.missing(file)...)
	}
	for _, o := range seen.openers {
		folder := folderOf(o.path, app, layers)
		for _, one := range o.opens {
			if !slices.ContainsFunc(one.Names, func(name string) bool { return there.names[name] }) {
				b.key.Opens[folder] = append(b.key.Opens[folder], one.Names...)
			}
		}
	}
	for _, l := range layers {
		if names := before.Wants[l.folder]; !l.there && len(names) > 0 {
			b.key.Wants[l.folder] = names
			gone = append(gone, elfFile{l.folder, elf.File{Needed: names}})
		}
		if names := before.Opens[l.folder]; !l.there {
			b.key.Opens[l.folder] = names
		}
		b.key.Has = append(b.key.Has, l.Contents.Libraries...)
	}
	for _, lists := range []map[string][]string{b.key.Wants, b.key.Opens} {
		for folder, names := range lists {
			slices.Sort(names)
			lists[folder] = slices.Compact(names)
		}
		maps.DeleteFunc(lists, func(_ string, names []string) bool { return len(names) == 0 })
	}
	slices.Sort(b.key.Has)
	for _, name := range b.key.Has {
		b.image[name] = true
	}
	return gone
}

// folderOf returns the layer that a file is in, or the app's folder.
func folderOf(file, app string, layers []launchLayer) string {
	for _, l := range layers {
		if below(file, l.folder) {
			return l.folder
		}
	}
	return app
}

// keepFound leaves of what is wanted what the packages have, and notes what they have of what is opened. A build with the same packages as
// the one before knows that of what that one found without having them.
func (b *bundle) keepFound(ctx context.Context, before bundleKey) error {
	known := map[string]bool{}
	same := before.Debian == b.key.Debian && before.Recipe == b.key.Recipe
	if same {
		for _, names := range before.Wants {
			for _, name := range names {
				known[name] = true
			}
		}
	}
	same = same && before.Image == b.key.Image && slices.Equal(before.Has, b.key.Has) && slices.Equal(before.Asked, b.key.Asked)
	same = same && maps.EqualFunc(before.Opens, b.key.Opens, slices.Equal)
	b.key.Given, b.key.PlugIns = before.Given, before.PlugIns
	for _, names := range b.key.Wants {
		same = same && !slices.ContainsFunc(names, func(name string) bool { return !known[name] })
	}
	if same {
		return nil
	}
	root, err := b.packages.Install(ctx)
	if err != nil {
		return err
	}
	libraries, err := root.Libraries()
	if err != nil {
		return err
	}
	has := func(name string) bool { _, ok := libraries.Find(name); return ok }
	for folder, names := range b.key.Wants {
		b.key.Wants[folder] = slices.DeleteFunc(names, func(name string) bool { return !has(name) })
	}
	maps.DeleteFunc(b.key.Wants, func(_ string, names []string) bool { return len(names) == 0 })
	b.key.Given, b.key.PlugIns = nil, nil
	for _, names := range b.key.Opens {
		b.key.Given = append(b.key.Given, names...)
	}
	for _, name := range b.key.Asked {
		b.key.Given = append(b.key.Given, libraries.In(name)...)
	}
	b.key.Given = slices.DeleteFunc(b.key.Given, func(name string) bool { return b.image[name] || !has(name) })
	slices.Sort(b.key.Given)
	b.key.Given = slices.Compact(b.key.Given)
	for _, p := range plugIns {
		if slices.Contains(b.key.Asked, p.owner) {
			b.key.PlugIns = append(b.key.PlugIns, p.variable)
		}
	}
	return nil
}
