package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	strataelf "github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func linkageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "linkage IMAGE|FILE|oci:FOLDER",
		Short: "Show what programs and libraries need, where it is, and which run images would do",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			config, err := findConfig("")
			if err != nil {
				return err
			}
			return printLinkage(stdout, h.Store, args[0], filepath.Join(filepath.Dir(config), "stacks", "images"))
		},
	}
}

// linked is a program or a library.
type linked struct {
	path string
	strataelf.File
}

// linkage is what is known of the programs and libraries of an image, or of a file alone.
type linkage struct {
	files []linked
	names map[string][]string // paths by names of libraries, links too
	alone bool                // a file of this machine
}

// runImage is what a run image has: packages by the paths of files.
type runImage struct {
	name  string
	files map[string]string
}

// debianArchs are what Debian calls the machines that there are run images for.
var debianArchs = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// printLinkage prints what each program and library needs: of a file, of the files of a folder "oci:FOLDER" or of an archive that docker
// save wrote, or else of an image of the store. What a run image has by itself is left out. Stacks is the folder with the lists of what run
// images have.
func printLinkage(w io.Writer, s *store.Store, name, stacks string) error {
	l, err := readLinkage(s, name)
	if err != nil {
		return err
	}
	if len(l.files) == 0 {
		return fault.Fault{ID: "linkage-none", What: name + " has no program and no shared library",
			Do: "name a file of ELF or an image that has one"}
	}
	images, err := readRunImages(stacks, l.files[0].Machine)
	if err != nil {
		return err
	}
	l.leaveOut(images)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tNEEDS\tWHERE")
	for _, file := range l.files {
		shown := file.path
		for _, need := range file.needs() {
			fmt.Fprintf(table, "%s\t%s\t%s\n", shown, need, l.where(file, need, images))
			shown = ""
		}
		for _, o := range file.Opened {
			fmt.Fprintf(table, "%s\topens %s (%s)\t%s\n", shown, strings.Join(o.Names, " or "), o.Priority, l.whereAny(file, o.Names, images))
			shown = ""
		}
		if file.Converts {
			fmt.Fprintf(table, "%s\topens character sets by iconv_open\t%s\n", shown, l.converters())
			shown = ""
		}
		if shown != "" {
			fmt.Fprintf(table, "%s\tnothing\t-\n", shown)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	fmt.Fprintln(table, "\nRUN IMAGE\tWOULD DO")
	for _, image := range images {
		answer := "yes"
		if file, need := l.lacks(image); need != "" {
			answer = "no: " + file + " needs " + need
		}
		fmt.Fprintf(table, "%s\t%s\n", image.name, answer)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return nil
}

func readLinkage(s *store.Store, name string) (linkage, error) {
	l := linkage{names: map[string][]string{}}
	_, err := eachFile(s, name, func(file string, r io.ReaderAt) (bool, error) {
		if base := path.Base(file); strings.Contains(base, ".so") {
			l.names[base] = append(l.names[base], file)
		}
		if r == nil {
			return false, nil
		}
		read, loaded, err := strataelf.ReadAt(r)
		if err != nil {
			return false, fault.Fault{ID: "linkage-damaged", What: file, Err: err, Do: "make the file again"}
		}
		if loaded {
			l.files = append(l.files, linked{file, read})
		}
		return loaded, nil
	})
	slices.SortFunc(l.files, func(a, b linked) int { return strings.Compare(a.path, b.path) })
	l.alone = len(l.files) == 1 && l.files[0].path == name
	return l, err
}

// readRunImages reads what the run images for a machine have, from the lists of their stacks. All stand on the first.
func readRunImages(stacks string, machine elf.Machine) ([]runImage, error) {
	arch := debianArchs[machine]
	if arch == "" {
		return nil, fault.Fault{ID: "linkage-machine", What: "the first file is for machines of type " + machine.String(),
			Do: "name a file or an image for amd64 or arm64"}
	}
	var images []runImage
	for _, name := range []string{"static", "glibc", "musl"} {
		image := runImage{name, map[string]string{}}
		if len(images) > 0 {
			image.files = maps.Clone(images[0].files)
		}
		file := filepath.Join(stacks, name, "contents-"+arch+".txt")
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Fault{ID: "linkage-lists", What: "there is no list of what the run image " + name + " has: " + file,
				Do: "make it with strata stack update, or use a complete checkout or installation"}
		}
		if err != nil {
			return nil, fmt.Errorf("reading what run images have: %w", err)
		}
		for line := range bytes.Lines(data) {
			if words := strings.Fields(string(line)); len(words) >= 4 && words[0][0] != 'd' && words[0] != "#" {
				image.files[words[2]] = words[len(words)-1]
			}
		}
		images = append(images, image)
	}
	return images, nil
}

// leaveOut drops the files that are of a run image.
func (l *linkage) leaveOut(images []runImage) {
	if l.alone {
		return
	}
	of := func(file string) bool {
		return slices.ContainsFunc(images, func(image runImage) bool { return image.files[file] != "" })
	}
	l.files = slices.DeleteFunc(l.files, func(file linked) bool { return of(file.path) })
	for name, paths := range l.names {
		l.names[name] = slices.DeleteFunc(paths, of)
	}
}

// needs returns the loader and the libraries of a file.
func (f linked) needs() []string {
	if f.Interpreter == "" {
		return f.Needed
	}
	return append([]string{f.Interpreter}, f.Needed...)
}

// where says where what a file needs is found.
func (l linkage) where(file linked, need string, images []runImage) string {
	if at := l.find(file, need); at != "" {
		return at
	}
	var found []string
	for _, image := range images {
		if of := image.has(need); of != "" {
			found = append(found, "run image "+image.name+": "+of)
		}
	}
	if len(found) == 0 {
		return nowhere
	}
	return strings.Join(found, "; ")
}

// whereAny says where the first of several is found that is anywhere.
func (l linkage) whereAny(file linked, names []string, images []runImage) string {
	for _, name := range names {
		if at := l.where(file, name, images); at != nowhere {
			return at
		}
	}
	return nowhere
}

// converters says where the modules of iconv are.
func (l linkage) converters() string {
	if paths := l.names["UTF-16.so"]; len(paths) > 0 {
		return path.Dir(slices.Min(paths))
	}
	return "UTF-8, ASCII and UCS in glibc, no others"
}

// nowhere is where what nothing has is.
const nowhere = "nowhere"

// find returns the path of a library, first in the folders that the file names, "" if there is none outside of the run image.
func (l linkage) find(file linked, need string) string {
	for _, folder := range file.Folders {
		at := path.Join(strings.NewReplacer("$ORIGIN", path.Dir(file.path), "${ORIGIN}", path.Dir(file.path)).Replace(folder), need)
		if l.alone {
			if _, err := os.Stat(at); err == nil {
				return at
			}
		}
		if slices.Contains(l.names[path.Base(need)], at) {
			return at
		}
	}
	if path.IsAbs(need) && slices.Contains(l.names[path.Base(need)], need) { // a loader
		return need
	}
	if l.alone || len(l.names[need]) == 0 {
		return ""
	}
	return slices.Min(l.names[need])
}

// merged matches the folders that Debian has as links.
var merged = regexp.MustCompile(`^/(lib|lib64)/`)

// muslItself matches the names that musl's loader takes for itself.
var muslItself = regexp.MustCompile(`^lib(c|pthread|rt|m|dl|util|xnet)\.`)

// has returns the package of a run image that has what a file needs, "" if there is none.
func (i runImage) has(need string) string {
	if strings.HasPrefix(need, "/") {
		return i.files[merged.ReplaceAllString(need, "/usr/$1/")]
	}
	if i.name == "musl" && need != "libc.so.6" && (muslItself.MatchString(need) || strings.HasPrefix(need, "libc.musl-")) {
		return "musl"
	}
	for file, of := range i.files {
		if path.Base(file) == need && strings.HasPrefix(file, "/usr/lib") && i.name == "glibc" {
			return of
		}
	}
	return ""
}

// lacks returns the first file that needs what neither the image nor a run image has, and what that is.
func (l linkage) lacks(image runImage) (file, need string) {
	for _, f := range l.files {
		for _, need := range f.needs() {
			if l.find(f, need) == "" && image.has(need) == "" {
				return f.path, need
			}
		}
		for _, o := range f.Opened {
			if o.Priority == strataelf.Required && l.whereAny(f, o.Names, []runImage{image}) == nowhere {
				return f.path, strings.Join(o.Names, " or ")
			}
		}
	}
	return "", ""
}
