package missing

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// mention is a name of a file in the source of a program.
type mention struct {
	text string
	at   string // "main.go:12"

	part  bool // more follows that is not known before the program runs
	rest  bool // something precedes it that is not known
	read  bool // it is given to a function that reads files
	serve bool // the function hands out whole folders
}

// readers are functions that read files. The first element is what stands before the dot, "" for anything: routers have a
// method Static each.
var readers = map[[2]string]bool{
	{"os", "Open"}: true, {"os", "OpenFile"}: true, {"os", "ReadFile"}: true, {"os", "ReadDir"}: true, {"os", "DirFS"}: true,
	{"os", "Stat"}: true, {"os", "OpenRoot"}: true, {"ioutil", "ReadFile"}: true, {"ioutil", "ReadDir"}: true,
	{"http", "Dir"}: true, {"http", "FS"}: true, {"http", "FileServerFS"}: true, {"http", "ServeFile"}: true,
	{"filepath", "Glob"}: true, {"filepath", "Walk"}: true, {"filepath", "WalkDir"}: true, {"goose", "Up"}: true,
	{"", "ParseFiles"}: true, {"", "ParseGlob"}: true, {"", "LoadHTMLGlob"}: true, {"", "LoadHTMLFiles"}: true,
	{"", "Static"}: true, {"", "StaticFile"}: true, {"", "StaticFS"}: true, {"", "ServeFiles"}: true, {"", "SendFile"}: true,
	{"", "LoadX509KeyPair"}: true, {"", "ListenAndServeTLS"}: true, {"", "ServeTLS"}: true, {"", "RunTLS"}: true,
	{"", "StartTLS"}: true, {"", "AddConfigPath"}: true, {"", "SetConfigFile"}: true, {"", "NewServerTLSFromFile"}: true,
}

// servers are those of them that hand out whole folders, even that of the app.
var servers = []string{"Dir", "FS", "FileServerFS", "Static", "StaticFS", "ServeFiles"}

// holder matches names of variables and fields that hold the name of a file.
var holder = regexp.MustCompile(`(?i)(dir|directory|folder|root|file|filename|glob)s?$`)

// reader collects the mentions in the packages of an app.
type reader struct {
	app    string
	fset   *token.FileSet
	values map[string][]ast.Expr // what is assigned to variables, fields, constants and parameters, by their names
	params map[string][]string   // of functions, by their names
	known  map[any][]mention     // what names and expressions may stand for
	found  []mention
}

// maxTables is the size in bytes of the longest Go file that is looked through. A generator wrote a longer one: tables.
const maxTables = 1 << 20

// mentions returns what the packages name that may be a file.
func mentions(app string, packages []*build.Package) []mention {
	r := reader{app, token.NewFileSet(), map[string][]ast.Expr{}, map[string][]string{}, map[any][]mention{}, nil}
	var files []*ast.File
	for _, p := range packages {
		for _, name := range p.GoFiles {
			data, err := tree.ReadFile(filepath.Join(p.Dir, name))
			if err != nil || len(data) > maxTables {
				continue
			}
			f, err := parser.ParseFile(r.fset, filepath.Join(p.Dir, name), data, parser.SkipObjectResolution)
			if err == nil {
				files = append(files, f)
			}
		}
	}
	for _, collect := range []func(ast.Node) bool{r.functions, r.assignments, r.mentions} {
		for _, f := range files {
			ast.Inspect(f, collect)
		}
	}
	return r.found
}

// functions notes the parameters of functions.
func (r *reader) functions(n ast.Node) bool {
	if f, is := n.(*ast.FuncDecl); is {
		var names []string
		for _, field := range f.Type.Params.List {
			for _, id := range field.Names {
				names = append(names, id.Name)
			}
		}
		r.params[f.Name.Name] = names
	}
	return true
}

// assignments notes what is assigned to names.
func (r *reader) assignments(n ast.Node) bool {
	assign := func(to, value ast.Expr) {
		if _, name := callee(to); name != "" {
			r.values[name] = append(r.values[name], value)
		}
	}
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i := range min(len(n.Names), len(n.Values)) {
			assign(n.Names[i], n.Values[i])
		}
	case *ast.AssignStmt:
		for i := range min(len(n.Lhs), len(n.Rhs)) {
			assign(n.Lhs[i], n.Rhs[i])
		}
	case *ast.KeyValueExpr:
		assign(n.Key, n.Value)
	case *ast.CallExpr:
		_, name := callee(n.Fun)
		for i := range min(len(r.params[name]), len(n.Args)) {
			r.values[r.params[name][i]] = append(r.values[r.params[name][i]], n.Args[i])
		}
	}
	return true
}

// mentions notes what may be a file.
func (r *reader) mentions(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.Field:
		r.tag(n.Tag)
	case *ast.BasicLit, *ast.BinaryExpr:
		r.add(n, r.eval(n.(ast.Expr)), false, false)
	case *ast.KeyValueExpr:
		r.hold(n.Key, n.Value)
	case *ast.ValueSpec:
		for i := range min(len(n.Names), len(n.Values)) {
			r.hold(n.Names[i], n.Values[i])
		}
	case *ast.AssignStmt:
		for i := range min(len(n.Lhs), len(n.Rhs)) {
			r.hold(n.Lhs[i], n.Rhs[i])
		}
	case *ast.CallExpr:
		return r.call(n)
	}
	return true
}

