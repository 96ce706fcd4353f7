package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// recipe changes when the same packages give another folder.
const recipe = "4"

// Root is a folder with the files of packages, below usr as they would be installed.
type Root struct {
	Dir     string
	triplet string
	locked  []deb.Locked
	here    *Root // with programs that run, if those of this root are for another architecture
}

// contents is the file of a root with the packages that libraries are of, static ones too, by their paths below the root.
const contents = "libraries.json"

// Install returns the folder of the packages, and a zero Root for none. It fetches them unless the cache has them.
func (p Packages) Install(ctx context.Context) (Root, error) {
	if len(p.Locked) == 0 {
		return Root{}, nil
	}
	s := p.from
	root := Root{triplet: deb.Triplets[s.In.Target.Arch], locked: p.Locked}
	cache := filepath.Join(s.Dir, "packages")
	if p.here != nil {
		here, err := p.here.Install(ctx)
		if err != nil {
			return root, err
		}
		root.here = &here
	}
	t := tool.Tool{Folder: "debian-" + p.Key(), Title: deb.Title("named packages", p.Locked)}
	t.Fill = func(ctx context.Context, client *fetch.Client, dir string) error {
		libraries, err := p.unpack(ctx, client, dir)
		if err != nil {
			return err
		}
		data, err := json.Marshal(libraries)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, contents), data, 0o644)
		}
		if err != nil {
			return err
		}
		return root.writePrograms(dir, filepath.Join(cache, t.Folder))
	}
	var err error
	root.Dir, err = tool.Replace(ctx, s.In, cache, t)
	return root, explain(err)
}

// unpack writes the files of all packages into a folder. It returns the package URL of each library, by its path.
func (p Packages) unpack(ctx context.Context, client *fetch.Client, dir string) (map[string]string, error) {
	libraries := map[string]string{}
	var lock sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, one := range p.Locked {
		want := func(name string) bool {
			take := wanted(name) && (one.Name != libc || strings.Contains(name, "/gconv/") || strings.HasPrefix(name, "usr/share/doc/"))
			if take && isLibrary(name) {
				lock.Lock()
				defer lock.Unlock()
				libraries[name] = one.Purl
			}
			return take
		}
		g.Go(func() error {
			return deb.Unpack(ctx, client, p.from.Mirrors, []deb.Locked{one}, dir, unpack.Options{Want: want})
		})
	}
	return libraries, g.Wait()
}

// libc is the package of glibc. What programs are linked against and loaded by is the compiler's and the build image's; of a package that a
// user names there are the converters of character sets alone.
const libc = "libc6"

// parallel is how many packages are fetched and unpacked at a time.
const parallel = 4

// isLibrary reports whether a file has the name of a library.
func isLibrary(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(name, "usr/lib/") &&
		(strings.HasSuffix(base, ".so") || strings.HasSuffix(base, ".a") || strings.Contains(base, ".so."))
}

// unread are the folders of usr/share that no compilation reads. Of the first, copyright files stay: bills of materials have licences.
var unread = strings.Fields("doc bash-completion bug doc-base fonts gtk-doc help icons info lintian locale man mime zsh")

func wanted(name string) bool {
	if !strings.HasPrefix(name, "usr/") {
		return false
	}
	rest, shared := strings.CutPrefix(name, "usr/share/")
	folder, file, _ := strings.Cut(rest, "/")
	return !shared || !slices.Contains(unread, folder) || folder == unread[0] && path.Base(file) == "copyright"
}

