package node

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// tools are Node.js and the package manager of a build: those for all apps, or else kept in a cache between builds. They
// are fetched when they are first needed.
type tools struct {
	shared     func(folder string) (dir string, found bool)
	lock       lock.Lock
	registry   string // address
	unverified bool
	dir        string // the cache
	arch       string // as Node.js calls it
	log        *report.Log
}

// archOf returns Node.js' name of an architecture, "" if it has no build for it.
func archOf(goarch string) string { return map[string]string{"amd64": "x64", "arm64": "arm64"}[goarch] }

// node returns the folder of a release, which holds bin/node, LICENSE and the headers that addons are compiled with.
func (t tools) node(ctx context.Context, version choice) (string, error) {
	return t.install(ctx, "Node.js", nodeID, "node-linux-"+t.arch, version, "", func(file string) bool {
		// OpenSSL's headers for other processors are nine tenths of all headers.
		if of, found := strings.CutPrefix(file, "include/node/openssl/archs/"); found {
			return strings.HasPrefix(of, map[string]string{"x64": "linux-x86_64/", "arm64": "linux-aarch64/"}[t.arch])
		}
		return file == "bin/node" || file == "LICENSE" || strings.HasPrefix(file, "include/")
	}, nil)
}

// programsDir is the folder of a package manager's programs below that of its package.
const programsDir = ".programs"

// programs returns the folder of the programs of a release of a package manager.
func (t tools) programs(ctx context.Context, m *manager, version choice, hash string) (string, error) {
	everything := func(string) bool { return true }
	dir, err := t.install(ctx, m.title, m.id(), m.packageName(version.Version, t.arch), version, hash, everything, m.link)
	return filepath.Join(dir, programsDir), err
}

// manifest is what is read of the package.json of a package manager.
type manifest struct{ Bin json.RawMessage }

// link makes the folder of programs in that of the package.
func (m *manager) link(dir string) error {
	var about manifest
	data, err := os.ReadFile(filepath.Join(dir, project.ManifestFile))
	if err == nil {
		err = json.Unmarshal(data, &about)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, programsDir), 0o755)
	}
	for name, file := range m.files(about) {
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
func (m *manager) files(about manifest) map[string]string {
	files := map[string]string{}
	if json.Unmarshal(about.Bin, &files) == nil && len(files) > 0 {
		return files
	}
	// The packages of programs for one architecture do not name them.
	return map[string]string{m.name: map[*manager]string{pnpm: "pnpm", bun: "bin/bun"}[m]}
}

// folderOf is the name of the folder of a package of the registry.
func folderOf(name, version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(name, "@"), "/", "-") + "-" + version
}

// install returns the folder of a package of the registry, fetching it if it is not there. A hash that was told vouches
// for a release that is not locked. A folder with its final name is complete: it gets that name last, after complete.
func (t tools) install(ctx context.Context, title, id, name string, version choice, told string, want func(string) bool, complete func(dir string) error) (string, error) {
	locked, found := t.lock.Find(id, goarch(t.arch), version.Version)
	hash, folder := locked.Hash, folderOf(name, version.Version)
	if !found { // what another app vouches for, or nothing, is not this one's
		sum := sha256.Sum256([]byte(told))
		hash, folder = told, folder+"."+hex.EncodeToString(sum[:8])
	} else if dir, found := t.shared(folder); found {
		return dir, nil
	}
	if hash == "" && !t.unverified {
		return "", unvouched(title, version)
	}
	dir := filepath.Join(t.dir, folder)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	done := t.log.Phase("Installing %s %s", title, version.Version)
	if t.registry == "" {
		return "", fault.Fault{ID: "node-registry-unset", What: fmt.Sprintf("%s %s is not in the cache, and NPM_CONFIG_REGISTRY names no registry to fetch it from", title, version.Version), Do: "set NPM_CONFIG_REGISTRY to the address of an npm registry"}
	}
	client := fetch.New(filepath.Join(t.dir, "downloads"), fetch.WithDebug(t.log.Debug))
	address, hash, err := t.locate(ctx, client, title, name, version, hash)
	if err != nil {
		return "", err
	}
	archive, err := client.Get(ctx, fetch.Artifact{Name: "pkg:npm/" + name + "@" + version.Version, Sum: hash, URLs: []string{address}})
	if errors.Is(err, fetch.ErrGone) {
		return "", unknownVersion(title, name, version)
	}
	if err != nil {
		return "", err
	}
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("removing an interrupted extraction: %w", err)
	}
	if err := extract(partial, archive, want); err != nil {
		return "", fmt.Errorf("extracting %s %s: %w", title, version.Version, err)
	}
	if complete != nil {
		if err := complete(partial); err != nil {
			return "", fmt.Errorf("installing %s: %w", title, err)
		}
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", fmt.Errorf("installing %s %s: %w", title, version.Version, err)
	}
	done()
	return dir, os.Remove(archive)
}

// locate returns the address of a package's archive and the hash that it must have.
func (t tools) locate(ctx context.Context, client *fetch.Client, title, name string, version choice, hash string) (string, string, error) {
	base, err := url.Parse(t.registry)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		// The cause may hold the address with its credentials, so it is left out.
		return "", "", fault.Fault{ID: "node-registry-syntax", What: "NPM_CONFIG_REGISTRY is not an https or http address", Do: "write it like https://registry.example.test/"}
	}
	address := base.JoinPath(name, "-", path.Base(name)+"-"+version.Version+".tgz").String()
	if hash != "" {
		return address, hash, nil
	}
	document, err := client.Read(ctx, fetch.Document{Name: name + " " + version.Version, Limit: 1 << 20,
		URLs: []string{base.JoinPath(name, version.Version).String()}})
	if errors.Is(err, fetch.ErrGone) {
		return "", "", unknownVersion(title, name, version)
	}
	if err != nil {
		return "", "", err
	}
	var told struct{ Dist struct{ Integrity string } }
	if err := json.Unmarshal(document, &told); err != nil {
		return "", "", fault.Fault{ID: "node-registry-answer", What: "the registry's answer about " + name + " is not JSON", Err: err, Do: "check NPM_CONFIG_REGISTRY"}
	}
	t.log.Warn("nothing but the registry vouches for %s %s: BP_NODE_UNVERIFIED_ENABLED is on", title, version.Version)
	return address, told.Dist.Integrity, nil
}

func unvouched(title string, version choice) error {
	return fault.Fault{ID: "node-unverified", What: fmt.Sprintf("%s %s (%s) is not in lock.toml, so nothing vouches for it", title, version.Version, version.Reason),
		Do: "ask for a release that is locked, or set BP_NODE_UNVERIFIED_ENABLED=true to trust the registry"}
}

func unknownVersion(title, name string, version choice) error {
	return fault.Fault{ID: "node-release-unknown", What: fmt.Sprintf("the registry has no %s %s (%s; package %s)", title, version.Version, version.Reason, name), Do: "ask for a release that exists"}
}

// extract unpacks the wanted files of a verified package below dir; their paths begin with "package/", which is left out.
func extract(dir, archive string, want func(string) bool) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
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
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(header.Name), "/")
		if header.Typeflag == tar.TypeReg && name != "" && want(name) {
			if err := writeFile(root, name, header.Mode&0o100 != 0, files); err != nil {
				return err
			}
		}
	}
}

func writeFile(root *os.Root, name string, executable bool, content io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