// tag notes the default values in the tag of a field.
func (r *reader) tag(tag *ast.BasicLit) {
	if tag == nil {
		return
	}
	text, err := strconv.Unquote(tag.Value)
	if err != nil {
		return
	}
	for _, key := range []string{"default", "envDefault", "env-default"} {
		if value := reflect.StructTag(text).Get(key); value != "" {
			r.add(tag, []mention{{text: value}}, false, false)
		}
	}
}

// hold notes a value whose name says that it is a file.
func (r *reader) hold(to, value ast.Expr) {
	if _, name := callee(to); holder.MatchString(name) {
		r.add(value, r.eval(value), true, false)
	}
}

// call notes what a call is given, and reports whether its arguments are to be looked at one by one.
func (r *reader) call(n *ast.CallExpr) bool {
	from, name := callee(n.Fun)
	switch {
	case from == "fs" || name == "ParseFS":
		return false // in a file system, which is embedded or was made elsewhere
	case readers[[2]string{from, name}] || readers[[2]string{"", name}]:
		for _, arg := range n.Args {
			r.add(arg, r.eval(arg), true, slices.Contains(servers, name))
		}
	case name == "Join" && from == "filepath":
		values := r.eval(n)
		r.add(n, values, !slices.ContainsFunc(values, func(m mention) bool { return m.rest }), false)
	}
	return true
}

func (r *reader) add(at ast.Node, values []mention, read, serve bool) {
	position := r.fset.Position(at.Pos())
	if rel, err := filepath.Rel(r.app, position.Filename); err == nil {
		position.Filename = filepath.ToSlash(rel)
	}
	for _, m := range values {
		m.read, m.serve = m.read || read, serve
		m.at = fmt.Sprintf("%s:%d", position.Filename, position.Line)
		r.found = append(r.found, m)
	}
}

// callee returns what stands before and after the dot of a name.
func callee(fun ast.Expr) (from, name string) {
	switch f := fun.(type) {
	case *ast.Ident:
		return "", f.Name
	case *ast.SelectorExpr:
		if x, is := f.X.(*ast.Ident); is {
			from = x.Name
		}
		return from, f.Sel.Name
	}
	return "", ""
}

// most is how many values of an expression are looked at, and how long they are at most. A hostile source has more.
const (
	most    = 20
	longest = 4096 // PATH_MAX of Linux
)

// eval returns the texts that an expression may have, as far as they are in the source.
func (r *reader) eval(expr ast.Expr) []mention {
	return r.once(expr, func() []mention { return r.texts(expr) })
}

// value returns what a name may stand for.
func (r *reader) value(name string) []mention {
	return r.once(name, func() (all []mention) {
		for _, e := range r.values[name] {
			if all = append(all, r.eval(e)...); len(all) >= most {
				break
			}
		}
		return all
	})
}

// once returns the values of a name or an expression, and finds them a single time. One that is part of itself adds none.
func (r *reader) once(of any, find func() []mention) []mention {
	known, is := r.known[of]
	if !is {
		r.known[of] = nil
		known = slices.DeleteFunc(find(), func(m mention) bool { return len(m.text) > longest })
		known = known[:min(len(known), most)]
		r.known[of] = known
	}
	return known
}

func (r *reader) texts(expr ast.Expr) []mention {
	switch e := expr.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			file, is := strings.CutPrefix(text, "file://")
			return []mention{{text: file, read: is}}
		}
	case *ast.Ident:
		return slices.Clone(r.value(e.Name))
	case *ast.SelectorExpr:
		return slices.Clone(r.value(e.Sel.Name))
	case *ast.StarExpr:
		return slices.Clone(r.eval(e.X))
	case *ast.ParenExpr:
		return slices.Clone(r.eval(e.X))
	case *ast.UnaryExpr:
		return slices.Clone(r.eval(e.X))
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return join(r.eval(e.X), r.eval(e.Y), "")
		}
	case *ast.CallExpr:
		return r.result(e)
	}
	return nil
}

// result returns what a call may give: a path, a formatted text, or one of the arguments, such as the default of a flag.
func (r *reader) result(e *ast.CallExpr) []mention {
	var all []mention
	switch _, name := callee(e.Fun); name {
	case "Join":
		for i, arg := range e.Args {
			if values := r.eval(arg); i == 0 {
				all = slices.Clone(values)
			} else {
				all = join(all[:min(len(all), most)], values, "/")
			}
		}
	case "Sprintf":
		if len(e.Args) == 0 {
			return nil
		}
		for _, m := range r.eval(e.Args[0]) {
			before, _, more := strings.Cut(m.text, "%")
			all = append(all, mention{text: before, part: m.part || more, rest: m.rest, read: m.read})
		}
	default:
		for _, arg := range e.Args[:min(len(e.Args), most)] {
			all = append(all, r.eval(arg)...)
		}
	}
	return all
}

// join returns texts one after another.
func join(first, second []mention, between string) []mention {
	var all []mention
	for _, a := range first {
		if a.part || len(second) == 0 {
			all = append(all, mention{text: a.text + between, part: true, rest: a.rest, read: a.read})
			continue
		}
		for _, b := range second {
			all = append(all, mention{text: a.text + between + b.text, part: b.part, rest: a.rest, read: a.read})
		}
	}
	if len(first) == 0 {
		for _, b := range second {
			all = append(all, mention{text: strings.TrimPrefix(b.text, "/"), part: b.part, rest: true})
		}
	}
	return all
}
