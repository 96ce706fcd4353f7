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

// install returns the GOROOT of the release below dir, fetching it if it is not
// there. A folder with its final name is complete: it gets that name last.
func (t toolchain) install(ctx context.Context, dir string) (string, error) {
	goroot := filepath.Join(dir, t.folder())
	if _, err := os.Stat(goroot); err == nil {
		t.log.Bullet("Go %s: cached", t.Version)
		return goroot, nil
	}
	done := t.log.Phase("Installing Go %s", t.Version)
	want, err := t.sum(ctx)
	if err != nil {
		return "", err
	}
	archive := goroot + ".zip"
	defer func() { _ = os.Remove(archive) }() // the next download replaces what stays
	if err := t.download(ctx, archive); err != nil {
		return "", t.explain(err)
	}
	if err := t.verify(archive, want); err != nil {
		return "", err
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
	return goroot, nil
}

// sum returns the hash that the toolchain must have, "" if the user takes any.
func (t toolchain) sum(ctx context.Context) (string, error) {
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
			What: fmt.Sprintf("Go %s (%s) cannot be verified because GOSUMDB is %s", t.Version, t.Reason, state),
			Do:   "name a checksum database in GOSUMDB, or ask for a locked release: " + strings.Join(t.lock.Versions(goID, runtime.GOARCH), ", "),
		}
	}
	db, err := parseDatabase(t.sumdb)
	if err != nil {
		return "", err
	}
	// The proxy is asked first, because a database answers slowly, and at
	// length, for a release that nobody made.
	m := t.module()
	err = t.proxies.try(func(base *url.URL) error {
		_, err := t.proxies.get(ctx, base, m.Path+"/@v/"+m.Version+".info")
		return err
	})
	if err != nil {
		return "", t.explain(err)
	}
	h, err := db.sum(ctx, t.proxies, m.Path, m.Version)
	if err != nil {
		return "", fault.Fault{ID: "go-sumdb", What: fmt.Sprintf("verifying Go %s (%s)", t.Version, t.Reason), Err: err, Do: "check GOSUMDB and the network"}
	}
	return h, nil
}

// verify compares the archive with the hash it must have.
func (t toolchain) verify(archive, want string) error {
	got, err := dirhash.HashZip(archive, dirhash.Hash1)
	if err != nil {
		return fault.Fault{ID: "go-toolchain-damaged", What: fmt.Sprintf("the download of Go %s is damaged", t.Version), Err: err, Do: "build again; if it stays, check what GOPROXY serves"}
	}
	if want != "" && got != want {
		return fault.Fault{
			ID:   "go-toolchain-hash",
			What: fmt.Sprintf("the download of Go %s has the hash %s, but must have %s", t.Version, got, want),
			Do:   "do not trust what GOPROXY serves",
		}
	}
	return nil
}

// explain turns a failed fetch into what the user can do about it.
func (t toolchain) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Fault{ID: "go-version-unknown", What: fmt.Sprintf("Go %s (%s) does not exist for %s", t.Version, t.Reason, t.platform()), Do: "ask for a release that does, such as " + t.lock.Default[goID]}
	case errors.Is(err, errNoProxy):
		return fault.Fault{ID: "go-proxy-unset", What: fmt.Sprintf("Go %s (%s) is not in the cache, and GOPROXY names no proxy to fetch it from", t.Version, t.Reason), Do: "set GOPROXY to a module proxy"}
	case errors.Is(err, context.Canceled):
		return err
	}
	return fault.Fault{ID: "go-toolchain-fetch", What: fmt.Sprintf("fetching Go %s (%s)", t.Version, t.Reason), Err: err, Do: "check the network and GOPROXY"}
}

// download writes the toolchain's zip to a file.
func (t toolchain) download(ctx context.Context, file string) error {
	return t.proxies.try(func(base *url.URL) error {
		return t.proxies.again(ctx, func() error { return t.transfer(ctx, base, file) })
	})
}

// transfer asks one proxy for the toolchain's zip.
func (t toolchain) transfer(ctx context.Context, base *url.URL, file string) error {
	m := t.module()
	body, size, err := t.proxies.open(ctx, base, m.Path+"/@v/"+m.Version+".zip")
	if err != nil {
		return err
	}
	defer body.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	progress := &progress{log: t.log, name: "Go " + t.Version, size: size}
	_, err = io.Copy(io.MultiWriter(out, progress), body)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err == nil && size >= 0 && progress.done != size {
		err = io.ErrUnexpectedEOF
	}
	if _, disk := errors.AsType[*fs.PathError](err); err != nil && !disk {
		err = passing{err}
	}
	return err
}

// progress prints how far a download is: at each quarter, or each 16 MB if its
// size is not known.
type progress struct {
	log              *report.Log
	name             string
	size, done, told int64
}

func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	step, of := int64(16e6), ""
	if p.size > 0 {
		step, of = (p.size+3)/4, fmt.Sprintf(" of %.1f", float64(p.size)/1e6)
	}
	if p.done >= p.told+step || p.done == p.size {
		p.told = p.done
		p.log.Bullet("%s: %.1f%s MB", p.name, float64(p.done)/1e6, of)
	}
	return len(b), nil
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
