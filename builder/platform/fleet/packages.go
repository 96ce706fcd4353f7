package fleet

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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
	maxName       = 255       // bytes of a file's name, as in Linux
	maxDatabase   = 64 << 20  // bytes of a file with packages
	maxOfLayer    = 100_000   // packages, and those that are removed; Debian has 70,000
	maxPackages   = 2_000_000 // that are kept, of all layers of the fleet together
)

// contents is what a layer of a run image has.
type contents struct {
	packages []listed
	whole    bool            // the packages are all of the image, those of lower layers included
	removed  map[string]bool // files and folders of lower layers that are gone
	system   [2]*system
}

// listed is a package with the file that lists it.
type listed struct {
	archive.Installed
	file string
}

// system is what os-release(5) says. An image may have two such files: of /etc, which counts first, and of /usr/lib.
type system struct {
	codename, release string
	foreign           string // the distribution, if it is not Debian
}

const (
	status  = "var/lib/dpkg/status"
	statusD = "var/lib/dpkg/status.d/"
)

// systems are the places of os-release, the one that counts first.
var systems = [2]string{"etc/os-release", "usr/lib/os-release"}

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
	found := &contents{removed: map[string]bool{}}
	for range maxFiles {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("a layer of the run image is no tar file: %w", err)
		}
		if len(found.removed) > maxOfLayer {
			return nil, fmt.Errorf("a layer of the run image removes more than %d packages", maxOfLayer)
		}
		name := strings.TrimPrefix(path.Clean("/"+file.Name), "/")
		dir, base := path.Split(name)
		if len(base) > maxName {
			continue
		}
		switch gone, isWhiteout := strings.CutPrefix(base, ".wh."); { // image-spec, "Whiteouts"
		case base == ".wh..wh..opq":
			found.remove(path.Clean(dir))
		case isWhiteout:
			found.remove(path.Join(dir, gone))
		case file.Typeflag == tar.TypeReg:
			if err := found.add(name, file.Size, files); err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("a layer of the run image has more than %d files", maxFiles)
}

// remove notes what is gone, if it is a file that a scan reads, or may have one below it.
func (c *contents) remove(name string) {
	isAbove := func(file string) bool { return name == "." || strings.HasPrefix(file, name+"/") }
	if path.Dir(name)+"/" == statusD || slices.Contains(systems[:], name) || slices.ContainsFunc(systems[:], isAbove) ||
		name == status || isAbove(statusD) {
		c.removed[name] = true
	}
}

// gone reports whether a file, or a folder that it is in, was removed.
func (c *contents) gone(file string) bool {
	for ; ; file = path.Dir(file) {
		if c.removed[file] || file == "." {
			return c.removed[file]
		}
	}
}

// add reads one file of a layer.
func (c *contents) add(name string, size int64, content io.Reader) error {
	isPart := path.Dir(name)+"/" == statusD && !strings.HasSuffix(name, ".md5sums")
	switch at := slices.Index(systems[:], name); {
	case at >= 0:
		c.system[at] = describe(io.LimitReader(content, 1<<16))
	case name == status, isPart:
		if size > maxDatabase {
			return fmt.Errorf("%s of the run image has more than %d MiB", name, maxDatabase>>20)
		}
		packages, err := archive.ReadInstalled(content)
		if err != nil {
			return fmt.Errorf("%s of the run image cannot be read: %w", name, err)
		}
		c.whole = c.whole || name == status
		if len(c.packages)+len(packages) > maxOfLayer {
			return fmt.Errorf("a layer of the run image has more than %d packages", maxOfLayer)
		}
		for _, p := range packages {
			c.packages = append(c.packages, listed{p, name})
		}
	}
	return nil
}

// describe reads os-release(5). The images of distroless have the number of their release only.
func describe(content io.Reader) *system {
	values := map[string]string{}
	for lines := bufio.NewScanner(content); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		values[key] = short(strings.Trim(value, `"'`), maxText)
	}
	s := &system{codename: values["VERSION_CODENAME"], release: values["VERSION_ID"]}
	if id := values["ID"]; id != "debian" {
		s.foreign = cmp.Or(id, "a distribution that it does not name")
	}
	if s.codename == "" {
		s.codename = map[string]string{"12": "bookworm", "13": "trixie"}[s.release]
	}
	return s
}

// owned is a package of an image with the layer that brought it in.
type owned struct {
	listed
	layer  int
	newest string
}

// stand is what apps stand on: the layers of a run image, with what there is to say of the packages in them.
type stand struct {
	system
	systems [2]*system
	summary *Packages
	held    []owned // of the package that is asked for
	left    int     // those that there is no room for
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
		packages := slices.SortedFunc(maps.Values(byName), func(a, b owned) int { return strings.Compare(a.Name, b.Name) })
		r.compare(ctx, s, ids, packages, arch)
		for _, p := range packages {
			if r.Package == "" || p.Name != r.Package && p.Source != r.Package {
				continue
			}
			if !r.take(1) {
				s.left++
				continue
			}
			s.held = append(s.held, p)
		}
		return s, nil
	})
	if err != nil {
		return &stand{summary: &Packages{Reason: short(err.Error(), maxReason)}}
	}
	return found
}

