package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// tools installs Node.js and package managers, when they are first needed.
type tools struct {
	in         bp.Workspace
	lock       lock.Lock
	registry   string // address
	unverified bool
	dir        string // the cache of those that are not for all apps
	arch       string // as Node.js calls it
}

// archOf returns Node.js' name of an architecture, "" if it has no build for it.
func archOf(goarch string) string { return map[string]string{"amd64": "x64", "arm64": "arm64"}[goarch] }

// on returns tools of an architecture.
func (t tools) on(arch string) tools {
	t.arch = arch
	return t
}

// release is a package of the registry that is to be installed.
type release struct {
	choice
	title, id, name string // for people, in the lock, in the registry
	told            string // the hash that vouches for it where it is not locked, "" for none
	want            func(path string) bool
	complete        func(dir string) error
}

// node returns the folder of a release, which holds bin/node, LICENSE and the headers that addons are compiled with.
func (t tools) node(ctx context.Context, version choice) (string, error) {
	processor := map[string]string{"x64": "linux-x86_64/", "arm64": "linux-aarch64/"}[t.arch]
	return t.install(ctx, release{choice: version, title: "Node.js", id: nodeID, name: "node-linux-" + t.arch, want: func(path string) bool {
		// OpenSSL's headers for other processors are nine tenths of all headers.
		if of, found := strings.CutPrefix(path, "include/node/openssl/archs/"); found {
			return strings.HasPrefix(of, processor)
		}
		return path == "bin/node" || path == "LICENSE" || strings.HasPrefix(path, "include/")
	}})
}

// programsDir is the folder of a package manager's programs below that of its package.
const programsDir = ".programs"

// programs returns the folder of the programs of a release of a package manager.
func (t tools) programs(ctx context.Context, m manager.Tool, r manager.Release) (string, error) {
	dir, err := t.install(ctx, release{
		choice: r.Choice, title: m.Title, id: m.ID, name: m.Package(r.Version, t.arch), told: r.Hash,
		complete: func(dir string) error { return link(m, dir) },
	})
	return filepath.Join(dir, programsDir), err
}

// manifest is what is read of the package.json of a package manager.
type manifest struct{ Bin json.RawMessage }

// link makes the folder of programs in that of the package.
func link(m manager.Tool, dir string) error {
	var about manifest
	data, err := tree.ReadFile(filepath.Join(dir, project.ManifestFile))
	if err == nil {
		err = json.Unmarshal(data, &about)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, programsDir), 0o755)
	}
	for name, file := range files(m, about) {
		if err == nil {
			err = os.Chmod(filepath.Join(dir, file), 0o755)
		}
		if err == nil {
			err = os.Symlink(filepath.Join("..", file), filepath.Join(dir, programsDir, name))
		}
	}
	return err
}

// files returns the programs of a package manager and their files.
func files(m manager.Tool, about manifest) map[string]string {
	files := map[string]string{}
	if json.Unmarshal(about.Bin, &files) == nil && len(files) > 0 {
		return files
	}
	// The packages of programs for one architecture do not name them.
	return map[string]string{m.Name: m.Program}
}

// folderOf is the name of the folder of a package of the registry.
func folderOf(name, version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(name, "@"), "/", "-") + "-" + version
}

// install returns the folder of a release. A release that is not locked is this app's own: its folder's name tells the hash
// that vouches for it.
func (t tools) install(ctx context.Context, r release) (string, error) {
	locked, found := t.lock.Find(r.id, manager.GoArch(t.arch), r.Version)
	hash, folder := locked.Hash, folderOf(r.name, r.Version)
	if !found {
		sum := sha256.Sum256([]byte(r.told))
		hash, folder = r.told, folder+"."+hex.EncodeToString(sum[:8])
	}
	if hash == "" && !t.unverified {
		return "", unvouched(r.title, r.choice)
	}
	return tool.Install(ctx, t.in, t.dir, tool.Tool{
		Folder: folder, Title: r.title + " " + r.Version,
		Fill: func(ctx context.Context, client *fetch.Client, dir string) error {
			return t.fill(ctx, client, r, hash, dir)
		},
	})
}

