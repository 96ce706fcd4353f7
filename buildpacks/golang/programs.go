package golang

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/build/constraint"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/gofiles"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// folder is what the Go files of one folder are, without its tests.
type folder struct {
	Dir      string   // slash-separated, relative to the app
	Name     string   // of the package for this target, "" when no file is
	Mains    []string // the files with func main of package main, relative to the app
	Excluded []string // those with func main that constraints keep from this target
	Empty    bool     // func main does nothing, and nothing is imported: there are lines for go generate
	Err      error    // what is wrong with the first file that does not parse
}

// finder finds programs by reading files: an unchanged app needs no toolchain to know its processes.
type finder struct {
	dir      string // the app
	members  []member
	contexts [2]build.Context // without and with cgo: what needs cgo must be found to be refused
}

// newFinder evaluates build constraints for a Go version such as "1.26.8".
func newFinder(dir string, members []member, goVersion, arch string, tags []string) finder {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.BuildTags, ctx.CgoEnabled = "linux", arch, tags, false
	ctx.GOROOT = "" // nothing of this machine's Go is asked
	ctx.ReleaseTags = releaseTags(goVersion)
	cgo := ctx
	cgo.CgoEnabled = true
	return finder{dir, members, [2]build.Context{ctx, cgo}}
}

// releaseTags returns "go1.1" and so on to the minor of a version.
func releaseTags(v string) []string {
	var minor int
	if _, err := fmt.Sscanf(v, "1.%d", &minor); err != nil {
		return build.Default.ReleaseTags
	}
	tags := make([]string, 0, minor)
	for i := 1; i <= minor; i++ {
		tags = append(tags, fmt.Sprintf("go1.%d", i))
	}
	return tags
}

// since reports whether the Go of the build is one such as "go1.19", or newer.
func (f finder) since(release string) bool {
	return slices.Contains(f.contexts[0].ReleaseTags, release)
}

// bare returns the path of the module that an app without go.mod is built as, and reports whether the app has none.
func (f finder) bare() (modulePath string, ok bool) {
	if len(f.members) == 0 { // of a workspace without modules
		return "", false
	}
	return f.members[0].Path, f.members[0].Bare
}

func (f finder) path(rel string) string { return filepath.Join(f.dir, filepath.FromSlash(rel)) }

// read says what a folder is. It is the only judge of that.
func (f finder) read(rel string) (folder, error) {
	entries, err := os.ReadDir(f.path(rel))
	if err != nil {
		return folder{}, err
	}
	d, err := f.readFor(f.contexts[0], rel, entries)
	if err == nil && len(d.Mains) == 0 && len(d.Excluded) > 0 {
		if cgo, err := f.readFor(f.contexts[1], rel, entries); err != nil || len(cgo.Mains) > 0 {
			return cgo, err
		}
	}
	return d, err
}

func (f finder) readFor(ctx build.Context, rel string, entries []fs.DirEntry) (folder, error) {
	d := folder{Dir: rel}
	root, err := os.OpenRoot(f.dir) // nothing that a link leads to outside of the app is read
	if err != nil {
		return d, err
	}
	defer func() { _ = root.Close() }() // it was only read
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		if e.Name()[0] == '_' || e.Name()[0] == '.' || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if info, err := root.Stat(filepath.FromSlash(name)); err != nil || !info.Mode().IsRegular() || info.Size() > maxParsed {
			continue
		}
		data, err := root.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return folder{}, err
		}
		matches := matches(ctx, f.path(rel), e.Name())
		pkg, main, empty, err := clause(name, data)
		switch {
		case err != nil && matches && d.Err == nil:
			d.Err = err
		case main && matches:
			d.Mains, d.Empty = append(d.Mains, name), empty
		case main:
			d.Excluded = append(d.Excluded, name)
		}
		if matches && d.Name != "main" {
			d.Name = pkg
		}
	}
	return d, nil
}

// mainFunc matches func main where a file does not parse.
var mainFunc = regexp.MustCompile(`(?m)^func main\(`)

