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

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
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

// checkCgo refuses packages that have nothing or less to offer without cgo. It returns the packages that have a cgo variant, to blame
// if the build fails.
func (g *compiler) checkCgo(ctx context.Context) ([]string, error) {
	if !g.CgoCheck {
		return nil, nil
	}
	file := filepath.Join(g.buildCache, "strata-cgo.json")
	suspects := answer[[]string]{Key: g.imports}
	if suspects.recall(file) {
		return suspects.Value, nil
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
			return nil, err
		}
		out = append(out, more...)
	}
	var own bool // a suspect is part of the app, where more than imports decides
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the answer of go list: %w", err)
		}
		if p.Standard {
			continue
		}
		suspect, err := g.finder.needsCgo(p)
		if f := (fault.Fault{}); errors.As(err, &f) {
			return nil, g.withCommands(ctx, f, []string{p.ImportPath})
		} else if err != nil {
			return nil, err
		}
		if suspect {
			suspects.Value = append(suspects.Value, p.ImportPath)
			own = own || p.own(g.dir)
		}
	}
	if own {
		return suspects.Value, nil
	}
	return suspects.Value, writeJSON(file, suspects)
}

// needsCgo returns a fault for a package that needs cgo, and reports whether another one would use it.
//
// A package with cgo files does without them if it offers the same exported names: its author wrote a second implementation. If
// names are missing, the rest is a stub, which compiles and fails when the program runs. SQLite drivers are the known case.
func (f finder) needsCgo(p listed) (bool, error) {
	if p.Dir == "" || !importsC(p) {
		return false, nil
	}
	with, err := f.contexts[1].ImportDir(p.Dir, 0)
	if err != nil || len(with.CgoFiles) == 0 {
		return false, nil // it is for another system, or broken, and the compiler says so
	}
	refuse := func(why string) (bool, error) {
		through := ""
		if p.Error != nil && len(p.Error.ImportStack) > 1 {
			through = ", imported by " + p.Error.ImportStack[len(p.Error.ImportStack)-2]
		}
		return false, fault.Fault{
			ID:   "go-cgo",
			What: fmt.Sprintf("package %s needs cgo (%s)%s: %s", p.ImportPath, with.CgoFiles[0], through, why),
			Do:   "use a package in pure Go, or set BP_GO_CGO_CHECK_ENABLED=false if it does without",
		}
	}
	without, err := f.contexts[0].ImportDir(p.Dir, 0)
	if errors.As(err, new(*build.NoGoError)) {
		return refuse("all its files are excluded without it")
	}
	if err != nil {
		return false, nil
	}
	less, err := exported(p.Dir, without.GoFiles)
	if err != nil {
		return false, nil
	}
	more, err := exported(p.Dir, append(with.GoFiles, with.CgoFiles...))
	if err != nil {
		return false, nil
	}
	for _, name := range more {
		if _, found := slices.BinarySearch(less, name); !found {
			return refuse(name + " is missing without it")
		}
	}
	return true, nil
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
