package artifact_test

import (
	"crypto/sha1"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// TestReleases locks the newest Tomcat of each line, with the ecj that it needs, and no file whose checksum is another one.
func TestReleases(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repository := files{"org/apache/tomcat/embed/tomcat-embed-core/maven-metadata.xml": "<metadata><versioning><versions>" +
		"<version>9.0.9</version><version>9.0.10</version><version>10.1.2</version><version>11.0.0-M1</version><version>11.0.1</version>" +
		"<version>11.0.1-M2</version></versions></versioning></metadata>"}
	add := func(group, id, version string) {
		path := group + "/" + id + "/" + version + "/" + id + "-" + version + ".jar"
		repository[path] = path
		repository[path+".sha1"] = fmt.Sprintf("%x  %s\n", sha1.Sum([]byte(path)), path)
	}
	for version, ecj := range map[string]string{"9.0.10": "3.26.0", "10.1.2": "3.33.0", "11.0.1": "3.33.0"} {
		for _, id := range []string{"tomcat-embed-core", "tomcat-embed-el", "tomcat-embed-jasper", "tomcat-embed-websocket"} {
			add("org/apache/tomcat/embed", id, version)
		}
		add("org/apache/tomcat", "tomcat-annotations-api", version)
		add("org/eclipse/jdt", "ecj", ecj)
		repository["org/apache/tomcat/embed/tomcat-embed-jasper/"+version+"/tomcat-embed-jasper-"+version+".pom"] =
			"<project><dependencies><dependency><artifactId>ecj</artifactId><version>" + ecj + "</version></dependency></dependencies></project>"
	}
	kittest.Write(t, dir, repository)
	releases, names, err := artifact.Releases(t.Context(), fetch.New(t.TempDir()), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "tomcat.toml", lock.Lock{Names: names, Releases: releases}.Text())

	const el = "org/apache/tomcat/embed/tomcat-embed-el/9.0.10/tomcat-embed-el-9.0.10.jar"
	kittest.Write(t, filepath.Join(dir, filepath.Dir(el)), files{filepath.Base(el): "other"})
	_, _, err = artifact.Releases(t.Context(), fetch.New(t.TempDir()), "file://"+dir)
	if kittest.Fault(t, err); err == nil || !strings.Contains(err.Error(), "tomcat-embed-el-9.0.10.jar") {
		t.Errorf("another file is locked: %v", err)
	}
}
