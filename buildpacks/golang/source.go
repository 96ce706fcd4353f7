package golang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// source is what the app's folder holds, as two hashes in hex.
type source struct {
	All     string // paths, kinds, executable bits and contents of all files
	Imports string // the same, but of Go files only what stands up to the last import
}

// hashSource reads every file of the app but the repository's own, whose state
// is asked from git.
func hashSource(dir string) (source, error) {
	type sums struct{ name, all, imports string }
	var files []*sums
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0) * 2)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		if rel == ".git" && d.IsDir() {
			return fs.SkipDir
		}
		file := &sums{name: rel}
		files = append(files, file)
		group.Go(func() (err error) {
			file.all, file.imports, err = hashFile(path, rel, d)
			return err
		})
		return nil
	})
	// Always wait: the goroutines write into files.
	if waitErr := group.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return source{}, fmt.Errorf("reading the source: %w", err)
	}
	all, imports := sha256.New(), sha256.New()
	for _, f := range files { // in WalkDir's order, which is lexical
		fmt.Fprintf(all, "%q %s\n", f.name, f.all)
		fmt.Fprintf(imports, "%q %s\n", f.name, f.imports)
	}
	return source{hex.EncodeToString(all.Sum(nil)), hex.EncodeToString(imports.Sum(nil))}, nil
}

func hashFile(path, rel string, d fs.DirEntry) (all, imports string, err error) {
	switch {
	case d.IsDir():
		return "dir", "dir", nil
	case d.Type() == fs.ModeSymlink:
		to, err := os.Readlink(path)
		to = fmt.Sprintf("link %q", to)
		return to, to, err
	case !d.Type().IsRegular():
		return d.Type().String(), d.Type().String(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	info, err := d.Info()
	if err != nil {
		return "", "", err
	}
	all = fmt.Sprintf("file %v %x", info.Mode()&0o100 != 0, sha256.Sum256(data))
	switch {
	case !strings.HasSuffix(rel, ".go"):
		// Embedded and other files do not change what is imported; module files do.
		if base := filepath.Base(rel); base != "go.mod" && base != "go.work" && base != "modules.txt" {
			return all, "file", nil
		}
		return all, all, nil
	case strings.HasPrefix(rel, "vendor/"):
		return all, all, nil // changes rarely: not worth parsing
	}
	return all, fmt.Sprintf("go %x", sha256.Sum256(header(data))), nil
}

// header cuts a Go file after its last import.
func header(data []byte) []byte {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", data, parser.ImportsOnly)
	if err != nil {
		return data
	}
	end := f.Name.End()
	for _, decl := range f.Decls {
		if imports, ok := decl.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			end = imports.End()
		}
	}
	return data[:fset.Position(end).Offset]
}

// keep is the patterns of BP_KEEP_FILES. "*" and "?" stop at slashes, "**" does
// not, and a pattern that matches a folder keeps all of it.
type keep []*regexp.Regexp

func parseKeep(patterns []string) (keep, error) {
	var k keep
	for _, p := range patterns {
		clean := filepath.ToSlash(filepath.Clean(p))
		if !filepath.IsLocal(clean) {
			return nil, fault.Fault{ID: "go-keep-outside", What: fmt.Sprintf("BP_KEEP_FILES names %q, which is outside the app", p), Do: "give paths relative to the app, such as assets/*"}
		}
		if clean == "." {
			clean = "**" // the app's folder is one, too
		}
		expr := regexp.QuoteMeta(clean)
		for _, r := range [][2]string{{`\*\*/`, `(.*/)?`}, {`\*\*`, `.*`}, {`\*`, `[^/]*`}, {`\?`, `[^/]`}} {
			expr = strings.ReplaceAll(expr, r[0], r[1])
		}
		// QuoteMeta leaves nothing that could fail to compile.
		k = append(k, regexp.MustCompile("^"+expr+"(/.*)?$"))
	}
	return k, nil
}

// removeSource empties the app's folder except for what is kept.
func removeSource(dir string, k keep, patterns []string, log *report.Log) error {
	used, err := k.used(dir)
	if err == nil {
		_, err = k.clear(dir, "")
	}
	if err != nil {
		return fmt.Errorf("removing the source: %w", err)
	}
	for i, u := range used {
		if !u {
			log.Warn("BP_KEEP_FILES has %q, which matches nothing", patterns[i])
		}
	}
	return nil
}

// used tells of each pattern whether it matches anything, within folders that
// are kept as a whole too.
func (k keep) used(dir string) ([]bool, error) {
	used := make([]bool, len(k))
	if len(k) == 0 {
		return used, nil
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		for i, pattern := range k {
			used[i] = used[i] || pattern.MatchString(name)
		}
		return err
	})
	return used, err
}

// clear removes what is not kept below a folder and tells whether nothing is left.
func (k keep) clear(dir, rel string) (empty bool, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, rel))
	if err != nil {
		return false, err
	}
	empty = true
	for _, e := range entries {
		name := filepath.Join(rel, e.Name())
		kept := name == procfile.Name || // a later buildpack of the group reads it
			slices.ContainsFunc(k, func(pattern *regexp.Regexp) bool {
				return pattern.MatchString(filepath.ToSlash(name))
			})
		gone := !kept
		if gone && e.IsDir() && len(k) > 0 {
			if gone, err = k.clear(dir, name); err != nil {
				return false, err
			}
		}
		if !gone {
			empty = false
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return false, err
		}
	}
	return empty, nil
}

// digest returns the hash of a text in hex.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
