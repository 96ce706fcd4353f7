package golang

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/module"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// toolchainModule is the module in which every Go release is published.
const toolchainModule = "golang.org/toolchain"

// toolchain is one Go release for the machine that builds.
type toolchain struct {
	version.Choice
	lock       lock.Lock
	proxies    proxies
	sumdb      string // value of GOSUMDB
	unverified bool   // the user takes it even if nothing vouches for its hash
	target     string // the architecture that it compiles for; empty for the machine's
	log        *report.Log
}

func newToolchain(in bp.Workspace, l lock.Lock, chosen version.Choice, unverified bool) (toolchain, error) {
	p, err := parseProxies(in.Env["GOPROXY"])
	return toolchain{
		Choice: chosen, lock: l, proxies: p, sumdb: in.Env["GOSUMDB"], unverified: unverified, target: in.Target.Arch, log: in.Log,
	}, err
}

// newestListed returns the newest patch of a minor version that the proxies list, "" if there is none.
func newestListed(ctx context.Context, in bp.Workspace, minor string) (string, error) {
	p, err := parseProxies(in.Env["GOPROXY"])
	if err != nil {
		return "", err
	}
	client, err := tool.Client(in, os.TempDir(), "Go")
	if err != nil {
		return "", err
	}
	list, err := p.get(ctx, client, "the list of Go releases", toolchainModule+"/@v/list")
	if err != nil {
		return "", err
	}
	best := ""
	for v := range strings.FieldsSeq(string(list)) {
		found := stable.FindStringSubmatch(v)
		if found != nil && found[2] == runtime.GOARCH && sameMinor(found[1], minor) && (best == "" || older(best, found[1])) {
			best = found[1]
		}
	}
	return best, nil
}

func (t toolchain) platform() string { return "linux-" + runtime.GOARCH }

func (t toolchain) module() module.Version { return toolchainOf(t.Version, runtime.GOARCH) }

// toolchainOf returns the module of a release for an architecture.
func toolchainOf(version, arch string) module.Version {
	return module.Version{Path: toolchainModule, Version: "v0.0.1-go" + version + ".linux-" + arch}
}

// name is what errors call the release.
func (t toolchain) name() string { return fmt.Sprintf("Go %s (%s)", t.Version, t.Reason) }

// unvouched reports whether a user takes a release that nothing vouches for: it is not locked, and no checksum database is asked.
func (t toolchain) unvouched() bool {
	_, locked := t.lock.Find(goID, runtime.GOARCH, t.Version)
	return t.unverified && !locked && t.noDatabase()
}

func (t toolchain) noDatabase() bool { return t.sumdb == "off" || t.sumdb == "" }

// folder is the name of the release's GOROOT. One that nothing vouches for has a name of its own, so that no other build takes it, and so
// has one with the standard library of another architecture.
func (t toolchain) folder() string {
	name := "go" + t.Version + "." + t.platform()
	if t.target != "" && t.target != runtime.GOARCH {
		name += "." + t.target
	}
	if t.unvouched() {
		name += ".unverified"
	}
	return name
}

// install returns the GOROOT of the release, and makes it below cache if it is not there.
func (t toolchain) install(ctx context.Context, in bp.Workspace, cache string) (string, error) {
	of := tool.Tool{Folder: t.folder(), Title: "Go " + t.Version, Fill: t.fill}
	if cached, err := tool.Cached(in, cache, of); err != nil {
		return "", err
	} else if cached {
		t.log.Bullet("%s: cached", of.Title)
	}
	return tool.Install(ctx, in, cache, of)
}

func (t toolchain) fill(ctx context.Context, client *fetch.Client, dir string) error {
	archive, err := t.archive(ctx, client)
	if err != nil {
		return t.explain(err)
	}
	if err := unpack.Archive(archive, dir, unpack.Options{Strip: 2, Want: wanted}); err != nil {
		return err
	}
	return complete(dir)
}

// wanted leaves out two thirds of the files, which no build needs: tests are for Go's authors, and the go command is
// compiled already.
func wanted(path string) bool {
	return !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "/testdata/") && !strings.HasPrefix(path, "src/cmd/")
}

// complete sets the modes and the names go.mod that a module's zip does not have, as the go command does.
func complete(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.Name() == "_go.mod":
			return os.Rename(path, filepath.Join(filepath.Dir(path), "go.mod"))
		case strings.HasPrefix(rel, "bin/"), strings.HasPrefix(rel, "pkg/tool/"):
			return os.Chmod(path, 0o755)
		}
		return nil
	})
}

// archive fetches the zip of the toolchain's module.
func (t toolchain) archive(ctx context.Context, client *fetch.Client) (file string, err error) {
	m := t.module()
	a := fetch.Artifact{Name: t.name(), Setting: "GOPROXY"}
	if a.Sum, err = t.sum(ctx, client); err != nil {
		return "", err
	}
	if a.Sum == "" {
		a.Check = isZip
	}
	err = t.proxies.try(func(base *url.URL) error {
		a.URLs = []string{base.JoinPath(m.Path, "@v", m.Version+".zip").String()}
		file, err = client.Get(ctx, a)
		return err
	})
	return file, err
}

func isZip(file string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	return z.Close()
}

// sum returns the hash that the toolchain must have, "" if the user takes any.
func (t toolchain) sum(ctx context.Context, client *fetch.Client) (string, error) {
	if r, found := t.lock.Find(goID, runtime.GOARCH, t.Version); found {
		return r.Hash, nil
	}
	if t.noDatabase() {
		if t.unvouched() {
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
