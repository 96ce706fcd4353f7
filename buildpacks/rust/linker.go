package rust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// linkerScript calls the compiler as the linker, and has it write beside a program which files it has linked.
const linkerScript = `#!/bin/sh
out= last=
for word; do
  [ "$last" != -o ] || out=$word
  last=$word
done
exec CC "$@" ${out:+"-Wl,--dependency-file=$out.linked"}
`

// writeLinker writes the script of the linker, and returns its path, which is always the same.
func (b *builder) writeLinker() (string, error) {
	file := filepath.Join(b.target, "strata-linker")
	err := os.WriteFile(file, []byte(strings.ReplaceAll(linkerScript, "CC", b.cc())), 0o755)
	if err != nil {
		err = fmt.Errorf("writing the script of the linker: %w", err)
	}
	return file, err
}

// cc returns the compiler of C for programs. Build scripts and macros, which run on this machine, are linked by the cc of PATH.
func (b *builder) cc() string {
	if b.Target.Foreign() {
		return filepath.Join(b.binutils, "cc")
	}
	return "cc"
}

// here returns the folder of the compiler for what runs on this machine.
func (b *builder) here(ctx context.Context, mirrors deb.Mirrors) (string, error) {
	if b.Target.Foreign() {
		return compiler.Here(ctx, b.BuildContext, mirrors, b.mode)
	}
	return b.binutils, nil
}

// cross returns the variables by which crates with C code find the compiler for another architecture, none for that of the machine.
func (b *builder) cross() config.Environment {
	env := config.Environment{}
	if b.Target.Foreign() {
		env["PKG_CONFIG_ALLOW_CROSS"] = "1"
		for variable, program := range map[string]string{"CC": "cc", "CXX": "c++", "AR": "ar", "RANLIB": "ranlib"} {
			env[variable+"_"+strings.ReplaceAll(b.triple(), "-", "_")] = filepath.Join(b.binutils, program)
		}
	}
	return env
}

// staticLibraries makes a folder with the static libraries of packages of Debian, and returns the flags by which the linker finds them
// there. Where a folder has a shared library too, rustc has the linker take that, whatever a program is linked to.
func (b *builder) staticLibraries(of debian.Root) ([]string, error) {
	dir := filepath.Join(b.target, "strata-static")
	if err := tree.Remove(dir); err != nil || of.Dir == "" {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, pattern := range []string{"usr/lib/*.a", "usr/lib/*-linux-gnu/*.a"} {
		found, err := filepath.Glob(filepath.Join(of.Dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if err := os.Symlink(path, filepath.Join(dir, filepath.Base(path))); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, fmt.Errorf("preparing static libraries: %w", err)
			}
		}
	}
	return []string{"-Lnative=" + dir}, nil
}

// debianParts describes the packages of Debian of which parts are in a program: glibc, and libraries of C.
func (b *builder) debianParts(program string) ([]sbom.Component, error) {
	unit, _, err := linked(program)
	if err != nil {
		return nil, err
	}
	text, err := tree.ReadFile(unit + ".linked")
	if errors.Is(err, fs.ErrNotExist) {
		b.Log.Warn("the bill of materials lacks the libraries of C in %s: the linker has not told them", filepath.Base(program))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	libraries, err := b.root.Libraries()
	if err != nil {
		return nil, err
	}
	gcc := compiler.Compiler{In: b.Workspace, Dir: b.compilers, Mode: b.mode}
	var found []sbom.Component
	for _, file := range dependencies(string(text)) {
		if filepath.Ext(file) != ".a" {
			continue
		}
		c, ok := gcc.Linked(b.binutils, file)
		if purl, ofDebian := libraries.Of(file); !ok && ofDebian {
			if c, err = b.root.Component(purl); err != nil {
				return nil, err
			}
			ok = true
		}
		if ok && !slices.ContainsFunc(found, func(one sbom.Component) bool { return one.PURL == c.PURL }) {
			found = append(found, c)
		}
	}
	return found, nil
}

// dependencies returns the files that a rule of make depends on, as the linker writes it: a space in a name has a backslash before it.
func dependencies(rule string) []string {
	first, _, _ := strings.Cut(rule, "\n\n") // what follows are rules without dependencies
	_, list, _ := strings.Cut(strings.ReplaceAll(first, "\\\n", " "), ": ")
	var files []string
	for word := range strings.FieldsSeq(strings.ReplaceAll(list, `\ `, "\x00")) {
		files = append(files, strings.ReplaceAll(word, "\x00", " "))
	}
	return files
}
