// Package debian gives a build the packages of Debian that its user names in BP_DEBIAN_PACKAGES, with all that they need: headers
// and libraries for compilers. They come from Debian's signed index into a cache, and never as they are into an image.
package debian

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/spelling"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Variable names the packages, separated by commas or white space: libpq-dev, or libpq-dev=17.6-0+deb13u1.
const Variable = "BP_DEBIAN_PACKAGES"

// Cache is the name of the cache of packages. All buildpacks of a build share it where the platform lets them.
const Cache = "debian"

// The release that the build image and the run images are made of.
const codename, release = "trixie", "13"

// pkgconf finds the libraries for whoever asks pkg-config, and perl runs scripts such as pg_config: no package names it as what it
// needs. Both come with every closure.
const pkgconf, perl = "pkgconf", "perl-base"

// omitted are packages that no closure has: what run images and compilers have in a version of their own, and what only an installed
// system needs.
var omitted = strings.Fields(`
	libc6 libgcc-s1 libstdc++6 gcc-14-base libatomic1
	libc6-dev libc-dev-bin linux-libc-dev libcrypt-dev rpcsvc-proto libgcc-14-dev libstdc++-14-dev
	binutils cpp cpp-14 gcc gcc-14 g++ g++-14 make
	adduser bash ca-certificates coreutils debconf dpkg dpkg-dev init-system-helpers install-info libdpkg-perl libperl5.40 mailcap
	media-types netbase openssl passwd perl perl-modules-5.40 python3 python3-minimal python3.13 sensible-utils
	systemd systemd-sysv tzdata ucf
`)

// Source says where packages come from.
type Source struct {
	In      bp.Workspace
	Mirrors deb.Mirrors
	// Dir is a cache for this package and nothing else.
	Dir string
	// Named is where the packages are named, for faults; "" means Variable.
	Named string
	// Keys may sign the index, at the time Now. nil means Debian's, and zero the time of the call.
	Keys openpgp.EntityList
	Now  time.Time
}

// Open returns the packages that the user names, and more that the app needs, with a line of the log for them, and none if there are no
// names. The user's version of a package counts. The buildpack declares Variable and the variables of the mirrors.
func Open(ctx context.Context, in bp.BuildContext, more ...string) (Packages, error) {
	return open(ctx, in, nil, more)
}

// OpenAll is Open with the packages that the app's Aptfiles name.
func OpenAll(ctx context.Context, in bp.BuildContext) (Packages, error) {
	return open(ctx, in, Aptfiles, nil)
}

func open(ctx context.Context, in bp.BuildContext, files, more []string) (Packages, error) {
	names, from, err := Named(in.Workspace, files...)
	if err != nil || len(names)+len(more) == 0 {
		return Packages{}, err
	}
	names = with(names, more)
	s := Source{In: in.Workspace, Named: from}
	if s.Mirrors, err = tool.Debian(in.Workspace); err != nil {
		return Packages{}, err
	}
	if s.Dir, err = in.Cache(ctx, Cache); err != nil {
		return Packages{}, err
	}
	p, err := s.choose(ctx, names)
	if err != nil {
		return Packages{}, err
	}
	var versions []string
	for _, one := range p.Locked {
		if slices.ContainsFunc(names, func(entry string) bool { return entry == one.Name || strings.HasPrefix(entry, one.Name+"=") }) {
			versions = append(versions, one.Name+" "+one.Version)
		}
	}
	if len(more) > 0 {
		from = "for " + Variable + " and what the app is made of"
	}
	in.Log.Decision("Debian packages", fmt.Sprintf("%s; %d in all", strings.Join(versions, ", "), len(p.Locked)), from)
	return p, nil
}

