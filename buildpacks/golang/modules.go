package golang

import (
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// modules is what go.work or go.mod say about Go and about the build's modules.
type modules struct {
	File      string   // "go.work", "go.mod" or "BP_GO_WORK_USE"; it names the source of the two below; "" when there is none of them
	Go        string   // the go line, a minimum, without "go"; "" when there is none
	Toolchain string   // the toolchain line, without "go"; "" when there is none
	Heroku    string   // what a comment "// +heroku goVersion" of go.mod asks for
	Dirs      []string // the main modules' folders, slash-separated, relative to the app: "." or the workspace's
}

// readModules reads the modules that use names, or else go.work, or else go.mod.
func readModules(dir string, use []string) (modules, error) {
	if len(use) > 0 {
		return readUse(dir, use)
	}
	data, err := tree.ReadFile(filepath.Join(dir, "go.work"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); errors.Is(err, fs.ErrNotExist) {
			return modules{Dirs: []string{"."}}, nil
		}
		return readGoMod(dir, ".")
	}
	if err != nil {
		return modules{}, fmt.Errorf("reading go.work: %w", err)
	}
	f, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return modules{}, unparsed("go.work", err)
	}
	m := modules{File: "go.work"}
	if f.Go != nil {
		m.Go = f.Go.Version
	}
	if f.Toolchain != nil {
		m.Toolchain = toolchainVersion(f.Toolchain.Name)
	}
	for _, u := range f.Use {
		m.Dirs = append(m.Dirs, filepath.ToSlash(filepath.Clean(u.Path)))
	}
	return m, nil
}

// heroku matches the comment that Heroku reads (devcenter.heroku.com, "Go dependencies").
var heroku = regexp.MustCompile(`(?m)^//\s*\+heroku\s+goVersion\s+(\S+)`)

// readGoMod reads the go.mod in a folder of the app.
func readGoMod(dir, sub string) (modules, error) {
	name := filepath.ToSlash(filepath.Join(sub, "go.mod"))
	data, err := tree.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return modules{}, fault.Fault{ID: "go-no-module", What: name + " does not exist", Do: "make one with go mod init"}
	}
	if err != nil {
		return modules{}, fmt.Errorf("reading %s: %w", name, err)
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return modules{}, unparsed(name, err)
	}
	m := modules{File: name, Dirs: []string{sub}}
	if found := heroku.FindSubmatch(data); found != nil {
		m.Heroku = string(found[1])
	}
	if f.Go != nil {
		m.Go = f.Go.Version
	}
	if f.Toolchain != nil {
		m.Toolchain = toolchainVersion(f.Toolchain.Name)
	}
	return m, nil
}

// readUse reads the modules that BP_GO_WORK_USE joins. The workspace needs the newest of their go lines, and no toolchain line
// speaks for all of them.
func readUse(dir string, use []string) (modules, error) {
	m := modules{File: "BP_GO_WORK_USE"}
	for _, u := range use {
		sub := filepath.ToSlash(filepath.Clean(u))
		if !filepath.IsLocal(sub) {
			return modules{}, fault.Fault{
				ID: "go-work-use-outside", What: fmt.Sprintf("BP_GO_WORK_USE names %q, which is outside the app", u),
				Do: "give folders relative to the app, separated by colons",
			}
		}
		one, err := readGoMod(dir, sub)
		if err != nil {
			return modules{}, err
		}
		if version.Compare("go"+one.Go, "go"+m.Go) > 0 {
			m.Go = one.Go
		}
		m.Dirs = append(m.Dirs, sub)
	}
	return m, nil
}

// vendored reports whether the modules are in vendor although the go line is from before that was enough (1.14).
func (m modules) vendored(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "vendor", "modules.txt"))
	return m.File == "go.mod" && older(m.Go, "1.14") && err == nil && info.Mode().IsRegular()
}

func unparsed(name string, err error) error {
	return fault.Fault{ID: "go-mod-syntax", What: "reading " + name, Err: err, Do: "correct the file"}
}

// toolchainVersion returns the version in a toolchain line. "default" and toolchains with a vendor's suffix have none.
func toolchainVersion(name string) string {
	if !version.IsValid(name) {
		return ""
	}
	return strings.TrimPrefix(name, "go")
}
