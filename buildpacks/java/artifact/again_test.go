package artifact_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/classfile/classtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestTomcatAgain makes the layer of Tomcat again when the lock has another one, though the source is the same.
func TestTomcatAgain(t *testing.T) {
	t.Parallel()
	c := kittest.Case{Buildpack: "testdata", Distro: "strata-glibc", App: files{"app.war": jar(t, files{"WEB-INF/web.xml": "",
		"WEB-INF/classes/A.class": class("A", "javax/servlet/Servlet")})},
		Env: config.Environment{"TEST_INPUTS": "one", "TEST_CENTRAL": central(t), "TEST_JAVA": "17", "BP_CACHE_DIR": t.TempDir()}}
	before := kittest.Build(t, c)
	again := kittest.Rebuild(t, before, c)
	if before.Code != 0 || again.Code != 0 || !strings.Contains(again.Log(), "Layer tomcat: reused") {
		t.Fatalf("%s\n%s", before.Log(), again.Log())
	}
	c.Env = c.Env.With(config.Environment{"TEST_ECJ": "3.33"})
	again = kittest.Rebuild(t, before, c)
	if again.Code != 0 || strings.Contains(again.Log(), "Layer tomcat: reused") || !strings.Contains(again.Log(), "ecj-3.33.jar") {
		t.Error(again.Log())
	}
}

// TestNested tells of jars in a jar what it tells of others, however they are packed.
func TestNested(t *testing.T) {
	t.Parallel()
	inner := library(t, "org.example", "inner", "1.0", files{
		"B.class": string(classtest.Class("B", 65, "java/sql/Driver")), "org/jfree/chart/C.class": class("org/jfree/chart/C")})
	deflated := jar(t, files{"x.zip": inner})
	deflated = strings.ReplaceAll(deflated, "x.zip", "x.jar")
	for name, content := range map[string]string{
		"stored": jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "A.class": class("A"),
			"lib/inner.jar": inner, "lib/b.jar": "broken"}),
		"deflated, two deep": jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "A.class": class("A"), "lib/y.jar": deflated}),
	} {
		got := kittest.Build(t, kittest.Case{Buildpack: "testdata", App: files{"app.jar": content}, Distro: "strata-glibc"})
		bill, err := os.ReadFile(filepath.Join(got.Layers, "application.sbom.cdx.json"))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, got.Log())
		}
		for _, want := range []string{`"java": 21`, `"java.sql"`, `"desktop": "org/jfree/chart in app.jar"`} {
			if !strings.Contains(got.Log(), want) {
				t.Errorf("%s: no %s in\n%s", name, want, got.Log())
			}
		}
		if !strings.Contains(string(bill), "pkg:maven/org.example/inner@1.0") {
			t.Errorf("%s: %s", name, bill)
		}
	}
}

// TestOwnBill lists the app itself, whose jar is made, and whose WAR is unpacked.
func TestOwnBill(t *testing.T) {
	t.Parallel()
	poms := files{"META-INF/maven/com.example/app/pom.properties": "groupId=com.example\nartifactId=app\nversion=1.0\n",
		"META-INF/maven/com.example/app/pom.xml": "<project/>"}
	war := files{"WEB-INF/web.xml": ""}
	maps.Copy(war, poms)
	for name, content := range map[string]string{"app.jar": bootJar(t, poms), "app.war": jar(t, war)} {
		got := kittest.Build(t, kittest.Case{Buildpack: "testdata", Distro: "strata-glibc", App: files{name: content},
			Env: config.Environment{"TEST_CENTRAL": central(t)}})
		bill, err := os.ReadFile(filepath.Join(got.Layers, "application.sbom.cdx.json"))
		if err != nil || !strings.Contains(string(bill), "pkg:maven/com.example/app@1.0") {
			t.Errorf("%s: %v\n%s\n%s", name, err, got.Log(), bill)
		}
		for path := range kittest.Tree(t, got.Layers) {
			if strings.HasSuffix(path, "pom.xml") {
				t.Errorf("%s: the image has %s", name, path)
			}
		}
	}
}

// TestBill describes libraries by their poms, their names and their manifests, and not by what the cache has of another name.
func TestBill(t *testing.T) {
	t.Parallel()
	plain := jar(t, files{"META-INF/MANIFEST.MF": manifest("Implementation-Title: io.example#gadget;1.0")})
	exec := jar(t, files{
		"META-INF/MANIFEST.MF": manifest("Main-Class: A", "Class-Path: a/gadget-1.0.jar b/gadget-1.1.jar spring-core-6.2.7.jar "),
		"A.class":              class("A"), "META-INF/maven/com.example/app/pom.properties": "groupId=com.example\nartifactId=app\nversion=1\n",
		"META-INF/maven/org.example/shaded/pom.properties": "# made\nversion:2\ngroupId=org.example\nartifactId=shaded\n",
		"META-INF/maven/org.example/shaded/pom.xml": "<project><licenses><license><name>MIT License</name></license>" +
			"<license><url>https://www.eclipse.org/legal/epl-2.0/</url></license></licenses></project>",
		"META-INF/maven/long/pom.properties": "groupId=g\nversion=1\nartifactId=" + strings.Repeat("x", 5000)})
	c := kittest.Case{Buildpack: "testdata", Distro: "strata-glibc", Env: config.Environment{"BP_CACHE_DIR": t.TempDir()},
		App: files{"app.jar": exec, "a/gadget-1.0.jar": plain, "b/gadget-1.1.jar": plain, "spring-core-6.2.7.jar": jar(t, files{"x": "y"})}}
	for range 2 { // with the cache of the first
		got := kittest.Build(t, c)
		if got.Code != 0 {
			t.Fatal(got.Log())
		}
		var found []string
		for _, layer := range []string{"application", "dependencies"} {
			var bill struct {
				Components []struct {
					PURL     string `json:"purl"`
					Licenses []any  `json:"licenses"`
				}
			}
			data, err := os.ReadFile(filepath.Join(got.Layers, layer+".sbom.cdx.json"))
			if err == nil {
				err = json.Unmarshal(data, &bill)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range bill.Components {
				text, err := json.Marshal(one.Licenses)
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, one.PURL+" "+string(text))
			}
		}
		slices.Sort(found)
		kittest.Golden(t, "bill.txt", strings.Join(found, "\n")+"\n")
	}
}
