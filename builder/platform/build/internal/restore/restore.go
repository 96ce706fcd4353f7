// Package restore gives buildpacks back what an earlier build of the app left (buildpacks/spec, platform.md, "restorer"): what
// they said of their layers, layers of the type cache, and bills of materials.
package restore

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/internal/unpack"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// Earlier is what the app's earlier build left.
type Earlier struct {
	Image v1.Image   // nil if there is none
	Known cnb.Layers // of the image
	Cache cnb.Cache
}

// Layers restores what a group of buildpacks left. dir is the folder that has the folder of layers as "layers".
func Layers(dir string, group []cnb.Member, earlier Earlier) error {
	cached, err := earlier.Cache.Read()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(dir, "layers"))
	if err != nil {
		return fmt.Errorf("opening the folder of layers: %w", err)
	}
	defer root.Close()
	r := restorer{dir: dir, root: root, cache: earlier.Cache}
	for _, member := range group {
		if err := r.buildpack(member, earlier.Known.Of(member.ID), cached.Of(member.ID)); err != nil {
			return fmt.Errorf("restoring the layers of %s: %w", member.ID, err)
		}
	}
	if err := r.bills(group, earlier, cached); err != nil {
		return fmt.Errorf("restoring bills of materials: %w", err)
	}
	return nil
}

// restorer writes to a folder of layers. What detection left there is not trusted: no link in it leads out.
type restorer struct {
	dir   string
	root  *os.Root
	cache cnb.Cache
}

func (r restorer) buildpack(member cnb.Member, made, cached cnb.Buildpack) error {
	if made.Store != nil {
		if err := r.writeTOML(path.Join(member.Folder(), "store.toml"), made.Store); err != nil {
			return err
		}
	}
	for name, layer := range made.Layers {
		if !fs.ValidPath(name) || path.Base(name) != name {
			return fmt.Errorf("the image names a layer %q", name)
		}
		kept := cached.Layers[name]
		switch {
		case !layer.Launch, layer.Build && !layer.Cache:
			continue
		case layer.Cache && (!kept.Cache || kept.SHA != layer.SHA):
			continue // its content is gone
		}
		if err := r.layer(member, name, layer); err != nil {
			return err
		}
	}
	for name, layer := range cached.Layers {
		_, inImage := made.Layers[name]
		if !layer.Cache || layer.Launch && inImage {
			continue
		}
		if err := r.layer(member, name, layer); err != nil {
			return err
		}
	}
	return nil
}

// layer restores what a buildpack said of a layer and, if it is one of the type cache, its content. A layer whose content is
// damaged is not restored: the buildpack makes it again.
func (r restorer) layer(member cnb.Member, name string, layer cnb.Layer) error {
	if layer.Cache {
		restored, err := r.content(layer.SHA)
		if err != nil || !restored {
			return err
		}
	}
	said := struct {
		Data any `toml:"metadata"`
	}{layer.Data}
	return r.writeTOML(path.Join(member.Folder(), name+".toml"), said)
}

// content unpacks a layer of the cache, and reports whether it was there in full.
func (r restorer) content(sha string) (restored bool, err error) {
	want, err := v1.NewHash(sha)
	if err != nil {
		return false, nil // a cache that names no digest has no such layer
	}
	f, err := os.Open(r.cache.Path(want))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	got, _, err := v1.SHA256(f)
	if err != nil {
		return false, err
	}
	if got != want { // it would stay, because the export keeps what is there
		return false, os.Remove(r.cache.Path(want))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	uid, gid := sandbox.HostIDs()
	owner := func(_, _ int, mode fs.FileMode) (int, int, fs.FileMode) { return uid, gid, mode }
	return true, unpack.Tar(f, r.dir, owner)
}

// billFile matches the bill of materials of a layer in the layer of all bills: /layers/sbom/TYPE/BUILDPACK/LAYER/FILE.
var billFile = regexp.MustCompile(`^/layers/sbom/(?:launch|cache)/([^/]+)/([^/]+)/(sbom\.[^/]+\.json)$`)

// maxBills is the size of all bills of materials that are restored, in bytes.
const maxBills = 256 << 20

// bills gives each buildpack the bills of materials of its layers, those of the image and those of the cache.
func (r restorer) bills(group []cnb.Member, earlier Earlier, cached cnb.Cached) error {
	if sha, err := v1.NewHash(cached.SBOM.SHA); err == nil {
		f, err := os.Open(earlier.Cache.Path(sha))
		if err == nil {
			defer f.Close()
			err = r.billsOf(f, group)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if earlier.Image == nil || earlier.Known.SBOM == nil {
		return nil
	}
	sha, err := v1.NewHash(earlier.Known.SBOM.SHA)
	if err != nil {
		return err
	}
	layer, err := earlier.Image.LayerByDiffID(sha)
	if err != nil {
		return err
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	return r.billsOf(content, group)
}

func (r restorer) billsOf(content io.Reader, group []cnb.Member) error {
	left := int64(maxBills)
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) { // the sums of the file are at its end
			_, err := io.Copy(io.Discard, content)
			return err
		}
		if err != nil {
			return err
		}
		parts := billFile.FindStringSubmatch(header.Name)
		if parts == nil || header.Typeflag != tar.TypeReg {
			continue
		}
		by := func(member cnb.Member) bool { return member.Folder() == parts[1] }
		if !slices.ContainsFunc(group, by) || !r.has(parts[1]) {
			continue
		}
		if left -= header.Size; left < 0 {
			return fmt.Errorf("they have more than %d MB", maxBills>>20)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := r.write(path.Join(parts[1], parts[2]+"."+parts[3]), text); err != nil {
			return err
		}
	}
}

func (r restorer) has(folder string) bool {
	info, err := r.root.Lstat(folder)
	return err == nil && info.IsDir()
}

func (r restorer) writeTOML(name string, value any) error {
	var content bytes.Buffer
	if err := toml.NewEncoder(&content).Encode(value); err != nil {
		return err
	}
	return r.write(name, content.Bytes())
}

// write writes a file that belongs to the build, in a folder that does.
func (r restorer) write(name string, content []byte) error {
	uid, gid := sandbox.HostIDs()
	dir := path.Dir(name)
	if err := r.root.Mkdir(dir, 0o755); err == nil {
		if err := r.root.Lchown(dir, uid, gid); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := r.root.RemoveAll(name); err != nil { // it may be a pipe
		return err
	}
	f, err := r.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Chown(uid, gid); err != nil {
		return err
	}
	return f.Close()
}
