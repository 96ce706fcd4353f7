package golang

import (
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// modules is what go.work or go.mod say about Go and about the build's modules.
type modules struct {
	File      string   // "go.work", "go.mod" or "BP_GO_WORK_USE"; it names the source of what is below; "" when there is none of them
	Go        string   // the go line, a minimum, without "go"; "" when there is none
	Toolchain string   // the toolchain line, without "go"; "" when there is none
	Heroku    string   // what a comment "// +heroku goVersion" of go.mod asks for
	Install   []string // the programs that a comment "// +heroku install" of go.mod asks for
	Members   []member // the main modules; none when there is no file
}

// readModules reads the modules that use names, or else go.work, or else go.mod. It refuses what the go command would miss: members
// and replacements that are not there.
func readModules(dir string, use []string) (modules, error) {
	if len(use) > 0 {
		return readUse(dir, use)
	}
	data, err := tree.ReadFile(filepath.Join(dir, "go.work"))
	if err == nil {
		return readWork(dir, data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return modules{}, fmt.Errorf("reading go.work: %w", err)
	}
	one, err := readMember(dir, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return modules{}, nil
	}
	return modules{File: "go.mod", Go: one.Go, Toolchain: one.Toolchain, Heroku: one.Heroku, Install: one.Install, Members: []member{one}}, err
}

// readWork reads a go.work and the modules that it uses.
func readWork(dir string, data []byte) (modules, error) {
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
		sub := filepath.ToSlash(filepath.Clean(u.Path))
		if !filepath.IsLocal(sub) {
			return modules{}, outside("go.work uses " + sub)
		}
		one, err := readMember(dir, sub)
		if errors.Is(err, fs.ErrNotExist) {
			return modules{}, absent(dir, sub, f.Use)
		}
		if err != nil {
			return modules{}, err
		}
		maps.Copy(one.Replaced, replaced(".", f.Replace, one.Requires))
		m.Members = append(m.Members, one)
	}
	return m, nil
}

// absent refuses a go.work that uses a folder without go.mod.
func absent(dir, sub string, used []*modfile.Use) error {
	var there []string
	for _, u := range used {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(u.Path), "go.mod")); err == nil {
			there = append(there, path.Clean(filepath.ToSlash(u.Path)))
		}
	}
	return fault.Fault{
		ID: "go-member-missing", What: fmt.Sprintf("go.work uses ./%s, which has no go.mod", sub),
		Do: "correct it, or name the modules to use: BP_GO_WORK_USE=" + list(there),
	}
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
		one, err := readMember(dir, sub)
		if errors.Is(err, fs.ErrNotExist) {
			return modules{}, fault.Fault{ID: "go-no-module", What: path.Join(sub, "go.mod") + " does not exist", Do: "make one with go mod init"}
		}
		if err != nil {
			return modules{}, err
		}
		if version.Compare("go"+one.Go, "go"+m.Go) > 0 {
			m.Go = one.Go
		}
		m.Members = append(m.Members, one)
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
