package golang

import (
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// choice is the Go release that a build uses.
type choice struct {
	Version string // "1.26.8"
	Reason  string // where it was asked for, to print after the version
}

// modules is what go.work or go.mod say about Go and about the build's modules.
type modules struct {
	File      string   // "go.work", "go.mod" or "BP_GO_WORK_USE"; it names the source of the two below
	Go        string   // the go line, a minimum, without "go"; "" when there is none
	Toolchain string   // the toolchain line, without "go"; "" when there is none
	Dirs      []string // the main modules' folders, slash-separated, relative to the app: "." or the workspace's
}

// readModules reads go.work if there is one or if use names the modules of one,
// else go.mod.
func readModules(dir string, use []string) (modules, error) {
	if len(use) > 0 {
		return readUse(dir, use)
	}
	data, err := os.ReadFile(filepath.Join(dir, "go.work"))
	if errors.Is(err, fs.ErrNotExist) {
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

// readGoMod reads the go.mod in a folder of the app.
func readGoMod(dir, sub string) (modules, error) {
	name := filepath.ToSlash(filepath.Join(sub, "go.mod"))
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
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
	if f.Go != nil {
		m.Go = f.Go.Version
	}
	if f.Toolchain != nil {
		m.Toolchain = toolchainVersion(f.Toolchain.Name)
	}
	return m, nil
}

// modulePath returns the path of the module in a folder of the app.
func modulePath(dir, sub string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(sub), "go.mod"))
	return modfile.ModulePath(data), err
}

// readUse reads the modules that BP_GO_WORK_USE joins: the workspace needs the
// newest of their go lines, and no toolchain line speaks for all of them.
func readUse(dir string, use []string) (modules, error) {
	m := modules{File: "BP_GO_WORK_USE"}
	for _, u := range use {
		sub := filepath.ToSlash(filepath.Clean(u))
		if !filepath.IsLocal(sub) {
			return modules{}, fault.Fault{ID: "go-work-use-outside", What: fmt.Sprintf("BP_GO_WORK_USE names %q, which is outside the app", u), Do: "give folders relative to the app, separated by colons"}
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

func unparsed(name string, err error) error {
	return fault.Fault{ID: "go-mod-syntax", What: "reading " + name, Err: err, Do: "correct the file"}
}

// toolchainVersion turns a toolchain line into a version; "default" and
// toolchains with a vendor's suffix have none.
func toolchainVersion(name string) string {
	if !version.IsValid(name) {
		return ""
	}
	return strings.TrimPrefix(name, "go")
}

// chooseVersion decides on the Go release: BP_GO_VERSION, then .go-version, then
// the toolchain line, then the go line, which is a minimum (the newest locked patch
// of its minor, else a newer default), then the default.
func chooseVersion(dir, override string, m modules, l lock.Lock) (choice, error) {
	asked, source := override, "BP_GO_VERSION"
	if asked == "" {
		data, err := os.ReadFile(filepath.Join(dir, ".go-version"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return choice{}, fmt.Errorf("reading .go-version: %w", err)
		}
		asked, source = string(data), ".go-version"
	}
	if asked = strings.TrimSpace(asked); asked != "" {
		v, err := exactVersion(asked, source, l)
		if err != nil {
			return choice{}, err
		}
		if m.Go != "" && version.Compare("go"+v, "go"+m.Go) < 0 {
			return choice{}, fault.Fault{
				ID:   "go-version-too-old",
				What: fmt.Sprintf("%s asks for Go %s, but %s needs at least %s", source, v, m.File, m.Go),
				Do:   "raise " + source + " or lower the go line",
			}
		}
		return choice{v, source}, nil
	}
	// As in the go command, a toolchain line below the go line says nothing.
	if m.Toolchain != "" && version.Compare("go"+m.Toolchain, "go"+m.Go) >= 0 {
		return choice{m.Toolchain, "toolchain line of " + m.File}, nil
	}
	if m.Go == "" {
		return choice{l.Default[goID], "default"}, nil
	}
	// A program written for one Go may not run when the next one compiles it, so the minor stays while it is locked.
	if patch, ok := newest(l, strings.TrimPrefix(version.Lang("go"+m.Go), "go")); ok && version.Compare("go"+patch, "go"+m.Go) >= 0 {
		return choice{patch, fmt.Sprintf("newest locked patch; %s needs at least %s", m.File, m.Go)}, nil
	}
	if version.Compare("go"+l.Default[goID], "go"+m.Go) >= 0 {
		return choice{l.Default[goID], fmt.Sprintf("default; %s needs at least %s", m.File, m.Go)}, nil
	}
	return choice{fullVersion(m.Go, l), "go line of " + m.File}, nil
}

// exactVersion reads what a person wrote: 1.26.3, go1.26.3, 1.26, 1.26.*, 1.*.
func exactVersion(asked, source string, l lock.Lock) (string, error) {
	v := strings.TrimPrefix(asked, "go")
	if v == "1.*" || v == "1" || v == "*" {
		return l.Default[goID], nil
	}
	v, wild := strings.CutSuffix(v, ".*")
	if !version.IsValid("go"+v) || wild && !isLang(v) {
		return "", fault.Fault{
			ID:   "go-version-syntax",
			What: fmt.Sprintf("%s is %q, which is not a Go version", source, asked),
			Do:   "write it like 1.26.8, or 1.26 for the newest known patch",
		}
	}
	return fullVersion(v, l), nil
}

// fullVersion completes a version without a patch: the newest locked patch, else
// the first release, which is 1.21.0 since that line and was 1.20 before.
func fullVersion(v string, l lock.Lock) string {
	if !isLang(v) {
		return v
	}
	if found, ok := newest(l, v); ok {
		return found
	}
	if version.Compare("go"+v, "go1.21") < 0 {
		return v
	}
	return v + ".0"
}

func isLang(v string) bool { return version.Lang("go"+v) == "go"+v }
