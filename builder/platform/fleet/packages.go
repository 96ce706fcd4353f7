package fleet

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

// What is read of the layer of a run image.
const (
	maxCompressed = 256 << 20 // bytes
	maxLayer      = 4 << 30   // bytes when it is unpacked
	maxFiles      = 1_000_000
	maxDatabase   = 64 << 20  // bytes of a file with packages
	maxPackages   = 2_000_000 // in all layers of the fleet together
)

// contents is what a layer of a run image has.
type contents struct {
	packages           []archive.Installed
	whole              bool // the packages are all of the image, those of lower layers included
	codename, release  string
	foreign            string // the distribution, if it is not Debian
	describesTheSystem bool   // it has /etc/os-release or /usr/lib/os-release
}

// scan reads which packages a layer brings.
func scan(layer v1.Layer) (*contents, error) {
	size, err := layer.Size()
	if err != nil {
		return nil, err
	}
	if size > maxCompressed {
		return nil, fmt.Errorf("a layer of the run image has more than %d MiB", maxCompressed>>20)
	}
	stream, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	limited := &io.LimitedReader{R: stream, N: maxLayer}
	found, err := readContents(tar.NewReader(limited))
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(io.Discard, limited); err == nil && limited.N == 0 { // the sums of the layer are at its end
		err = fmt.Errorf("a layer of the run image unpacks to more than %d GiB", maxLayer>>30)
	}
	return found, err
}

func readContents(files *tar.Reader) (*contents, error) {
	found := &contents{}
	for range maxFiles {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("a layer of the run image is no tar file: %w", err)
		}
		if file.Typeflag != tar.TypeReg {
			continue
		}
		if err := found.add(strings.TrimPrefix(path.Clean("/"+file.Name), "/"), file.Size, files); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("a layer of the run image has more than %d files", maxFiles)
}

// add reads one file of a layer.
func (c *contents) add(name string, size int64, content io.Reader) error {
	dir, file := path.Split(name)
	switch {
	case name == "etc/os-release", name == "usr/lib/os-release":
		c.describe(io.LimitReader(content, 1<<16))
	case name == "var/lib/dpkg/status", dir == "var/lib/dpkg/status.d/" && !strings.HasSuffix(file, ".md5sums"):
		if size > maxDatabase {
			return fmt.Errorf("%s of the run image has more than %d MiB", name, maxDatabase>>20)
		}
		packages, err := archive.ReadInstalled(content)
		if err != nil {
			return fmt.Errorf("%s of the run image cannot be read: %w", name, err)
		}
		c.whole = c.whole || dir == "var/lib/dpkg/"
		c.packages = append(c.packages, packages...)
	}
	return nil
}

// describe reads os-release(5).
func (c *contents) describe(content io.Reader) {
	values := map[string]string{}
	for lines := bufio.NewScanner(content); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		values[key] = short(strings.Trim(value, `"'`), maxText)
	}
	c.describesTheSystem = true
	c.codename, c.release, c.foreign = values["VERSION_CODENAME"], values["VERSION_ID"], ""
	if id := values["ID"]; id != "debian" {
		c.foreign = id
	}
}

// owned is a package of an image with the layer that brought it in.
type owned struct {
	archive.Installed
	layer  int
	newest string
}

// stand is what apps stand on: the layers of a run image, with the packages in them.
type stand struct {
	packages          []owned
	codename, release string
	foreign           string
	summary           *Packages
}

// stand reads the packages of some layers, lowest first, once for all images that have the same.
func (r *reader) stand(ctx context.Context, layers []v1.Layer, ids []int, arch string) *stand {
	found, err := r.stands.Get(fmt.Sprint(ids, arch), func() (*stand, error) {
		s := &stand{}
		byName := map[string]owned{}
		for i, layer := range layers {
			digest, err := layer.Digest()
			if err != nil {
				return nil, err
			}
			c, err := r.scanned.Get(digest, func() (*contents, error) { return r.scan(layer) })
			if err != nil {
				return nil, err
			}
			s.merge(c, ids[i], byName)
		}
		for _, p := range byName {
			s.packages = append(s.packages, p)
		}
		slices.SortFunc(s.packages, func(a, b owned) int { return strings.Compare(a.Name, b.Name) })
		return s, r.compare(ctx, s, arch)
	})
	if err != nil {
		return &stand{summary: &Packages{Reason: short(err.Error(), maxReason)}}
	}
	return found
}

// scan is scan within what the packages of a whole fleet may take.
func (r *reader) scan(layer v1.Layer) (*contents, error) {
	if r.packages.Load() > maxPackages {
		return nil, fmt.Errorf("the run images of these images have more than %d packages in all", maxPackages)
	}
	c, err := scan(layer)
	if err == nil {
		r.packages.Add(int64(len(c.packages)))
	}
	return c, err
}

// merge adds what a layer has to what is below it.
func (s *stand) merge(c *contents, layer int, byName map[string]owned) {
	if c.describesTheSystem {
		s.codename, s.release, s.foreign = c.codename, c.release, c.foreign
	}
	below := map[string]owned{}
	if c.whole {
		for name, p := range byName {
			below[name] = p
		}
		clear(byName)
	}
	for _, p := range c.packages {
		one := owned{Installed: p, layer: layer}
		if was, there := below[p.Name]; there && was.Version == p.Version {
			one.layer = was.layer
		}
		byName[p.Name] = one
	}
}

// maxUpdates is how many updates of an image are named.
const maxUpdates = 100

// compare notes which packages are behind.
func (r *reader) compare(ctx context.Context, s *stand, arch string) error {
	s.summary = &Packages{Count: len(s.packages)}
	offers, err := r.offers(ctx, s, arch)
	if err != nil {
		s.summary.Reason = short(err.Error(), maxReason)
		return nil
	}
	behind, security := map[int]int{}, map[int]int{}
	for i, p := range s.packages {
		newest, isSecurity := archive.Newer(offers[p.Name], p.Version)
		if newest == "" {
			continue
		}
		s.packages[i].newest = newest
		s.summary.add(Update{p.Name, p.Version, newest, isSecurity})
		if behind[p.layer]++; isSecurity {
			security[p.layer]++
		}
	}
	r.layers.note(behind, security)
	return nil
}

func (p *Packages) add(u Update) {
	if p.Behind++; u.Security {
		p.Security++
	}
	if len(p.Updates) < maxUpdates {
		p.Updates = append(p.Updates, u)
	}
}

// offers returns what there is for the release of a run image.
func (r *reader) offers(ctx context.Context, s *stand, arch string) (map[string][]archive.Offer, error) {
	switch {
	case len(s.packages) == 0:
		return nil, errors.New("it has no packages of Debian")
	case s.foreign != "":
		return nil, fmt.Errorf("it is of %s, and only Debian's indexes are read", s.foreign)
	case s.codename == "":
		return nil, errors.New("it does not say which release of Debian it is")
	case r.Offers == nil:
		return nil, errors.New("the signed indexes were not read")
	}
	return r.indexes.Get(s.codename+"/"+arch, func() (map[string][]archive.Offer, error) { return r.Offers(ctx, s.codename, arch) })
}

// Debian returns offers of Debian's signed indexes, as `strata stack update` reads them. source is asked when they are needed.
func Debian(source func() (archive.Source, error)) Offers {
	return func(ctx context.Context, codename, arch string) (map[string][]archive.Offer, error) {
		src, err := source()
		if err != nil {
			return nil, err
		}
		indexes, err := archive.Open(ctx, src, codename, arch)
		if err != nil {
			return nil, err
		}
		return indexes[arch].Offers(), nil
	}
}