// with returns names and more of them, sorted. A name with a version stands for the one without.
func with(names, more []string) []string {
	for _, name := range more {
		if !slices.ContainsFunc(names, func(entry string) bool { return entry == name || strings.HasPrefix(entry, name+"=") }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// choose returns the packages of names for the target, and for this machine, whose programs a build for another architecture calls.
func (s Source) choose(ctx context.Context, names []string) (Packages, error) {
	p, err := s.chooseFor(ctx, s.In, names)
	if err != nil || !s.In.Target.Foreign() {
		return p, err
	}
	here, err := s.chooseFor(ctx, s.In.Here(), names)
	p.here = &here
	return p, err
}

// chooseFor returns the packages for the target of a workspace. Each architecture has a folder of the cache: a buildpack that takes
// packages for this machine removes none that another one takes for the target.
func (s Source) chooseFor(ctx context.Context, in bp.Workspace, names []string) (Packages, error) {
	if err := tree.Empty(s.Dir, slices.Collect(maps.Keys(deb.Triplets))...); err != nil {
		return Packages{}, fmt.Errorf("removing packages of Debian of no architecture: %w", err)
	}
	s.In, s.Dir = in, filepath.Join(s.Dir, in.Target.Arch)
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return Packages{}, err
	}
	return Choose(ctx, s, names)
}

// Packages are the packages that are named and all that they need, in the order of their names.
type Packages struct {
	Locked []deb.Locked
	from   Source
	here   *Packages // of the same names, for this machine, if Locked are for another architecture
}

// Key stands for the packages with their versions.
func (p Packages) Key() string {
	switch {
	case len(p.Locked) == 0:
		return ""
	case p.here != nil:
		return p.digest() + "-" + p.here.digest()
	}
	return p.digest()
}

func (p Packages) digest() string { return deb.Digest(recipe, p.Locked) }

// choice is what a cache has of the last choice.
type choice struct {
	Asked    []string     `json:"asked"`
	Arch     string       `json:"arch"`
	Recipe   string       `json:"recipe"`
	Releases []string     `json:"releases"` // the hashes of the files InRelease
	Packages []deb.Locked `json:"packages"`
}

// Choose returns the newest packages that Debian's signed index has of these names. It asks for the signatures alone if the last
// build has chosen by the same index, and takes what that build chose, with a word in the log, if nobody can be asked.
func Choose(ctx context.Context, s Source, names []string) (Packages, error) {
	if len(names) == 0 {
		return Packages{}, nil
	}
	file := filepath.Join(s.Dir, "chosen.json")
	last := choice{}
	if data, err := tree.ReadFile(file); err == nil {
		if json.Unmarshal(data, &last) != nil {
			last = choice{} // it is made again
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Packages{}, err
	}
	is := choice{Asked: names, Arch: s.In.Target.Arch, Recipe: recipe}
	same := slices.Equal(last.Asked, is.Asked) && last.Arch == is.Arch && last.Recipe == is.Recipe
	index := filepath.Join(s.Dir, "index")
	src, err := s.archive(index)
	if err != nil {
		return Packages{}, err
	}
	suites, err := archive.Releases(ctx, src, codename)
	f, _ := errors.AsType[fault.Fault](err)
	switch {
	case err != nil && same && (f.ID == "fetch-offline" || f.ID == "fetch-failed"):
		s.In.Log.Warn("no mirror of Debian answers: the packages of the last build are taken")
		return Packages{Locked: last.Packages, from: s}, nil
	case err != nil:
		return Packages{}, err
	}
	for _, suite := range suites {
		is.Releases = append(is.Releases, suite.SHA256)
	}
	if same && slices.Equal(last.Releases, is.Releases) {
		return Packages{Locked: last.Packages, from: s}, nil
	}
	indexes, err := archive.Indexes(ctx, src, suites, is.Arch)
	if err != nil {
		return Packages{}, err
	}
	if is.Packages, err = closure(indexes[is.Arch], names, cmp.Or(s.Named, Variable)); err != nil {
		return Packages{}, err
	}
	data, err := json.Marshal(is)
	if err == nil {
		err = tree.WriteFile(file, data)
	}
	if err == nil {
		err = tree.Remove(index) // it has many megabytes, and the next one differs
	}
	if err != nil {
		return Packages{}, fmt.Errorf("noting the packages of Debian: %w", err)
	}
	return Packages{Locked: is.Packages, from: s}, nil
}

// archive returns Debian's archive. Its client keeps files in a folder.
func (s Source) archive(dir string) (archive.Source, error) {
	if len(s.Mirrors[deb.Main]) == 0 || len(s.Mirrors[deb.Security]) == 0 {
		return archive.Source{}, fault.Fault{
			ID: "debian-mirror-unset", What: cmp.Or(s.Named, Variable) + " names packages, and no mirror of Debian is known to fetch them from",
			Do: "set " + deb.Variables[deb.Main] + " and " + deb.Variables[deb.Security] + " to the addresses of mirrors",
		}
	}
	now := s.Now
	if now.IsZero() {
		now = time.Now()
	}
	client, err := tool.Client(s.In, dir, "Debian's index")
	return archive.Source{Mirrors: s.Mirrors, Client: client, Keys: s.Keys, Now: now}, err
}

// closure returns the packages of names, which may have versions, and all that they need. Faults say where the names are from.
func closure(ix *archive.Index, names []string, from string) ([]deb.Locked, error) {
	wanted := []string{pkgconf, perl}
	for _, entry := range names {
		name, version, pinned := strings.Cut(entry, "=")
		versions := ix.Versions(name)
		if len(versions) == 0 {
			return nil, unknown(ix, name, from)
		}
		if pinned && !slices.Contains(versions, version) {
			return nil, fault.Fault{ID: "debian-version", What: from + " names " + entry,
				Err: fmt.Errorf("release %s of Debian has %s", release, strings.Join(versions, ", ")),
				Do:  "write one of these, or the name alone for the newest"}
		}
		if pinned {
			ix = ix.Only(name, version)
		}
		wanted = append(wanted, name)
	}
	packages, _, err := ix.Resolve(wanted, omitted, nil)
	if f, ok := errors.AsType[fault.Fault](err); ok && f.ID == "package-dependency" && strings.Contains(strings.Join(names, ""), "=") {
		f.Do = "name that package with its version in " + Variable + " too"
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	locked := make([]deb.Locked, len(packages))
	for i, p := range packages {
		locked[i] = p.Locked(release)
	}
	return locked, nil
}

// unknown returns the fault of a package that is not there, with the nearest name.
func unknown(ix *archive.Index, name, from string) error {
	do := "correct the name"
	all := ix.Names()
	near := spelling.Nearest(name, all)
	if slices.Contains(all, name+"-dev") {
		near = name + "-dev"
	}
	if near != "" {
		do = "write " + near + " if that is meant"
	}
	return fault.Fault{ID: "debian-unknown", What: fmt.Sprintf("%s names %q, which Debian %s does not have", from, name, release), Do: do}
}
