package artifact

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is what a repository publishes of every file; what is locked is SHA-256
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// embedded is the folder of Tomcat's libraries in a repository.
const embedded = "org/apache/tomcat/embed"

// Releases returns the libraries of the newest Tomcat of each line that a repository has, to be locked with the hashes of its files, and
// the versions of ecj that go with the lines.
func Releases(ctx context.Context, client *fetch.Client, central string) ([]lock.Release, map[string]string, error) {
	versions, err := versionsOf(ctx, client, central)
	if err != nil {
		return nil, nil, err
	}
	var all []lock.Release
	names := map[string]string{}
	for _, l := range tomcats {
		version := newest(versions, l.line)
		if version == "" {
			return nil, nil, fault.Fault{ID: "lock-tomcat", What: "the repository has no Tomcat " + l.line, Do: "check its address"}
		}
		compiler, err := compilerOf(ctx, client, central, version)
		if err != nil {
			return nil, nil, err
		}
		names[ecj+"/"+l.line] = compiler
		for _, id := range parts {
			r := lock.Release{ID: id, Version: version, PURL: "pkg:maven/org.apache.tomcat.embed/" + id + "@" + version}
			switch id {
			case "tomcat-annotations-api":
				r.PURL = "pkg:maven/org.apache.tomcat/" + id + "@" + version
			case ecj:
				r.Version, r.PURL = compiler, "pkg:maven/org.eclipse.jdt/"+ecj+"@"+compiler
			}
			if r.Hash, err = hashOf(ctx, client, central, r); err != nil {
				return nil, nil, err
			}
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b lock.Release) int { return slices.Index(parts, a.ID) - slices.Index(parts, b.ID) })
	return slices.CompactFunc(all, func(a, b lock.Release) bool { return a.PURL == b.PURL }), names, nil
}

// maxAnswer is the size in bytes of the longest list or pom that is read.
const maxAnswer = 4 << 20

// document reads a small file of a repository and decodes it.
func document(ctx context.Context, client *fetch.Client, address string, into any) error {
	data, err := client.Read(ctx, fetch.Document{Name: address[strings.LastIndex(address, "/")+1:], Limit: maxAnswer, URLs: []string{address}})
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(data, into); err != nil {
		return fault.Fault{ID: "lock-tomcat", What: "the repository's answer is no XML", Do: "check its address", Err: err}
	}
	return nil
}

// versionsOf returns the versions of Tomcat that a repository lists.
func versionsOf(ctx context.Context, client *fetch.Client, central string) ([]string, error) {
	var list struct {
		Versions []string `xml:"versioning>versions>version"`
	}
	err := document(ctx, client, central+"/"+embedded+"/"+core+"/maven-metadata.xml", &list)
	return list.Versions, err
}

// released matches versions of what is released: Tomcat has milestones, too.
var released = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// newest returns the newest version of a line, "" if there is none.
func newest(versions []string, line string) string {
	var best *semver.Version
	for _, text := range versions {
		if !released.MatchString(text) || !strings.HasPrefix(text, line+".") {
			continue
		}
		if v, err := semver.StrictNewVersion(text); err == nil && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// compilerOf returns the version of ecj that a Tomcat needs.
func compilerOf(ctx context.Context, client *fetch.Client, central, version string) (string, error) {
	var pom struct {
		Dependencies []struct {
			ID      string `xml:"artifactId"`
			Version string `xml:"version"`
		} `xml:"dependencies>dependency"`
	}
	const jasper = "tomcat-embed-jasper"
	address := strings.Join([]string{central, embedded, jasper, version, jasper + "-" + version + ".pom"}, "/")
	if err := document(ctx, client, address, &pom); err != nil {
		return "", err
	}
	for _, d := range pom.Dependencies {
		if d.ID == ecj {
			return d.Version, nil
		}
	}
	return "", fault.Fault{ID: "lock-tomcat", What: "Tomcat " + version + " names no version of " + ecj, Do: "see how it compiles JSPs now"}
}

// hashOf returns the hash of a file that the repository's own checksum vouches for.
func hashOf(ctx context.Context, client *fetch.Client, central string, r lock.Release) (string, error) {
	address, err := addressOf(central, r)
	if err != nil {
		return "", err
	}
	published, err := client.Read(ctx, fetch.Document{Name: fileOf(r) + ".sha1", Limit: 200, URLs: []string{address + ".sha1"}})
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(published))
	var hash string
	_, err = client.Get(ctx, fetch.Artifact{Name: fileOf(r), URLs: []string{address}, Check: func(file string) error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		short, long := sha1.Sum(data), sha256.Sum256(data) //nolint:gosec // see above
		if len(words) == 0 || hex.EncodeToString(short[:]) != words[0] {
			return fmt.Errorf("its SHA-1 is %x, and the repository publishes %.40q", short, published)
		}
		hash = "sha256:" + hex.EncodeToString(long[:])
		return nil
	}})
	return hash, err
}
