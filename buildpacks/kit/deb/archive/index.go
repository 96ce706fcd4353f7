package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ProtonMail/go-crypto/openpgp"
	packageurl "github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// Package is what the index of an archive says of one version of a package.
type Package struct {
	Name, Version, Arch string
	// Source is the source package's name, the same as Name unless the index says otherwise. SourceVersion is its version,
	// or empty if that is the package's own.
	Source, SourceVersion string
	// Archive is deb.Main or deb.Security, and Path the .deb's path inside it.
	Archive, Path string
	SHA256        string
	Size          int64
	// Depends has Pre-Depends and Depends. All groups are needed, and of each group one alternative.
	Depends  [][]Relation
	Provides []Relation
}

// Locked returns what a lock has of a package. release is the number of Debian's release, as the package URL has it.
func (p *Package) Locked(release string) deb.Locked {
	q := map[string]string{"arch": p.Arch, "distro": "debian-" + release}
	switch {
	case p.SourceVersion != "":
		q["upstream"] = p.Source + "@" + p.SourceVersion
	case p.Source != p.Name:
		q["upstream"] = p.Source
	}
	purl := packageurl.NewPackageURL(packageurl.TypeDebian, "debian", p.Name, p.Version, packageurl.QualifiersFromMap(q), "").ToString()
	return deb.Locked{
		Name: p.Name, Version: p.Version, Purl: purl, SHA256: p.SHA256, Size: p.Size, Archive: p.Archive, Path: p.Path,
	}
}

// Relation names a package, perhaps with a condition on its version ("", "<<", "<=", "=", ">=", ">>").
type Relation struct{ Name, Op, Version string }

// Suite is one signed suite of the archives, with what a lock records of it.
type Suite struct {
	// Name is the suite's codename, such as "trixie-security". Archive is deb.Main or deb.Security.
	Name, Archive string
	// SHA256 is the hash of the InRelease file.
	SHA256  string
	Release *Release
}

// Index holds all versions of all packages of some suites.
type Index struct {
	Suites   []Suite
	packages map[string][]*Package
	provides map[string][]*Package
}

// Source says where indexes come from.
type Source struct {
	Mirrors deb.Mirrors
	Client  *fetch.Client
	// Keys are the keys that may sign indexes. nil means the committed archive keys of the release.
	Keys openpgp.EntityList
	// Now is the time at which signatures have to be valid.
	Now time.Time
	// Stale allows an InRelease past its Valid-Until, which otherwise is an error.
	Stale bool
}

// inReleaseLimit is ten times the size of today's largest InRelease file.
const inReleaseLimit = 4 << 20

// Open fetches and verifies the indexes of a release for some architectures, of the suites that Releases returns.
func Open(ctx context.Context, src Source, codename string, archs ...string) (map[string]*Index, error) {
	suites, err := Releases(ctx, src, codename)
	if err != nil {
		return nil, err
	}
	return Indexes(ctx, src, suites, archs...)
}

// Releases fetches and verifies the InRelease files of a release: of <codename>, <codename>-security and, where the mirror has it,
// <codename>-updates. One signature vouches for the indexes of all architectures. Nothing is fetched for a codename without keys, or one
// that is no name: it may be an image's, and becomes a part of addresses.
func Releases(ctx context.Context, src Source, codename string) ([]Suite, error) {
	ring := src.Keys
	if ring == nil {
		var err error
		if ring, err = Keyring(codename); err != nil {
			return nil, err
		}
	}
	if !nameSyntax.MatchString(codename) {
		return nil, fault.Fault{
			ID: "release-codename", What: fmt.Sprintf("%q is no codename of a release", codename), Do: "write one like trixie",
		}
	}
	suites := []Suite{
		{Name: codename, Archive: deb.Main},
		{Name: codename + "-updates", Archive: deb.Main},
		{Name: codename + "-security", Archive: deb.Security},
	}
	errs := make([]error, len(suites))
	var all sync.WaitGroup
	for i := range suites {
		all.Go(func() { errs[i] = src.release(ctx, ring, &suites[i]) })
	}
	all.Wait()
	for i, err := range errs {
		if suites[i].Name == codename+"-updates" && errors.Is(err, fetch.ErrGone) {
			continue
		}
		if err != nil {
			return nil, err // the first suite's, so that one mistake has one message
		}
	}
	return slices.DeleteFunc(suites, func(s Suite) bool { return s.Release == nil }), nil
}

