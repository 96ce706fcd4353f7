package project_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

var number = regexp.MustCompile(`^[0-9]{1,2}$`)

// checkApp reads an app. No path of what is read leads out, what becomes part of a path is no path itself, and what Java is asked for is a
// number.
func checkApp(t *testing.T, f files) {
	t.Helper()
	p, err := app(t, project.Settings{}, f)
	if err != nil {
		kittest.Fault(t, err)
		return
	}
	for _, one := range slices.Concat(p.Modules, p.Outputs) {
		if !filepath.IsLocal(one) {
			t.Errorf("%q is outside of the app", one)
		}
	}
	if strings.ContainsAny(p.Wrapper.Archive, "/\\ \n") || len(p.Wrapper.SHA256) != 0 && len(p.Wrapper.SHA256) != 64 {
		t.Errorf("the wrapper is %+v", p.Wrapper)
	}
	for _, ask := range p.Java() {
		if !number.MatchString(ask.Text) || ask.From == "" || len(ask.Ranges) == 0 {
			t.Errorf("Java is asked for as %+v", ask)
		}
	}
	for _, note := range p.Notes {
		if strings.ContainsAny(note, "\r\n") {
			t.Errorf("a note has lines: %q", note)
		}
	}
}

func FuzzPOM(f *testing.F) {
	f.Add(pom("<modules><module>a</module></modules><properties><maven.compiler.release>17</maven.compiler.release></properties>"), pom(""))
	f.Add(pom("<parent><artifactId>app</artifactId><relativePath>a</relativePath></parent>"), pom("<packaging>war</packaging>"))
	f.Add("<!DOCTYPE x [<!ENTITY a \"b\">]><project>&a;<x>${x}</x></project>", "")
	f.Fuzz(func(t *testing.T, root, inner string) {
		checkApp(t, files{"pom.xml": root, "a/pom.xml": inner, ".mvn/extensions.xml": inner})
	})
}

func FuzzGradle(f *testing.F) {
	f.Add("include 'a', ':b:c'", "plugins { id('war') }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }")
	f.Add("include(\"../a\")", "sourceCompatibility = JavaVersion.VERSION_1_8 /* x")
	f.Fuzz(func(t *testing.T, settings, build string) {
		checkApp(t, files{"settings.gradle": settings, "build.gradle": build, "a/build.gradle": build})
	})
}

// FuzzWrapper writes a value as Java does, and reads the same release from it.
func FuzzWrapper(f *testing.F) {
	f.Add("distributionUrl=https\\://example.test/apache-maven-3.9.6-bin.zip", "3.9.6")
	f.Add("a b\\\n c\n!x\n\\u0041\\ud83d\\ude00:d", "4.0.0-rc-4")
	f.Add("distributionSha256Sum: AB\\", "../1.0")
	f.Fuzz(func(t *testing.T, text, release string) {
		checkApp(t, files{"pom.xml": pom(""), ".mvn/wrapper/maven-wrapper.properties": text})
		escaped := strings.NewReplacer(":", "\\:", "=", "\\=", "\\", "\\\\", "\n", "\\n", "\r", "\\r").Replace(release)
		file := strings.TrimRight(text, "\\") + "\ndistribution\\\n  Url : https\\://example.test/apache-maven-" + escaped + "-bin.zip"
		p, err := app(t, project.Settings{}, files{"pom.xml": pom(""), ".mvn/wrapper/maven-wrapper.properties": file})
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if got := p.Wrapper.Version; got != "" && got != release {
			t.Errorf("release %q is read as %q", release, got)
		}
		if regexp.MustCompile(`^[0-9]\.[0-9]\.[0-9]$`).MatchString(release) && p.Wrapper.Version != release {
			t.Errorf("release %q is read as %q", release, p.Wrapper.Version)
		}
	})
}