// clause returns the package of a file, and reports whether the file has func main of package main, and nothing else. The compiler
// says best what is wrong with one that does not parse, unless that is the placeholder of a template.
func clause(name string, data []byte) (pkg string, main, empty bool, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, data, parser.PackageClauseOnly)
	if err != nil {
		return "", false, false, err
	}
	if pkg = file.Name.Name; pkg != "main" {
		return pkg, false, false, nil
	}
	file, err = parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
	if list := (scanner.ErrorList)(nil); errors.As(err, &list) && len(list) > 0 {
		lines := bytes.Split(data, []byte("\n"))
		if at := list[0].Pos.Line; mainFunc.Match(data) && (at > len(lines) || !bytes.Contains(lines[at-1], []byte("{{"))) {
			return pkg, true, false, nil
		}
		return pkg, false, false, list[0]
	}
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "main" {
			return pkg, true, len(file.Decls) == 1 && fn.Body != nil && len(fn.Body.List) == 0, err
		}
	}
	return pkg, false, false, err
}

// matches reports whether a file is for a target. What its header lacks to decide that, the compiler says.
func matches(ctx build.Context, dir, name string) bool {
	ok, err := ctx.MatchFile(dir, name)
	return ok || err != nil
}

// missing returns the constraint that excludes a file, and the tags with which it is for this target. Both are empty for a file that
// its name excludes.
func (f finder) missing(name string) (line string, tags []string) {
	data, err := tree.ReadFile(f.path(name))
	if err != nil {
		return "", nil
	}
	for text := range bytes.Lines(data) {
		line = strings.TrimSpace(string(text))
		expr, err := constraint.Parse(line)
		if err != nil {
			continue
		}
		expr.Eval(func(tag string) bool {
			// What a name may end with, and releases, are nobody's to set.
			if f.takes("x.go", "//go:build !"+tag+"\n\n") && f.takes("x_"+tag+".go", "") && !strings.HasPrefix(tag, "go1.") {
				tags = append(tags, tag)
			}
			return true
		})
		holds := func(tags []string) bool {
			ctx := f.contexts[1]
			ctx.BuildTags = slices.Concat(ctx.BuildTags, tags)
			return matches(ctx, f.path(path.Dir(name)), path.Base(name))
		}
		for i := range slices.Backward(tags) {
			if fewer := slices.Delete(slices.Clone(tags), i, i+1); holds(fewer) {
				tags = fewer
			}
		}
		if !holds(tags) {
			tags = nil
		}
		return line, tags
	}
	return "", nil
}

// takes reports whether a file of that name and constraint would be for this target.
func (f finder) takes(name, header string) bool {
	ctx := f.contexts[1]
	ctx.OpenFile = func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(header + "package x\n")), nil
	}
	ok, err := ctx.MatchFile("", name)
	return ok && err == nil
}

// below returns root and the folders below it that have Go files of the same module, as the go command's root/... does.
func (f finder) below(root string) ([]folder, error) {
	var found []folder
	base := f.path(root)
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(f.dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if p != base && f.ignores(rel) {
			return fs.SkipDir
		}
		one, err := f.read(rel)
		found = append(found, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for programs below %q: %w", root, err)
	}
	return found, nil
}

// ignores reports whether the go command's patterns leave out a folder and those below it.
func (f finder) ignores(rel string) bool {
	if gofiles.Hidden(path.Base(rel)) {
		return true
	}
	m := f.owner(rel)
	if _, err := os.Stat(f.path(path.Join(rel, "go.mod"))); err == nil && m.Dir != rel {
		return true // a module that this build is not made of
	}
	return slices.ContainsFunc(m.Ignore, func(i string) bool {
		anchored, ok := strings.CutPrefix(i, "./")
		if ok {
			return path.Join(m.Dir, anchored) == rel
		}
		return rel == i || strings.HasSuffix(rel, "/"+i)
	})
}

// owner returns the member in which a folder lies.
func (f finder) owner(rel string) member {
	var best member
	for _, m := range f.members {
		if inside(m.Dir, rel) && (best.Dir == "" || inside(best.Dir, m.Dir)) {
			best = m
		}
	}
	return best
}

// inside reports whether a folder is dir or below it.
func inside(dir, rel string) bool {
	return dir == "." || rel == dir || strings.HasPrefix(rel, dir+"/")
}
