package interpreter

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// oldest is the oldest minor version of Python 3 whose standalone builds are locked.
const oldest = 10

// Releases returns the standalone builds that a uv knows, the newest first, to be locked. No build is fetched: uv is offered another
// archive in the place of each, and says which hash it should have.
func Releases(ctx context.Context, uv string) ([]lock.Release, error) {
	builds, err := list(ctx, uv, "--all-versions", "--all-arches")
	if err != nil {
		return nil, err
	}
	mirror, remove, err := command.Home()
	if err != nil {
		return nil, err
	}
	defer remove()
	var releases []lock.Release
	for arch, machine := range machines {
		for _, b := range builds {
			if !b.locked(machine) {
				continue
			}
			r := lock.Release{ID: ID, Version: b.Version, Arch: arch}
			dir, file := path.Split(b.path())
			name := strings.ReplaceAll(file, "+", "%2B")
			r.PURL = "pkg:github/astral-sh/python-build-standalone@" + path.Base(dir) + "?file_name=" + name
			at := filepath.Join(mirror, path.Base(dir), file)
			err := os.MkdirAll(filepath.Dir(at), 0o755)
			if err == nil {
				err = os.WriteFile(at, otherArchive(), 0o644)
			}
			if err != nil {
				return nil, err
			}
			releases = append(releases, r)
		}
	}
	for some := range slices.Chunk(releases, 20) { // of a failed command, the last lines are kept
		if err := hashes(ctx, uv, mirror, some); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(releases, func(a, b lock.Release) int {
		return cmp.Or(strings.Compare(a.Arch, b.Arch), semver.MustParse(b.Version).Compare(semver.MustParse(a.Version)))
	})
	return releases, nil
}

// locked reports whether a build is one that is locked, for a machine. The oldest builds are archives of another form.
func (l listed) locked(machine string) bool {
	v, err := semver.StrictNewVersion(l.Version)
	return err == nil && v.Prerelease() == "" && v.Major() == 3 && v.Minor() >= oldest &&
		strings.HasSuffix(l.path(), ".tar.gz") && l.Implementation == "cpython" && l.OS == "linux" && l.Libc == "gnu" &&
		l.Variant == "default" && l.Arch == machine
}

// mismatch matches what uv says of an archive that is another one.
var mismatch = regexp.MustCompile("(?s)Hash mismatch for `([^`]+)`\\s+Expected:\\s+([0-9a-f]{64})\\s")

// hashes sets the hashes of releases, which have other archives in the mirror.
func hashes(ctx context.Context, uv, mirror string, releases []lock.Release) error {
	args := []string{"python", "install", "--no-bin", "--install-dir", filepath.Join(mirror, "none"), "--mirror", "file://" + mirror}
	for _, r := range releases {
		args = append(args, Standalone(r).key())
	}
	_, err := run(ctx, uv, args...)
	failed, is := errors.AsType[*command.Error](err)
	if !is {
		return fmt.Errorf("asking uv for hashes: %w", cmp.Or(err, errors.New("it took another archive")))
	}
	told := map[string]string{}
	for _, found := range mismatch.FindAllStringSubmatch(strings.Join(failed.Tail, "\n"), -1) {
		told[found[1]] = found[2]
	}
	for i, r := range releases {
		if told[Standalone(r).key()] == "" {
			return fmt.Errorf("uv tells no hash of %s: %w", r.PURL, err)
		}
		releases[i].Hash = "sha256:" + told[Standalone(r).key()]
	}
	return nil
}

// otherArchive returns an archive that no build is.
func otherArchive() []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	err := files.WriteHeader(&tar.Header{Name: "python/none", Typeflag: tar.TypeReg, Mode: 0o644})
	if err := errors.Join(err, files.Close(), zip.Close()); err != nil {
		panic(err) // nothing can fail in memory
	}
	return out.Bytes()
}
