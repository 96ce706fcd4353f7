package linkage

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// image is what the app image will hold, as far as that is known when it is built. No link is followed out of it.
type image struct {
	app      string
	root     string // the folder of the layers of all buildpacks
	layers   []launchLayer
	path     []string // the folders of PATH, of all processes and in no order
	open     bool     // whether PATH may have more programs than is known
	programs []string // paths of those of the run image; nil if they are not known
	given    []string // programs and files that the user says are there, as processes name them
}

// system is PATH of Strata's run images, behind links.
var system = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"}

// imageOf returns what is known of an image with these layers. The launcher puts the folder bin of each on PATH, and what their
// environment says.
func imageOf(in bp.BuildContext, layers []launchLayer, given []string) image {
	i := image{app: in.AppDir, root: filepath.Dir(in.Layers.Path()), layers: layers, path: slices.Clone(system), given: given}
	if libc, _ := in.Target.Libc(); in.Target.Ours() {
		i.programs = programsOf(libc)
	}
	i.open = i.programs == nil
	for _, l := range layers {
		i.path = append(append(i.path, path.Join(l.folder, "bin")), l.Contents.Path...)
		i.open = i.open || !l.Contents.Known
	}
	return i
}

// place is where something of the image is.
type place int

const (
	nowhere  place = iota
	there          // in the app's folder or in a layer, where it can be looked at
	runImage       // where the run image may have it
	unseen         // in what has no folder: a layer of the previous image, an archive
)

// found is what a path of the image leads to.
type found struct {
	place
	path string // behind all links
	mode fs.FileMode
}

// maxLinks is how many links Linux follows in a path.
const maxLinks = 40

// resolve follows a path of the image, absolute links and those that leave the app's folder too, as the container will.
func (i image) resolve(name string) found {
	at, todo := "/", strings.Split(name, "/")
	last := found{there, "/", fs.ModeDir}
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		next := path.Join(at, part) // at is behind all links, so ".." is what it seems
		rest := path.Join(next, path.Join(todo...))
		switch i.placeOf(next) {
		case nowhere:
			return found{place: nowhere, path: rest}
		case runImage:
			return found{place: runImage, path: merged(rest)}
		case unseen:
			return i.reused(rest)
		}
		if i.above(next) {
			at, last = next, found{there, next, fs.ModeDir}
			continue
		}
		info, err := os.Lstat(next)
		switch {
		case err != nil && archive.MatchString(rest):
			return found{place: unseen, path: rest}
		case err != nil:
			return found{place: nowhere, path: rest}
		case info.Mode()&fs.ModeSymlink == 0:
			at, last = next, found{there, next, info.Mode()}
			continue
		}
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return found{place: nowhere, path: rest}
		}
		if path.IsAbs(target) {
			at = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return last
}

// placeOf returns where a path without links would be.
func (i image) placeOf(name string) place {
	switch {
	case below(name, i.app) || i.above(name):
		return there
	case !below(name, i.root):
		return runImage
	}
	if l := i.layerOf(name); l != nil {
		if l.there {
			return there
		}
		return unseen
	}
	return nowhere
}

// above reports whether a path leads to the app's folder or to a layer.
func (i image) above(name string) bool {
	return below(i.app, name) && name != i.app || below(i.root, name) || path.Dir(name) == i.root
}

// layerOf returns the launch layer that a path is in, nil if there is none.
func (i image) layerOf(name string) *launchLayer {
	if k := slices.IndexFunc(i.layers, func(l launchLayer) bool { return below(name, l.folder) }); k >= 0 {
		return &i.layers[k]
	}
	return nil
}

// reused returns what is known of a path in a layer of the previous image: the names of its programs.
func (i image) reused(name string) found {
	l := i.layerOf(name)
	if l.Contents.Known && path.Dir(name) == path.Join(l.folder, "bin") && !slices.Contains(l.Contents.Programs, path.Base(name)) {
		return found{place: nowhere, path: name}
	}
	return found{place: unseen, path: name}
}

// archive matches a path that Yarn's Plug'n'Play reads from an archive, or that only it knows.
var archive = regexp.MustCompile(`\.zip/|/__virtual__(/|$)`)

// usr matches the folders that Debian has as links.
var usr = regexp.MustCompile(`^/(s?bin|lib|lib64)(/|$)`)

func merged(name string) string { return usr.ReplaceAllString(name, "/usr/$1$2") }

// below reports whether a path is a folder or in it.
func below(name, folder string) bool {
	return name == folder || folder == "/" || strings.HasPrefix(name, folder+"/")
}

// search returns the program that the launcher finds on PATH, and whether PATH may have more than is known.
func (i image) search(name string) (f found, open bool) {
	open = i.open
	for _, folder := range i.path {
		f := i.resolve(path.Join(folder, name))
		switch {
		case f.program() || f.place == runImage && slices.Contains(i.programs, f.path):
			return f, false
		case f.place != unseen:
			continue
		}
		if l := i.layerOf(f.path); l != nil && l.Contents.Known && path.Dir(f.path) == path.Join(l.folder, "bin") {
			return f, false
		}
		open = open || i.programs == nil || !slices.Contains(shells, name) && !slices.Contains(builtins, name) // which no package has
	}
	return found{path: name}, open
}

// file reports whether a path can be looked at and is that of a file.
func (f found) file() bool { return f.place == there && f.mode.IsRegular() }

// program reports whether it is one that may be executed.
func (f found) program() bool { return f.file() && f.mode&0o111 != 0 }

// has reports whether a program is on PATH.
func (i image) has(name string) bool {
	f, _ := i.search(name)
	return f.place != nowhere
}

// names returns the names of the programs that are on PATH.
func (i image) names() []string {
	var names []string
	for _, l := range i.layers {
		names = append(names, l.Contents.Programs...)
	}
	for _, folder := range i.path {
		for _, name := range i.list(folder) {
			if i.resolve(path.Join(folder, name)).program() {
				names = append(names, name)
			}
		}
	}
	for _, program := range i.programs {
		names = append(names, path.Base(program))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// list returns the names in a folder of the app or of a layer.
func (i image) list(folder string) []string {
	f := i.resolve(folder)
	if f.place != there || i.above(f.path) {
		return nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil // it is no folder
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
