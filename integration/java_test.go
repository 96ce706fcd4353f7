package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestJavaBuild builds each sample and asks it, builds it again, and changes it.
func TestJavaBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	for _, tt := range []struct {
		who         who
		app, answer string
		file        string // in which the answer begins with another word after a change; "" for an app without a build
		processes   []string
		purls       []string
		env         []string // arguments of the build
	}{
		{
			who: everyUser, app: "jar", answer: "Hello from Java 25.", processes: []string{"web*"},
			purls: []string{"pkg:deb/debian/openjdk-25-jre-headless@25.", "pkg:generic/openjdk@25."},
		},
		{
			who: anyUser, app: "boot", answer: "Hello from Spring Boot.", file: "src/main/java/demo/Greeting.java", processes: []string{"web*"},
			purls: []string{"pkg:maven/org.springframework/spring-webmvc@6.2.", "pkg:maven/com.fasterxml.jackson.core/jackson-core@2.",
				"pkg:maven/org.apache.tomcat.embed/tomcat-embed-core@10.1."},
		},
		{
			who: nightly, app: "war", answer: "Hello from a servlet and a JSP, 2 in all.", file: "src/main/java/demo/Greeting.java",
			processes: []string{"web*"},
			purls:     []string{"pkg:maven/org.apache.tomcat.embed/tomcat-embed-core@9.0.", "pkg:maven/demo/war@1.0"},
		},
		{
			who: nightly, app: "quarkus", answer: "Hello from Quarkus.", file: "src/main/java/demo/Greeting.java", processes: []string{"web*"},
			purls: []string{"pkg:maven/io.quarkus/quarkus-rest@3.20.1", "pkg:maven/org.jboss.logmanager/jboss-logmanager@3."},
		},
		{
			who: nightly, app: "draw", answer: "drawn with SansSerif.bold", processes: []string{"web*"},
			purls: []string{"pkg:deb/debian/libfreetype6@2.", "pkg:deb/debian/fonts-dejavu-core@2."},
		},
		{
			who: nightly, app: "maven", answer: "Hello from Maven on Java 25.", file: "src/main/java/example/Main.java", processes: []string{"web*"},
			purls: []string{"pkg:maven/test.example/app@1.0-SNAPSHOT"},
		},
		{
			who: nightly, app: "modules", answer: `{"text":"Hello from two modules."}`, file: "lib/src/main/java/example/Greeting.java",
			processes: []string{"web*"}, purls: []string{"pkg:maven/com.google.code.gson/gson@2.13.1", "pkg:maven/test.example/lib@1.0"},
		},
		{
			who: nightly, app: "kotlin", answer: "Hello from Kotlin.", file: "src/main/kotlin/Main.kt", processes: []string{"web*"},
			purls: []string{"pkg:maven/test.example/app@1.0"},
		},
	} {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			app := filepath.Join(t.TempDir(), tt.app)
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", "java", tt.app))); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name, tt.env...)
			if body := strings.TrimSpace(ask(t, name, "/", "--timeout", "2m")); body != tt.answer {
				t.Errorf("it answers %q, want %q", body, tt.answer)
			}
			first := inspect(t, digest)
			if diff := cmp.Diff(tt.processes, first.processes(t)); diff != "" {
				t.Errorf("processes (-want +got):\n%s", diff)
			}
			all := first.purls(t)
			asSyft(t, tt.app, all)
			for _, prefix := range tt.purls {
				if !slices.ContainsFunc(all, func(purl string) bool { return strings.HasPrefix(purl, prefix) }) {
					t.Errorf("the SBOM has no %s: %v", prefix, all)
				}
			}
			if files := first.files(t); strings.Contains(files, ".java\n") || strings.Contains(files, "/pom.xml\n") {
				t.Error("the image has source")
			}
			if again := build(t, app, name, tt.env...); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			if tt.file == "" {
				return
			}
			edit(t, app, tt.file, "Hello", "Goodbye")
			build(t, app, name, tt.env...)
			want := strings.Replace(tt.answer, "Hello", "Goodbye", 1)
			if body := strings.TrimSpace(ask(t, name, "/", "--timeout", "2m")); body != want {
				t.Errorf("after the change it answers %q, want %q", body, want)
			}
			edit(t, app, tt.file, "Goodbye", "Hello")
			if again := build(t, app, name, tt.env...); again != digest {
				t.Errorf("with the source of the first build the digest is %s instead of %s", again, digest)
			}
		})
	}
}