// fill puts the wanted files of a release into a folder.
func (t tools) fill(ctx context.Context, client *fetch.Client, r release, hash, dir string) error {
	archive, err := t.fetch(ctx, client, r, hash)
	if errors.Is(err, fetch.ErrGone) {
		return fault.Fault{ID: "node-release-unknown", Do: "ask for a release that exists",
			What: fmt.Sprintf("the registry has no %s %s (%s; package %s)", r.title, r.Version, r.Reason, r.name)}
	}
	if err != nil {
		return err
	}
	// All paths of a package begin with "package/".
	if err := unpack.Archive(archive, dir, unpack.Options{Strip: 1, Want: r.want}); err != nil {
		return err
	}
	if r.complete == nil {
		return nil
	}
	return r.complete(dir)
}

// registryVariable is the variable that errors name.
const registryVariable = "NPM_CONFIG_REGISTRY"

// fetch returns the archive of a release; without a hash, by the one that the registry tells.
func (t tools) fetch(ctx context.Context, client *fetch.Client, r release, hash string) (string, error) {
	if t.registry == "" {
		return "", fault.Fault{ID: "node-registry-unset", Do: "set " + registryVariable + " to the address of an npm registry",
			What: fmt.Sprintf("%s %s is not in the cache, and %s names no registry to fetch it from", r.title, r.Version, registryVariable)}
	}
	base, err := url.Parse(t.registry)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		// The cause may hold the address with its credentials, so it is left out.
		return "", fault.Fault{ID: "node-registry-syntax", What: registryVariable + " is not an https or http address",
			Do: "write it like https://registry.example.test/"}
	}
	if hash == "" {
		if hash, err = t.ask(ctx, client, r, base); err != nil {
			return "", err
		}
	}
	address := base.JoinPath(r.name, "-", path.Base(r.name)+"-"+r.Version+".tgz")
	return client.Get(ctx, fetch.Artifact{
		Name: "pkg:npm/" + r.name + "@" + r.Version, Sum: hash, URLs: []string{address.String()}, Setting: registryVariable,
	})
}

// ask returns the hash that the registry tells.
func (t tools) ask(ctx context.Context, client *fetch.Client, r release, registry *url.URL) (string, error) {
	document, err := client.Read(ctx, fetch.Document{
		Name: r.name + " " + r.Version, Limit: 1 << 20, Setting: registryVariable,
		URLs: []string{registry.JoinPath(r.name, r.Version).String()},
	})
	if err != nil {
		return "", err
	}
	var told struct{ Dist struct{ Integrity string } }
	if err := json.Unmarshal(document, &told); err != nil {
		return "", fault.Fault{ID: "node-registry-answer", What: "the registry's answer about " + r.name + " is not JSON", Err: err,
			Do: "check " + registryVariable}
	}
	if !strings.HasPrefix(told.Dist.Integrity, "sha512-") {
		return "", fault.Fault{ID: "node-registry-answer", What: "the registry tells no SHA-512 of " + r.name + " " + r.Version,
			Do: "ask for a release that is locked"}
	}
	t.in.Log.Warn("nothing but the registry vouches for %s %s: BP_NODE_UNVERIFIED_ENABLED is on", r.title, r.Version)
	return told.Dist.Integrity, nil
}

func unvouched(title string, version choice) error {
	return fault.Fault{
		ID:   "node-unverified",
		What: fmt.Sprintf("%s %s (%s) is not in lock.toml, so nothing vouches for it", title, version.Version, version.Reason),
		Do:   "ask for a release that is locked, or set BP_NODE_UNVERIFIED_ENABLED=true to trust the registry",
	}
}
