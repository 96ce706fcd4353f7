package golang

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// listed is what go list says of a package (go help list).
type listed struct {
	ImportPath     string
	Dir            string
	Standard       bool
	IgnoredGoFiles []string
	Error          *struct {
		ImportStack []string
		Pos, Err    string
	}
}

// own reports whether a package is in the app, in a module that is replaced with a folder of it, too. Of vendored packages the imports
// hash has all.
func (p listed) own(app string) bool {
	rel, err := filepath.Rel(app, p.Dir)
	return err == nil && filepath.IsLocal(rel) && !strings.HasPrefix(rel, "vendor/")
}

// need is a package that has nothing or less to offer without cgo.
type need struct {
	Package string `json:"package"`
	What    string `json:"what"` // "package P needs cgo (FILE), imported by Q: F is missing without it"
}

// findings are what was found out about the packages that the targets are linked from.
type findings struct {
	Needs    []need   `json:"needs"`
	Suspects []string `json:"suspects"` // have a variant with cgo, and are to blame if the build fails
}

// checkCgo looks for packages that need cgo.
func (g *compiler) checkCgo(ctx context.Context) (findings, error) {
	file := filepath.Join(g.buildCache, "strata-cgo.json")
	found := answer[findings]{Key: g.imports}
	if found.recall(file) {
		return found.Value, nil
	}
	fields := "-json=ImportPath,Dir,Standard,IgnoredGoFiles,Error"
	if !g.finder.since("go1.19") {
		fields = "-json"
	}
	args := append([]string{"list", "-e", "-deps", fields}, g.flags.words()...)
	var out []byte
	for _, group := range together(g.targets) {
		more, err := g.goOutput(ctx, append(slices.Clone(args), packages(group)...))
		if err != nil {
			return found.Value, err
		}
		out = append(out, more...)
	}
	var own bool // one is part of the app, where more than imports decides
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return found.Value, fmt.Errorf("reading the answer of go list: %w", err)
		}
		if p.Standard {
			continue
		}
		what, suspect := g.finder.needsCgo(p)
		if what != "" && !slices.ContainsFunc(found.Value.Needs, func(n need) bool { return n.Package == p.ImportPath }) {
			found.Value.Needs = append(found.Value.Needs, need{p.ImportPath, what})
		}
		if suspect {
			found.Value.Suspects = append(found.Value.Suspects, p.ImportPath)
		}
		own = own || (suspect || what != "") && p.own(g.dir)
	}
	if own {
		return found.Value, nil
	}
	return found.Value, writeJSON(file, found)
}

// needsCgo returns why a package needs cgo, "" if it does not, and reports whether another one would use it.
//
// A package with cgo files does without them if it offers the same exported names: its author wrote a second implementation. If
// names are missing, the rest is a stub, which compiles and fails when the program runs. SQLite drivers are the known case.
func (f finder) needsCgo(p listed) (what string, suspect bool) {
	if p.Dir == "" || !importsC(p) {
		return "", false
	}
	with, err := f.contexts[1].ImportDir(p.Dir, 0)
	if err != nil || len(with.CgoFiles) == 0 {
		return "", false // it is for another system, or broken, and the compiler says so
	}
	needs := func(why string) (string, bool) {
		through := ""
		if p.Error != nil && len(p.Error.ImportStack) > 1 {
			through = ", imported by " + p.Error.ImportStack[len(p.Error.ImportStack)-2]
		}
		return fmt.Sprintf("package %s needs cgo (%s)%s: %s", p.ImportPath, with.CgoFiles[0], through, why), false
	}
	without, err := f.contexts[0].ImportDir(p.Dir, 0)
	if errors.As(err, new(*build.NoGoError)) {
		return needs("all its files are excluded without it")
	}
	if err != nil {
		return "", false
	}
	less, err := exported(p.Dir, without.GoFiles)
	if err != nil {
		return "", false
	}
	more, err := exported(p.Dir, append(with.GoFiles, with.CgoFiles...))
	if err != nil {
		return "", false
	}
	for _, name := range more {
		if _, found := slices.BinarySearch(less, name); !found {
			return needs(name + " is missing without it")
		}
	}
	return "", true
}

// importsC reports whether an ignored file has the word "C". Most packages have none and need not be read again.
func importsC(p listed) bool {
	return slices.ContainsFunc(p.IgnoredGoFiles, func(name string) bool {
		data, err := tree.ReadFile(filepath.Join(p.Dir, name))
		return err == nil && bytes.Contains(data, []byte(`"C"`))
	})
}

// exported returns the sorted exported names of some files of a package. Methods are "Type.Method".
func exported(dir string, files []string) ([]string, error) {
	var names []string
	add := func(prefix string, id *ast.Ident) {
		if id.IsExported() {
			names = append(names, prefix+id.Name)
		}
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add("", d.Name)
				} else if on := receiver(d.Recv.List[0].Type); ast.IsExported(on) {
					add(on+".", d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						add("", s.Name)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							add("", id)
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// receiver returns the type name of a method's receiver, without pointer and type parameters.
func receiver(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
