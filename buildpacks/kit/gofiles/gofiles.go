// Package gofiles says of an app's files whether they make a program in Go, so that two buildpacks do not leave the app to each other.
package gofiles

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// HasProgram reports whether a file of an app is of a package main, on some system. A file that the go command is told to ignore is not.
func HasProgram(dir string) (found bool, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil && name != "." && errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil || name == ".":
			return err
		case d.IsDir() && (Hidden(base) || base == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular() || path.Ext(base) != ".go" || Hidden(base) || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil || f.Name.Name != "main" {
			return nil // the go command says what is wrong with it
		}
		ignored := slices.ContainsFunc(f.Comments, func(g *ast.CommentGroup) bool {
			return slices.ContainsFunc(g.List, func(c *ast.Comment) bool {
				return c.Text == "//go:build ignore" || c.Text == "// +build ignore"
			})
		})
		if found = !ignored; found {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("looking for a program in Go: %w", err)
	}
	return found, nil
}

// Hidden reports whether the go command's patterns leave out folders of that name.
func Hidden(name string) bool {
	return name[0] == '.' || name[0] == '_' || name == "testdata" || name == "vendor"
}
