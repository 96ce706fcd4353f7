package golang

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// source is what the app's folder, or a file of it, holds: three hashes.
type source struct {
	All     string // paths, kinds, executable bits and contents of all files
	Imports string // the same, but of Go files only what stands up to the last import, and of other files that they are there
	Linked  string // the same, but all of other files and of Go files with C: a file of any name may be included in C
}

// maxParsed is the size in bytes of the longest Go file that is parsed. All of a longer one counts as its imports.
const maxParsed = 16 << 20

// hashSource reads every file of the app but those of repositories, whose state is asked from git.
func hashSource(dir string) (source, error) {
	ofRepository := func(e tree.Entry) bool { return e.Name() == ".git" } // a file in a worktree and in a submodule
	files, err := tree.Each(dir, ofRepository, hashFile)
	if err != nil {
		return source{}, fmt.Errorf("reading the source: %w", err)
	}
	all, imports, linked := sha256.New(), sha256.New(), sha256.New()
	for _, f := range files {
		fmt.Fprintf(all, "%q %s\n", f.Entry.Rel, f.Value.All)
		fmt.Fprintf(imports, "%q %s\n", f.Entry.Rel, f.Value.Imports)
		fmt.Fprintf(linked, "%q %s\n", f.Entry.Rel, f.Value.Linked)
	}
	sum := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	return source{sum(all), sum(imports), sum(linked)}, nil
}

// hashFile returns what one file has to say.
func hashFile(e tree.Entry) (source, error) {
	if !e.Type().IsRegular() {
		sum, err := e.Sum()
		return source{sum, sum, sum}, err
	}
	switch base := filepath.Base(e.Rel); {
	case base == "go.mod", base == "go.work", base == "modules.txt", strings.HasPrefix(e.Rel, "vendor/") && strings.HasSuffix(base, ".go"):
		sum, err := e.Sum() // vendored packages change rarely: they are not worth parsing
		return source{sum, sum, sum}, err
	case !strings.HasSuffix(base, ".go"):
		sum, err := e.Sum()
		return source{sum, "file", sum}, err // what it holds does not change what is imported
	}
	info, err := e.Info()
	if err != nil {
		return source{}, err
	}
	if info.Size() > maxParsed {
		sum, err := e.Sum()
		return source{sum, sum, sum}, err
	}
	var content bytes.Buffer
	sum, err := e.Sum(&content)
	head, c := header(content.Bytes())
	kept := fmt.Sprintf("go %x", sha256.Sum256(head))
	if c {
		return source{sum, kept, sum}, err
	}
	return source{sum, kept, kept}, err
}

// header cuts a Go file after its last import, and reports whether it may import C.
func header(data []byte) (head []byte, c bool) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", data, parser.ImportsOnly)
	if err != nil {
		return data, true
	}
	end := f.Name.End()
	for _, decl := range f.Decls {
		if imports, ok := decl.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			end = imports.End()
		}
	}
	c = slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"C"` || i.Path.Value == "`C`" })
	return data[:fset.Position(end).Offset], c
}

// digest returns the hash of a text in hex.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
