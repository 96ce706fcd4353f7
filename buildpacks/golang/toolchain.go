package golang

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// toolchainModule is the module in which every Go release is published.
const toolchainModule = "golang.org/toolchain"

// toolchain is one Go release for the machine that builds.
type toolchain struct {
	version.Choice
	proxies    proxies
	sumdb      string // value of GOSUMDB
	unverified bool   // the user takes it even if nothing vouches for its hash
	options    []fetch.Option
	lock       lock.Lock
	log        *report.Log
}

func (t toolchain) platform() string { return "linux-" + runtime.GOARCH }

func (t toolchain) module() module.Version {
	return toolchainOf(t.Version, runtime.GOARCH)
}

// toolchainOf returns the module of a release for an architecture.
func toolchainOf(version, arch string) module.Version {
	return module.Version{Path: toolchainModule, Version: "v0.0.1-go" + version + ".linux-" + arch}
}

// folder is the name of the release's GOROOT.
func (t toolchain) folder() string { return "go" + t.Version + "." + t.platform() }

// install returns the GOROOT of the release below dir, fetching it if it is not there. A folder with its final name is
// complete: it gets that name last.
func (t toolchain) install(ctx context.Context, dir string) (string, error) {
	goroot := filepath.Join(dir, t.folder())
	if _, err := os.Stat(goroot); err == nil {
		t.log.Bullet("Go %s: cached", t.Version)
		return goroot, nil
	}
	done := t.log.Phase("Installing Go %s", t.Version)
	downloads := filepath.Join(dir, "downloads")
	client := fetch.New(downloads, append(t.options, fetch.WithProgress(t.progress()), fetch.WithDebug(t.log.Debug))...)
	archive, err := t.archive(ctx, client)
	if err != nil {
		return "", t.explain(err)
	}
	partial := goroot + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("removing an interrupted extraction: %w", err)
	}
	if err := extract(partial, archive, t.module()); err != nil {
		return "", fmt.Errorf("extracting Go %s: %w", t.Version, err)
	}
	if err := os.Rename(partial, goroot); err != nil {
		return "", fmt.Errorf("installing Go %s: %w", t.Version, err)
	}
	done()
	return goroot, os.RemoveAll(downloads)
}

// name is what errors call the release.
func (t toolchain) name() string { return fmt.Sprintf("Go %s (%s)", t.Version, t.Reason) }

// archive fetches the zip of the toolchain's module.
func (t toolchain) archive(ctx context.Context, client *fetch.Client) (file string, err error) {
	m := t.module()
	a := fetch.Artifact{Name: t.name(), Setting: "GOPROXY"}
	if a.Sum, err = t.sum(ctx, client); err != nil {
		return "", err
	}
	if a.Sum == "" {
		a.Check = func(file string) error {
			_, err := dirhash.HashZip(file, dirhash.Hash1)
			return err
		}
	}
	err = t.proxies.try(func(base *url.URL) error {
		a.URLs = []string{base.JoinPath(m.Path, "@v", m.Version+".zip").String()}
		file, err = client.Get(ctx, a)
		return err
	})
	return file, err
}

// sum returns the hash that the toolchain must have, "" if the user takes any.
func (t toolchain) sum(ctx context.Context, client *fetch.Client) (string, error) {
	if r, found := t.lock.Find(goID, runtime.GOARCH, t.Version); found {
		return r.Hash, nil
	}
	if t.sumdb == "off" || t.sumdb == "" {
		if t.unverified {
			t.log.Warn("nothing vouches for Go %s: BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED is on and no checksum database is asked", t.Version)
			return "", nil
		}
		state := "off"
		if t.sumdb == "" {
			state = "not set"
		}
		return "", fault.Fault{
			ID:   "go-toolchain-unverified",
			What: fmt.Sprintf("%s cannot be verified because GOSUMDB is %s", t.name(), state),
			Do: "name a checksum database in GOSUMDB, or ask for a locked release: " +
				strings.Join(t.lock.Versions(goID, runtime.GOARCH), ", "),
		}
	}
	db, err := parseDatabase(t.sumdb)
	if err != nil {
		return "", err
	}
	// The proxy is asked first, because a database answers slowly, and at length, for a release that nobody made.
	m := t.module()
	if _, err := t.proxies.get(ctx, client, t.name(), m.Path+"/@v/"+m.Version+".info"); err != nil {
		return "", err
	}
	h, err := db.sum(ctx, client, t.proxies, m.Path, m.Version)
	if err != nil {
		return "", fault.Fault{ID: "go-sumdb", What: "verifying " + t.name(), Err: err, Do: "check GOSUMDB and the network"}
	}
	return h, nil
}

// explain says what the user can do about a release that no proxy has.
func (t toolchain) explain(err error) error {
	switch {
	case errors.Is(err, fetch.ErrGone):
		return fault.Fault{ID: "go-version-unknown", What: t.name() + " does not exist for " + t.platform(),
			Do: "ask for a release that does, such as " + t.lock.Default[goID]}
	case errors.Is(err, errNoProxy):
		return fault.Fault{ID: "go-proxy-unset", What: t.name() + " is not in the cache, and GOPROXY names no proxy to fetch it from",
			Do: "set GOPROXY to a module proxy"}
	}
	return err
}

// progress prints how far a download is: at each quarter, or each 16 MB if its size is not known. What has less than a
// megabyte is no line worth.
func (t toolchain) progress() fetch.Progress {
	told := int64(0)
	return func(_ string, done, size int64) {
		step, of := int64(16e6), ""
		if size > 0 && size < 1e6 {
			return
		}
		if size > 0 {
			step, of = (size+3)/4, fmt.Sprintf(" of %.1f", float64(size)/1e6)
		}
		if done >= told+step || done == size {
			told = done
			t.log.Bullet("Go %s: %.1f%s MB", t.Version, float64(done)/1e6, of)
		}
	}
}

// extract unpacks of a verified toolchain what a build needs, which is two files
// of three fewer than there are: tests are for Go's authors, and the source of
// the go command is compiled already. It does what the go command does after: a
// module zip has neither modes nor files named go.mod.
func extract(dir, archive string, m module.Version) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	files, err := zip.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range files.File {
		name, ok := strings.CutPrefix(file.Name, m.Path+"@"+m.Version+"/")
		if !ok || !filepath.IsLocal(name) {
			return fmt.Errorf("%q is no file of a module", file.Name)
		}
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") || strings.HasPrefix(name, "src/cmd/") {
			continue
		}
		if err := extractFile(root, name, file); err != nil {
			return err
		}
	}
	return nil
}

func extractFile(root *os.Root, name string, file *zip.File) error {
	mode := fs.FileMode(0o444)
	if strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/") {
		mode = 0o555
	}
	if path.Base(name) == "_go.mod" {
		name = path.Join(path.Dir(name), "go.mod")
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, in, int64(file.UncompressedSize64))
	return errors.Join(err, out.Close())
}
