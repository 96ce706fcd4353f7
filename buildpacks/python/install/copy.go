package install

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// copyPackage copies what an image has of a package into a folder that is, or stands for, site-packages.
func (i *Installer) copyPackage(site string, p *packaged, to string, alone bool) error {
	from, err := os.OpenRoot(site)
	if err != nil {
		return err
	}
	defer from.Close()
	var names []string
	for _, name := range p.kept {
		if p.written(name) {
			continue
		}
		names = append(names, name)
		if err := i.copyFile(from, name, filepath.Join(to, name)); err != nil {
			return fmt.Errorf("copying %s: %w", p.name, err)
		}
	}
	text := record(slices.Concat(names, p.shared, []string{p.recordOf()}))
	if err := os.WriteFile(filepath.Join(to, p.recordOf()), text, 0o644); err != nil {
		return err
	}
	if p.compiled == "" {
		return nil
	}
	if !alone {
		return tree.Copy(p.compiled, to)
	}
	for _, top := range p.tops() {
		if compiled := filepath.Join(p.compiled, top); isFolder(compiled) {
			if err := tree.Copy(compiled, filepath.Join(to, top)); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies a file or a link of a folder. Of its mode it keeps whether it may be executed. Libraries lose their symbols.
func (i *Installer) copyFile(from *os.Root, name, to string) error {
	// The link is followed: what it leads to has to be in the folder, or else the app would get a file of the build.
	about, err := from.Stat(name)
	if err != nil || !about.Mode().IsRegular() {
		return fault.Fault{ID: "python-package-file", What: "a package has " + name + ", which is no file of its own",
			Do: "take another release of it"}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if about.Mode()&0o100 != 0 {
		mode = 0o755
	}
	if strings.Contains(filepath.Base(name), ".so") && slices.Contains(i.wanted.LeaveOut, "symbols") {
		if stripped, err := strip(filepath.Join(from.Name(), name), to, mode); stripped || err != nil {
			return err
		}
	}
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// strip copies a library without its symbols, and reports whether it did: what is no library, or a damaged one, it leaves alone.
func strip(from, to string, mode fs.FileMode) (bool, error) {
	if _, loaded, err := elf.Read(from); err != nil || !loaded {
		return false, nil //nolint:nilerr // a damaged library is copied as it is
	}
	if err := elf.Strip(from, to); err != nil {
		return false, tree.Remove(to)
	}
	return true, os.Chmod(to, mode)
}

// copyPrefix copies what packages have outside of site-packages: programs and files for all to find.
func (i *Installer) copyPrefix(prefix, to string) error {
	root, err := os.OpenRoot(prefix)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name {
		case "include", "share/man", "share/doc", filepath.ToSlash(i.site()):
			return fs.SkipDir
		case ".lock", "pyvenv.cfg", "bin/python", "bin/python3", "bin/" + i.minor():
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		target := filepath.Join(to, name)
		if err := i.copyFile(root, name, target); err != nil || filepath.Dir(name) != "bin" {
			return err
		}
		return i.interpret(target, filepath.Join(i.source.In.Layers.Path(), layerName, "bin", "python"))
	})
}

// started matches the first lines of a program that Python starts: of one line, or of three where the path is too long for the kernel.
var started = regexp.MustCompile(`\A#!(?:/bin/sh\n'''exec' .*\n' '''\n|[^\n]*python[^\n]*\n)`)

// interpret makes an interpreter the one that starts a program, if Python does.
func (i *Installer) interpret(program, python string) error {
	text, err := tree.ReadFile(program)
	if err != nil || !started.Match(text) {
		return err
	}
	changed := slices.Concat([]byte("#!"+python+"\n"), text[len(started.Find(text)):])
	if bytes.Equal(changed, text) {
		return nil
	}
	return os.WriteFile(program, changed, 0o755)
}