// asSyft compares the package URLs of Maven with those that Syft 1.51.0 found in the image of a sample, if there is a list of them. What
// Syft calls the app's own jar by its file's name is not in it.
func asSyft(t *testing.T, app string, purls []string) {
	t.Helper()
	list, err := os.ReadFile(filepath.Join("testdata", "java", app+".syft"))
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	purls = slices.DeleteFunc(slices.Clone(purls), func(purl string) bool { return !strings.HasPrefix(purl, "pkg:maven/") })
	slices.Sort(purls)
	if diff := cmp.Diff(strings.Fields(string(list)), slices.Compact(purls)); diff != "" {
		t.Errorf("libraries (-Syft +bill of materials):\n%s", diff)
	}
}

// TestJavaArchive starts an app from each kind of archive in the mode in which Java ends where it does not take it.
func TestJavaArchive(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	for variable, strict := range map[string]string{"BP_JVM_AOTCACHE_ENABLED": "-XX:AOTMode=on", "BP_JVM_CDS_ENABLED": "-Xshare:on"} {
		t.Run(variable, func(t *testing.T) {
			name := image(t)
			app := filepath.Join(t.TempDir(), "app")
			if err := os.CopyFS(app, os.DirFS("testdata/java/jar")); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name, "--env", variable+"=true")
			if body := strings.TrimSpace(ask(t, name, "/", "--env", "JDK_JAVA_OPTIONS="+strict)); body != "Hello from Java 25." {
				t.Errorf("it answers %q", body)
			}
			if again := build(t, app, name, "--env", variable+"=true"); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
		})
	}
}

// tarred returns a tar.gz with one program.
func tarred(t *testing.T, name, content string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestJavaGradle builds an app with a stand-in of Gradle, which compiles it as Gradle would: by the hash of the wrapper, from where the
// user says that Gradle's distributions are, and never by the app's script.
func TestJavaGradle(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	const compile = `#!/bin/sh
set -eu
echo "called with $*"
mkdir -p build/classes build/libs
"$JAVA_HOME/bin/javac" -d build/classes src/main/java/example/Main.java
"$JAVA_HOME/bin/jar" --create --file build/libs/app.jar --main-class example.Main -C build/classes .
`
	name, app := image(t), filepath.Join(t.TempDir(), "gradle")
	archive := tarred(t, "gradle-8.99/bin/gradle", compile)
	kittest.Write(t, app, map[string]string{
		"src/main/java/example/Main.java": read(t, "testdata/java/maven/src/main/java/example/Main.java"),
		"gradlew":                         "#!/bin/sh\nexit 1\n",
		"build.gradle":                    "plugins { id 'application' }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }\n",
		"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=https\\://hostile.example.test/gradle-8.99-bin.tar.gz\n" +
			fmt.Sprintf("distributionSha256Sum=%x\n", sha256.Sum256([]byte(archive))),
		"distributions/gradle-8.99-bin.tar.gz": archive,
	})
	refused := strata(t, "build", app, "-t", name)
	if refused.status == 0 || !strings.Contains(refused.stderr+refused.stdout, "STRATA_GRADLE_MIRROR is not set") {
		t.Errorf("without a mirror: status %d\n%s%s", refused.status, refused.stdout, refused.stderr)
	}
	mirror := []string{"--env", "STRATA_GRADLE_MIRROR=file:///workspace/distributions"}
	digest := build(t, app, name, mirror...)
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Hello from Maven on Java 21." {
		t.Errorf("it answers %q", body)
	}
	if again := build(t, app, name, mirror...); again != digest {
		t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
	}
}
