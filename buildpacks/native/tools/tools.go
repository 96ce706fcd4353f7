// Package tools has the programs that builds of C and C++ call besides the compiler: CMake, Meson, autotools and ccache. They are packages
// of Debian, exactly those of a lock, unpacked into a folder of their own.
package tools

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

//go:embed lock-*.toml
var locks embed.FS

// recipe changes when the same packages give another folder.
const recipe = "4"

// New returns the tool with the programs that builds call besides the compiler, in its folder bin. Those of its folder cached are the
// compilers, which ask ccache first. The tool lies in a folder, or is there for all apps.
func New(in bp.Workspace, dir string, mirrors deb.Mirrors) (tool.Tool, error) {
	lock, err := locks.ReadFile("lock-" + in.Target.Arch + ".toml")
	if err != nil {
		return tool.Tool{}, fault.Internal("no tools are locked for %s", in.Target.Arch)
	}
	packages, err := deb.ReadLock(string(lock))
	if err != nil {
		return tool.Tool{}, err
	}
	t := tool.Tool{Folder: "native-" + deb.Digest(recipe, packages), Title: deb.Title("CMake, Meson and autotools", packages)}
	t.Fill = func(ctx context.Context, client *fetch.Client, to string) error {
		if err := deb.Unpack(ctx, client, mirrors, packages, to, unpack.Options{Want: wanted}); err != nil {
			return err
		}
		return relocation{to, filepath.Join(dir, t.Folder), deb.Triplets[in.Target.Arch]}.complete()
	}
	return t, nil
}

// unread are the folders of usr/share that no program reads.
var unread = strings.Fields("bash-completion bug cmake-3.31/Help doc emacs icons info lintian locale man vim zsh")

func wanted(name string) bool {
	if !strings.HasPrefix(name, "usr/") {
		return false
	}
	rest, shared := strings.CutPrefix(name, "usr/share/")
	for _, folder := range unread {
		if shared && strings.HasPrefix(rest, folder+"/") {
			return false
		}
	}
	return true
}

// relocation makes programs that were made for /usr work in another folder.
type relocation struct {
	dir     string // where the files are
	at      string // where they will be
	triplet string
}

// aliases are names that Debian gives to programs when it installs them.
var aliases = map[string]string{"aclocal": "aclocal-1.17", "automake": "automake-1.17", "lex": "flex", "yacc": "bison.yacc"}

// complete writes what the files need to find each other.
func (r relocation) complete() error {
	for _, folder := range []string{"usr/bin", "usr/share"} {
		if err := filepath.WalkDir(filepath.Join(r.dir, folder), r.rewrite); err != nil {
			return fmt.Errorf("preparing tools: %w", err)
		}
	}
	bin := filepath.Join(r.dir, "bin")
	cached := filepath.Join(r.dir, "cached")
	entries, err := os.ReadDir(filepath.Join(r.dir, "usr/bin"))
	err = errors.Join(err, os.Mkdir(bin, 0o755), os.Mkdir(cached, 0o755))
	for _, entry := range entries {
		if err == nil && entry.Name() != "ccache" { // Meson would take it by itself
			err = r.program(bin, entry.Name(), entry.Name())
		}
	}
	for alias, name := range aliases {
		_, absent := os.Stat(filepath.Join(bin, alias))
		if err == nil && absent != nil {
			err = r.program(bin, alias, name)
		}
	}
	for _, name := range []string{"cc", "c++", "gcc", "g++"} {
		if err == nil {
			err = r.script(cached, name, mapping+"exec "+filepath.Join(r.at, "usr/bin/ccache")+" "+name)
		}
	}
	if err != nil {
		return fmt.Errorf("preparing tools: %w", err)
	}
	return nil
}

// Maps is the variable of the folder in which each call that links writes a map of what it linked.
const Maps = "STRATA_NATIVE_MAPS"

// mapping is the part of a compiler's script that asks for a map. A compiler that is only asked for its version links nothing.
const mapping = `case " $* " in
" -v " | *" -c "* | *" -E "* | *" -S "* | *" -M "* | *" -MM "*) ;;
*) [ -z "$` + Maps + `" ] || set -- "-Wl,-Map=$` + Maps + `/$$" "$@" ;;
esac
`

// program writes the script that starts a program.
func (r relocation) program(bin, name, file string) error {
	content, err := os.ReadFile(filepath.Join(r.dir, "usr/bin", file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a link to what is left out
	}
	if err != nil {
		return err
	}
	call := filepath.Join(r.at, "usr/bin", file)
	switch line, _, _ := bytes.Cut(content[:min(len(content), 128)], []byte("\n")); {
	case !bytes.HasPrefix(line, []byte("#!")):
	case bytes.Contains(line, []byte("perl")):
		call = filepath.Join(r.at, "usr/bin/perl") + " " + call
	case bytes.Contains(line, []byte("python")):
		// Meson writes its own path into what Ninja calls, where a script that names /usr/bin/python3 does not start.
		const run = `import sys; sys.argv[0] = sys.argv.pop(1); exec(open(sys.argv.pop(1)).read())`
		own := filepath.Join(r.at, "bin", name)
		call = "PYTHONPATH=" + filepath.Join(r.at, "usr/lib/python3/dist-packages") + " exec python3 -c '" + run + "' " + own + " " + call
	}
	return r.script(bin, name, call)
}

// script writes a script that calls a program. Libraries that builds name come before those of the tools.
func (r relocation) script(folder, name, call string) error {
	lib, share := filepath.Join(r.at, "usr/lib", r.triplet), filepath.Join(r.at, "usr/share")
	if !strings.Contains(call, "exec ") {
		call = "exec " + call
	}
	text := "#!/bin/sh\nexport LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}" + lib + "\n" +
		"export PERL5LIB=" + strings.Join([]string{share + "/perl5", lib + "/perl/5.40", lib + "/perl-base", share + "/perl/5.40"}, ":") + "\n" +
		"export BISON_PKGDATADIR=" + share + "/bison M4=" + r.at + "/bin/m4 MAGIC=" + r.at + "/usr/lib/file/magic.mgc\n" +
		call + ` "$@"` + "\n"
	return os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755)
}

// rewrite replaces the paths of /usr in a text. Programs are called by their scripts.
func (r relocation) rewrite(file string, entry fs.DirEntry, err error) error {
	if err != nil || !entry.Type().IsRegular() {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil || bytes.IndexByte(content[:min(len(content), 4096)], 0) >= 0 || !bytes.Contains(content, []byte("/usr/")) {
		return err
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	text := string(content)
	var replace []string
	entries, err := os.ReadDir(filepath.Join(r.dir, "usr/share"))
	for _, e := range entries {
		replace = append(replace, "/usr/share/"+e.Name(), filepath.Join(r.at, "usr/share", e.Name()))
	}
	for name := range strings.FieldsSeq("autoconf autoheader autom4te automake aclocal m4 perl libtoolize autopoint gettext") {
		replace = append(replace, "/usr/bin/"+name, filepath.Join(r.at, "bin", name))
	}
	first, rest, _ := strings.Cut(text, "\n")
	rest = strings.NewReplacer(replace...).Replace(rest)
	return errors.Join(err, os.WriteFile(file, []byte(first+"\n"+rest), info.Mode()))
}