// Indexes fetches the lists of packages of suites that Releases has verified, by architecture.
func Indexes(ctx context.Context, src Source, suites []Suite, archs ...string) (map[string]*Index, error) {
	indexes := map[string]*Index{}
	for _, arch := range archs {
		indexes[arch] = &Index{Suites: suites, packages: map[string][]*Package{}, provides: map[string][]*Package{}}
	}
	lists, errs := make([][]*Package, len(suites)*len(archs)), make([]error, len(suites)*len(archs))
	var all sync.WaitGroup
	for i := range lists {
		all.Go(func() { lists[i], errs[i] = src.packages(ctx, &suites[i/len(archs)], archs[i%len(archs)]) })
	}
	all.Wait()
	for i, list := range lists {
		if errs[i] != nil {
			return nil, errs[i]
		}
		for _, p := range list {
			indexes[archs[i%len(archs)]].add(p)
		}
	}
	return indexes, nil
}

func (ix *Index) add(p *Package) {
	ix.packages[p.Name] = append(ix.packages[p.Name], p)
	for _, v := range p.Provides {
		ix.provides[v.Name] = append(ix.provides[v.Name], p)
	}
}

// Names returns the names of all packages, sorted.
func (ix *Index) Names() []string { return slices.Sorted(maps.Keys(ix.packages)) }

// Versions returns the versions of a package, the highest first.
func (ix *Index) Versions(name string) []string {
	var versions []string
	for _, p := range ix.packages[name] {
		versions = append(versions, p.Version)
	}
	slices.SortFunc(versions, func(a, b string) int { return CompareVersions(b, a) })
	return slices.Compact(versions)
}

// Only returns the index without the other versions of a package.
func (ix *Index) Only(name, version string) *Index {
	only := &Index{Suites: ix.Suites, packages: maps.Clone(ix.packages), provides: ix.provides}
	only.packages[name] = slices.DeleteFunc(slices.Clone(ix.packages[name]), func(p *Package) bool { return p.Version != version })
	return only
}

// Newest returns the highest version of a package, or nil if there is none. Of two equal ones it is the first archive's.
func (ix *Index) Newest(name string) *Package {
	var best *Package
	for _, p := range ix.packages[name] {
		if best == nil || CompareVersions(p.Version, best.Version) > 0 {
			best = p
		}
	}
	return best
}

// release fetches the InRelease file of a suite of a release, and verifies it by some keys.
func (src Source) release(ctx context.Context, ring openpgp.EntityList, s *Suite) error {
	name := "InRelease of " + s.Name
	doc, err := src.Client.Read(ctx, fetch.Document{
		Name: name, Limit: inReleaseLimit, URLs: src.Mirrors.URLs(s.Archive, "dists/"+s.Name+"/InRelease"),
	})
	if err != nil {
		return err
	}
	if s.Release, err = ParseRelease(name, doc, ring, src.Now); err != nil {
		return err
	}
	if s.Release.Origin != "Debian" || s.Release.Codename != s.Name {
		return fault.Fault{
			ID:   "release-suite",
			What: name,
			Err:  fmt.Errorf("it is for %q of %q", s.Release.Codename, s.Release.Origin),
			Do:   "check the mirror's address",
		}
	}
	if v := s.Release.ValidUntil; !src.Stale && !v.IsZero() && src.Now.After(v) {
		return fault.Fault{
			ID:   "release-expired",
			What: name,
			Err:  fmt.Errorf("it was valid until %s", v.Format(time.RFC3339)),
			Do:   "use a mirror that is up to date, or check this machine's clock",
		}
	}
	hash := sha256.Sum256(doc)
	s.SHA256 = hex.EncodeToString(hash[:])
	return nil
}

// packages fetches the suite's list of packages by the hash in its Release.
func (src Source) packages(ctx context.Context, s *Suite, arch string) ([]*Package, error) {
	dir := "main/binary-" + arch
	want, ok := s.Release.files[dir+"/Packages.xz"]
	if !ok {
		return nil, fault.Fault{
			ID:   "release-arch",
			What: "InRelease of " + s.Name,
			Err:  fmt.Errorf("it lists no %s/Packages.xz", dir),
			Do:   "choose an architecture that Debian has",
		}
	}
	var urls []string
	if s.Release.ByHash {
		urls = src.Mirrors.URLs(s.Archive, "dists/"+s.Name+"/"+dir+"/by-hash/SHA256/"+want.sha256)
	}
	urls = append(urls, src.Mirrors.URLs(s.Archive, "dists/"+s.Name+"/"+dir+"/Packages.xz")...)
	path, err := src.Client.Get(ctx, fetch.Artifact{
		Name: "Packages.xz of " + s.Name + "/" + arch, Sum: "sha256:" + want.sha256, Size: want.size, URLs: urls,
	})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := unpack.Decompress(bufio.NewReaderSize(f, 1<<20), ".xz")
	if err != nil {
		return nil, fmt.Errorf("reading Packages.xz of %s: %w", s.Name, err)
	}
	defer r.Close()
	list, err := parsePackages(r, s.Archive)
	if err != nil {
		return nil, fmt.Errorf("reading Packages.xz of %s: %w", s.Name, err)
	}
	return list, nil
}

