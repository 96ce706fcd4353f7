package tools_test

import (
	"crypto/sha512"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// TestReleases locks what a repository lists and has, the newest of 3.9 as the default of Maven, and keeps Gradle's.
func TestReleases(t *testing.T) {
	t.Parallel()
	list := func(versions ...string) string {
		text := "<metadata><versioning><versions>"
		for _, v := range versions {
			text += "<version>" + v + "</version>"
		}
		return text + "</versions></versioning></metadata>"
	}
	s := newServer(t)
	const maven, sbt = "/m/org/apache/maven/apache-maven/", "/m/org/scala-sbt/sbt-launch/"
	s.files[maven+"maven-metadata.xml"] = list("3.0.5", "3.9.9", "4.0.0-alpha-1", "3.10.0", "3.9.10", "4.0.0-rc-4", "3.9.17")
	for _, v := range []string{"3.0.5", "3.9.9", "3.9.10", "3.10.0", "4.0.0-alpha-1", "4.0.0-rc-4"} { // 3.9.17 is listed and not there
		s.files[maven+v+"/apache-maven-"+v+"-bin.tar.gz"] = "maven " + v
	}
	s.files[sbt+"maven-metadata.xml"] = list("1.10.2", "1.11.0", "2.0.1")
	for _, v := range []string{"1.10.2", "1.11.0", "2.0.1"} {
		s.files[sbt+v+"/sbt-launch-"+v+".jar"] = "sbt " + v
	}
	gradle := lock.Release{ID: "gradle", Version: "9.1.0", PURL: "pkg:generic/gradle@9.1.0", Hash: "sha256:00"}
	before := lock.Lock{Default: map[string]string{"gradle": "9.1.0"}, Releases: []lock.Release{gradle, {ID: "maven", Version: "3.9.9"}}}
	got, err := tools.Releases(t.Context(), fetch.New(t.TempDir()), config.Environment{"BP_MAVEN_MIRROR": s.URL + "/m/"}, before)
	if err != nil {
		t.Fatal(err)
	}
	release := func(id, name, version, suffix string) lock.Release {
		sum := sha512.Sum512([]byte(id[:3] + map[string]string{"maven": "en", "sbt-launch": ""}[id] + " " + version))
		return lock.Release{ID: id, Version: version, Hash: "sha512:" + hex.EncodeToString(sum[:]),
			PURL: "pkg:maven/" + name + "@" + version + suffix}
	}
	want := lock.Lock{Default: map[string]string{"gradle": "9.1.0", "maven": "3.9.10", "sbt-launch": "1.11.0"}}
	for _, v := range []string{"3.10.0", "3.9.10", "3.9.9"} {
		want.Releases = append(want.Releases, release("maven", "org.apache.maven/apache-maven", v, "?classifier=bin&type=tar.gz"))
	}
	want.Releases = append(want.Releases, release("sbt-launch", "org.scala-sbt/sbt-launch", "1.11.0", ""), gradle)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = tools.Releases(t.Context(), fetch.New(t.TempDir()), config.Environment{}, before)
	kittest.Fault(t, err)
}
