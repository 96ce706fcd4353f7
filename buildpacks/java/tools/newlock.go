package tools

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// artifact is an artefact of Maven Central that is locked.
type artifact struct {
	id, group, name string
	suffix          string // of the file's name, after the version
	purl            string // with the version, for package URLs
	locks           func(*semver.Version) bool
	line            string // the line of releases of which the newest is the default
	one             bool   // the default alone is locked
}

// artifacts are all that are locked. Maven before 3.6.3 knows no TLS 1.2 with old Java, and before 3.8.1 takes artefacts over plain http.
var artifacts = []artifact{
	{mavenID, "org.apache.maven", "apache-maven", "-bin.tar.gz", "?classifier=bin&type=tar.gz",
		func(v *semver.Version) bool {
			return !v.LessThan(semver.MustParse("3.6.3")) && v.Prerelease() == ""
		}, "~3.9", false},
	{launcherID, "org.scala-sbt", "sbt-launch", ".jar", "",
		func(v *semver.Version) bool { return v.Prerelease() == "" && !v.LessThan(semver.MustParse("1.10.0")) }, "^1.10", true},
}

// path returns the path of a version's file in a repository.
func (a artifact) path(version string) string {
	return strings.ReplaceAll(a.group, ".", "/") + "/" + a.name + "/" + version + "/" + a.name + "-" + version + a.suffix
}

// maxMetadata is the size in bytes of the longest list of versions that is read.
const maxMetadata = 1 << 20

// Releases returns the releases of Maven and of sbt's launcher that the mirror of BP_MAVEN_MIRROR has, with the default of each tool. Those
// of Gradle are in no such repository and stay as they are in the lock of before: their hashes are those that Gradle publishes, as Docker's
// official images of Gradle have them.
func Releases(ctx context.Context, client *fetch.Client, env config.Environment, before lock.Lock) (lock.Lock, error) {
	l := lock.Lock{Default: map[string]string{}}
	base := strings.TrimRight(env[MirrorVariable], "/")
	if base == "" {
		return l, noMirror("the releases of Maven")
	}
	for _, a := range artifacts {
		if err := a.add(ctx, client, base, &l); err != nil {
			return l, err
		}
	}
	for _, r := range before.Releases {
		if r.ID == gradleID {
			l.Releases = append(l.Releases, r)
		}
	}
	l.Default[gradleID] = before.Default[gradleID]
	return l, nil
}

// add adds the releases of an artefact, the newest first.
func (a artifact) add(ctx context.Context, client *fetch.Client, base string, l *lock.Lock) error {
	list, err := client.Read(ctx, fetch.Document{Name: "the list of " + a.name, Limit: maxMetadata, Setting: MirrorVariable,
		URLs: []string{base + "/" + strings.ReplaceAll(a.group, ".", "/") + "/" + a.name + "/maven-metadata.xml"}})
	if err != nil {
		return err
	}
	var told struct {
		Versions []string `xml:"versioning>versions>version"`
	}
	if err := xml.Unmarshal(list, &told); err != nil {
		return fmt.Errorf("reading the list of %s: %w", a.name, err)
	}
	var versions []*semver.Version
	for _, text := range told.Versions {
		if v, err := semver.StrictNewVersion(text); err == nil && a.locks(v) {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(x, y *semver.Version) int { return y.Compare(x) })
	line, err := semver.NewConstraint(a.line)
	if err != nil {
		return err
	}
	for _, v := range versions {
		text := v.Original()
		if a.one && (l.Default[a.id] != "" || !line.Check(v)) {
			continue
		}
		sum, err := a.sum(ctx, client, base, text)
		if errors.Is(err, fetch.ErrGone) {
			continue // it is listed and was never published as an archive
		}
		if err != nil {
			return err
		}
		l.Releases = append(l.Releases, lock.Release{ID: a.id, Version: text, Hash: sum,
			PURL: "pkg:maven/" + a.group + "/" + a.name + "@" + text + a.purl})
		if l.Default[a.id] == "" && line.Check(v) {
			l.Default[a.id] = text
		}
	}
	return nil
}

// maxArchive is the size in bytes of the largest archive that is hashed for the lock.
const maxArchive = 64 << 20

// sum returns the SHA-512 of a version's file.
func (a artifact) sum(ctx context.Context, client *fetch.Client, base, version string) (string, error) {
	data, err := client.Read(ctx, fetch.Document{Name: a.name + " " + version, Limit: maxArchive, Setting: MirrorVariable,
		URLs: []string{base + "/" + a.path(version)}})
	if err != nil {
		return "", err
	}
	sum := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(sum[:]), nil
}

// noMirror is the fault of a build that has nowhere to fetch from.
func noMirror(what string) error {
	return fault.Fault{ID: "java-mirror-unset", What: "nothing says where " + what + " can be fetched: " + MirrorVariable + " is not set",
		Do: "set it to the address of Maven Central or of a mirror of it, or bind a settings.xml with a mirror in a binding of type maven"}
}
