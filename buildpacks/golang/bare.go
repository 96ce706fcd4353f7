package golang

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"go/version"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/gofiles"
)

// bareName is the path of the module of an app that has no go.mod and imports none of its own packages.
const bareName = "app"

// bareModule returns the module that an app without go.mod is built as. Its path is what the app's packages import each other by.
func bareModule(dir string) (member, error) {
	m := member{Dir: ".", Path: bareName, Bare: true}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != dir && gofiles.Hidden(d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular() || filepath.Ext(p) != ".go":
			return nil
		}
		if info, err := d.Info(); err != nil || info.Size() > maxParsed {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return nil // whatever imports something parses
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if own := ownPrefix(dir, imported); err == nil && own != "" {
				m.Path = own
				return fs.SkipAll
			}
		}
		return nil
	})
	if err != nil {
		return m, fmt.Errorf("reading imports: %w", err)
	}
	return m, nil
}

// ownPrefix returns what stands before a folder of the app in an import path, "" if it is imported from elsewhere.
func ownPrefix(dir, imported string) string {
	elements := strings.Split(imported, "/")
	if !strings.Contains(elements[0], ".") || hasGo(filepath.Join(dir, "vendor", filepath.FromSlash(imported))) {
		return ""
	}
	for i := 1; i < len(elements); i++ {
		if hasGo(filepath.Join(dir, filepath.Join(elements[i:]...))) {
			return path.Join(elements[:i]...)
		}
	}
	return ""
}

// hasGo reports whether a folder has Go files.
func hasGo(dir string) bool {
	found, err := fs.Glob(os.DirFS(dir), "*.go")
	return err == nil && len(found) > 0
}

// overlay writes a go.mod for an app that has none, beside the app, and returns the flag that puts it into the app's folder for the go
// command. Packages below vendor need no modules.txt before Go 1.23.
func overlay(home, modulePath, appDir, goVersion string) (string, error) {
	lang := strings.TrimPrefix(version.Lang("go"+goVersion), "go")
	if _, err := os.Stat(filepath.Join(appDir, "vendor")); err == nil && version.Compare("go"+lang, "go1.22") > 0 {
		lang = "1.22"
	}
	replaced, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(appDir, "go.mod"): filepath.Join(home, "go.mod")},
	})
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("module %s\n\ngo %s\n", modulePath, lang)
	file := filepath.Join(home, "overlay.json")
	err = os.WriteFile(filepath.Join(home, "go.mod"), []byte(text), 0o644)
	return "-overlay=" + file, errors.Join(err, os.WriteFile(file, replaced, 0o644))
}