// take reports whether some more packages may be kept in memory.
func (r *reader) take(count int) bool {
	if r.packages.Add(int64(count)) > maxPackages {
		r.packages.Add(-int64(count))
		return false
	}
	return true
}

// scan is scan within what the packages of a whole fleet may take.
func (r *reader) scan(layer v1.Layer) (*contents, error) {
	tooMany := fmt.Errorf("the run images of these images have more than %d packages in all", maxPackages)
	if !r.take(maxOfLayer) { // while it is read
		return nil, tooMany
	}
	c, err := scan(layer)
	r.packages.Add(-maxOfLayer)
	if err == nil && !r.take(len(c.packages)) {
		return nil, tooMany
	}
	return c, err
}

// merge adds what a layer has to what is below it.
func (s *stand) merge(c *contents, layer int, byName map[string]owned) {
	if len(c.removed) > 0 {
		maps.DeleteFunc(byName, func(_ string, p owned) bool { return c.gone(p.file) })
	}
	for i, name := range systems {
		if c.gone(name) {
			s.systems[i] = nil
		}
	}
	for i, is := range c.system {
		if is != nil {
			s.systems[i] = is
		}
	}
	s.system = system{}
	if is := cmp.Or(s.systems[0], s.systems[1]); is != nil {
		s.system = *is
	}
	below := map[string]owned{}
	if c.whole {
		below = maps.Clone(byName)
		clear(byName)
	}
	for _, p := range c.packages {
		one := owned{listed: p, layer: layer}
		if was, there := below[p.Name]; there && was.Version == p.Version {
			one.layer = was.layer
		}
		byName[p.Name] = one
	}
}

// maxUpdates is how many updates of an image are named.
const maxUpdates = 100

// compare notes which packages are behind.
func (r *reader) compare(ctx context.Context, s *stand, layers []int, packages []owned, arch string) {
	s.summary = &Packages{}
	if len(packages) == 0 {
		s.summary.Reason = "it has no packages of Debian"
		return
	}
	offers, err := r.offers(ctx, s, arch)
	tallies := map[int]tally{}
	for _, layer := range layers {
		tallies[layer] = tally{}
		if err != nil {
			tallies[layer] = tally{notCompared: 1}
		}
	}
	for i, p := range packages {
		s.summary.Count++
		of := tallies[p.layer]
		if err != nil {
			s.summary.miss(short(reason(err), maxReason))
		} else {
			behind, security, missed := s.summary.Behind, s.summary.Security, s.summary.NotCompared
			packages[i].newest = s.summary.compare(offers, p.Installed)
			of.behind += s.summary.Behind - behind
			of.security += s.summary.Security - security
			of.notCompared += s.summary.NotCompared - missed
		}
		tallies[p.layer] = of
	}
	r.layers.note(tallies)
}

// compare counts a package, and returns its newest version if it is behind.
func (p *Packages) compare(offers map[string][]archive.Offer, is archive.Installed) string {
	of, known := offers[is.Name]
	if !known {
		p.miss(is.Name + " is in no index")
		return ""
	}
	newest, security := archive.Newer(of, is.Version)
	if newest == "" {
		return ""
	}
	if p.Behind++; security {
		p.Security++
	}
	if len(p.Updates) < maxUpdates {
		p.Updates = append(p.Updates, Update{is.Name, is.Version, newest, security})
	}
	return newest
}

// miss counts a package that nobody compared. The reason of the first one stays.
func (p *Packages) miss(reason string) {
	if p.NotCompared++; p.Reason == "" {
		p.Reason = reason
	}
}

// offers returns what there is for the release of a run image.
func (r *reader) offers(ctx context.Context, s *stand, arch string) (map[string][]archive.Offer, error) {
	switch {
	case s.foreign != "":
		return nil, fmt.Errorf("it is of %s, and only Debian's indexes are read", s.foreign)
	case s.codename == "":
		return nil, errors.New("it does not say which release of Debian it is")
	case r.Offers == nil:
		return nil, errors.New("the signed indexes were not read")
	}
	return r.indexes.Get(s.codename+"/"+arch, func() (map[string][]archive.Offer, error) { return r.Offers(ctx, s.codename, arch) })
}

// debianArch returns what Debian calls the platform of an image. Only some names are not those of OCI.
func debianArch(config *v1.ConfigFile) string {
	switch is := config.Architecture; {
	case is == "386":
		return "i386"
	case is == "ppc64le":
		return "ppc64el"
	case is == "mips64le":
		return "mips64el"
	case is == "arm" && (config.Variant == "v5" || config.Variant == "v6"):
		return "armel"
	case is == "arm":
		return "armhf"
	default:
		return is
	}
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