// parsePackages reads a Packages file of one archive.
func parsePackages(r io.Reader, archive string) ([]*Package, error) {
	var out []*Package
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 1<<16), 4<<20)
	scan.Split(splitStanza)
	for scan.Scan() {
		for _, s := range stanzas(scan.Text()) {
			p, err := newPackage(s, archive)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, scan.Err()
}

// splitStanza is a bufio.SplitFunc for text between blank lines.
func splitStanza(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.Index(data, []byte("\n\n")); i >= 0 {
		return i + 2, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// The syntax of versions, and of the names of packages and architectures (Debian Policy, 5.6). They become parts of paths, and
// of lines in locks.
var (
	nameSyntax    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
	versionSyntax = regexp.MustCompile(`^[0-9A-Za-z.+~:-]+$`)
)

func newPackage(s map[string]string, archive string) (*Package, error) {
	size, err := strconv.ParseInt(s["Size"], 10, 64)
	if err != nil || size < 0 || s["Package"] == "" || !isHash(s["SHA256"]) || s["Filename"] == "" {
		return nil, fmt.Errorf("package %q lacks its name, file name, size or sha256", s["Package"])
	}
	if !cleanPath(s["Filename"]) {
		return nil, fmt.Errorf("package %q has the file name %q", s["Package"], s["Filename"])
	}
	source, version, _ := strings.Cut(s["Source"], " ")
	if source == "" {
		source = s["Package"]
	}
	valid := versionSyntax.MatchString(s["Version"])
	for _, name := range []string{s["Package"], source, s["Architecture"]} {
		valid = valid && nameSyntax.MatchString(name)
	}
	if !valid {
		return nil, fmt.Errorf("package %q of source %q has no valid name, version %q or architecture %q",
			s["Package"], source, s["Version"], s["Architecture"])
	}
	p := &Package{
		Name: s["Package"], Version: s["Version"], Arch: s["Architecture"], Source: source, SourceVersion: strings.Trim(version, "()"),
		Archive: archive, Path: s["Filename"], SHA256: s["SHA256"], Size: size,
	}
	if p.Depends, err = ParseRelations(s["Pre-Depends"], s["Depends"]); err != nil {
		return nil, fmt.Errorf("package %q: %w", p.Name, err)
	}
	provides, err := ParseRelations(s["Provides"])
	if err != nil {
		return nil, fmt.Errorf("package %q: %w", p.Name, err)
	}
	p.Provides = slices.Concat(provides...)
	return p, nil
}

func cleanPath(p string) bool {
	return !strings.HasPrefix(p, "/") && !slices.Contains(strings.Split(p, "/"), "..") && !strings.ContainsFunc(p, unicode.IsControl)
}

// ParseRelations reads dependency fields such as "a (>= 1:2), b:any | c". It returns groups of alternatives.
func ParseRelations(fields ...string) ([][]Relation, error) {
	var out [][]Relation
	for _, field := range fields {
		if field == "" {
			continue
		}
		for group := range strings.SplitSeq(field, ",") {
			var alternatives []Relation
			for one := range strings.SplitSeq(group, "|") {
				r, err := parseRelation(one)
				if err != nil {
					return nil, err
				}
				alternatives = append(alternatives, r)
			}
			out = append(out, alternatives)
		}
	}
	return out, nil
}

func parseRelation(s string) (Relation, error) {
	name, condition, versioned := strings.Cut(s, "(")
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimSpace(name)
	if name == "" {
		return Relation{}, errors.New("a dependency has no name")
	}
	if !versioned {
		return Relation{Name: name}, nil
	}
	condition = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(condition), ")"))
	version := strings.TrimLeft(condition, "<=>")
	op := condition[:len(condition)-len(version)]
	if !slices.Contains([]string{"<<", "<=", "=", ">=", ">>"}, op) {
		return Relation{}, fmt.Errorf("dependency %q has no known condition", strings.TrimSpace(s))
	}
	return Relation{Name: name, Op: op, Version: strings.TrimSpace(version)}, nil
}