// writePrograms makes the folder bin of a root, which will be at a path. It has the programs, scripts that start those for Perl, and
// scripts for programs that tell a compiler where things are: they know of /usr alone. Of another architecture, only programs that tell
// have a use here, if they are scripts themselves, and this machine's are in the place of others.
func (r Root) writePrograms(dir, at string) error {
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(dir, "usr/bin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		name, call := entry.Name(), filepath.Join(at, "usr/bin", entry.Name())
		interpreter, err := interpreterOf(filepath.Join(dir, "usr/bin", name))
		if err != nil {
			return err
		}
		ofPerl, foreign := strings.Contains(interpreter, "perl"), r.here != nil
		tells := name != "pkg-config" && (strings.HasSuffix(name, "-config") || strings.HasSuffix(name, "_config"))
		if foreign && (!tells || interpreter == "") {
			if err := r.substitute(dir, name); err != nil {
				return err
			}
			continue
		}
		start := "#!/bin/sh\n"
		if ofPerl {
			of, root := r, at
			if foreign {
				of, root = *r.here, r.here.Dir
			}
			start += "export PERL5LIB=" + filepath.Join(root, "usr/lib", of.triplet, perl) + "\n"
			call = filepath.Join(root, "usr/bin/perl") + " " + call
		}
		script := start + "exec " + call + ` "$@"` + "\n"
		if tells {
			script = start + "set -e\nout=$(" + call + ` "$@")` + "\n" +
				`printf '%s\n' "$out" | sed -E 's#(^|[ =ILR:])/usr/#\1` + at + `/usr/#g'` + "\n"
		}
		if tells || ofPerl {
			err = os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755)
		} else {
			err = os.Symlink(call, filepath.Join(bin, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// substitute puts a program of this machine, if there is one of that name, in the place of one for another architecture.
func (r Root) substitute(dir, name string) error {
	file, program := filepath.Join(dir, "usr/bin", name), filepath.Join(r.here.Dir, "bin", name)
	err := os.Remove(file)
	if _, absent := os.Lstat(program); err == nil && absent == nil {
		script := "#!/bin/sh\nexport LD_LIBRARY_PATH=" + filepath.Join(r.here.Dir, "usr/lib", r.here.triplet) +
			"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\nexec " + program + ` "$@"` + "\n"
		err = errors.Join(os.WriteFile(filepath.Join(dir, "bin", name), []byte(script), 0o755), os.Symlink("../../bin/"+name, file))
	}
	if err != nil {
		return fmt.Errorf("replacing a program for another architecture: %w", err)
	}
	return nil
}

// interpreterOf returns the first line of a program that is a script, and "" for any other. A link that leads nowhere is none.
func interpreterOf(file string) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, 64))
	line, _, _ := strings.Cut(string(start), "\n")
	if !strings.HasPrefix(line, "#!") {
		return "", err
	}
	return line, err
}

// folders are those that compilers, pkg-config and programs look into, by variable. TRIPLET is the architecture's folder.
var folders = map[string][]string{
	"PATH":            {"bin"},
	"CPATH":           {"usr/include/TRIPLET", "usr/include"},
	"LIBRARY_PATH":    {"usr/lib/TRIPLET", "usr/lib"},
	"LD_LIBRARY_PATH": {"usr/lib/TRIPLET", "usr/lib"},
	"PKG_CONFIG_PATH": {"usr/lib/TRIPLET/pkgconfig", "usr/lib/pkgconfig", "usr/share/pkgconfig"},
}

// sysroot is the variable of the folder that pkg-config puts before the paths that it prints.
const sysroot = "PKG_CONFIG_SYSROOT_DIR"

// Variables returns the names of the variables that In sets for the packages.
func (p Packages) Variables() []string {
	if len(p.Locked) == 0 {
		return nil
	}
	return append(slices.Sorted(maps.Keys(folders)), sysroot)
}

// In returns an environment with the variables by which what is in the root is found. What the environment has in them comes first.
func (r Root) In(env config.Environment) config.Environment {
	if r.Dir == "" {
		return env
	}
	with := config.Environment{sysroot: r.Dir}
	for name := range folders {
		var list []string
		if env[name] != "" {
			list = append(list, env[name])
		}
		for _, root := range r.of(name) {
			list = append(list, root.folders(name)...)
		}
		with[name] = strings.Join(list, ":")
	}
	if r.here != nil { // for crates of Rust that are compiled for this machine
		with["HOST_PKG_CONFIG_PATH"], with["HOST_"+sysroot] = strings.Join(r.here.folders("PKG_CONFIG_PATH"), ":"), r.here.Dir
	}
	return env.With(with)
}

// folders returns the folders of the root that a variable names.
func (r Root) folders(variable string) []string {
	var list []string
	for _, folder := range folders[variable] {
		list = append(list, filepath.Join(r.Dir, strings.ReplaceAll(folder, "TRIPLET", r.triplet)))
	}
	return list
}

// of returns the roots that a variable names folders of: headers and libraries are of the architecture that is compiled for, and what
// runs is of this machine. Linkers pass over libraries of an architecture that is not theirs, so that programs which a build makes for
// itself find their own.
func (r Root) of(variable string) []Root {
	switch {
	case r.here == nil:
	case variable == "PATH", variable == "LIBRARY_PATH":
		return []Root{r, *r.here}
	case variable == "LD_LIBRARY_PATH":
		return []Root{*r.here}
	}
	return []Root{r}
}

// explain says what to do about a package that no mirror has any more.
func explain(err error) error {
	if f, ok := errors.AsType[fault.Fault](err); ok && errors.Is(err, fetch.ErrGone) {
		return fault.Fault{ID: "debian-gone", What: f.What, Err: fetch.ErrGone,
			Do: "build again, or name an archive of old files in " + deb.Variables[deb.Snapshot]}
	}
	return err
}
