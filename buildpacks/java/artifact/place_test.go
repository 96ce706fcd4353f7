package artifact_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
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

const loader = "org.springframework.boot.loader.launch."

// class returns a class of Java 17.
func class(name string, mentions ...string) string {
	return string(classtest.Class(name, 61, mentions...))
}

// library returns a jar of a library with a pom.
func library(t testing.TB, group, name, version string, more files) string {
	t.Helper()
	all := files{
		"META-INF/MANIFEST.MF": manifest("Bundle-License: https://www.apache.org/licenses/LICENSE-2.0.txt"),
		"META-INF/maven/" + group + "/" + name + "/pom.properties": "groupId=" + group + "\nartifactId=" + name + "\nversion=" + version + "\n",
		strings.ReplaceAll(name, "-", "/") + "/A.class":            class(strings.ReplaceAll(name, "-", "/") + "/A"),
	}
	maps.Copy(all, more)
	return jar(t, all)
}

// bootJar returns a jar of Spring Boot with two libraries, one of them a snapshot.
func bootJar(t testing.TB, change files) string {
	t.Helper()
	all := files{
		"META-INF/MANIFEST.MF": manifest("Main-Class: "+loader+"JarLauncher", "Start-Class: com.example.App", "Spring-Boot-Version: 3.5.0",
			"Spring-Boot-Classes: BOOT-INF/classes/", "Spring-Boot-Lib: BOOT-INF/lib/", "Implementation-Title: a title that is long enough to",
			"  be continued"),
		"META-INF/services/java.nio.file.spi.FileSystemProvider":   "org.springframework.boot.loader.nio.file.NestedFileSystemProvider\n",
		"META-INF/build-info.properties":                           "a=b\n",
		"META-INF/APP.SF":                                          "signed",
		"org/springframework/boot/loader/launch/JarLauncher.class": class("org/springframework/boot/loader/launch/JarLauncher"),
		"BOOT-INF/classes/com/example/App.class":                   class("com/example/App", "java/sql/Driver"),
		"BOOT-INF/classes/application.properties":                  "x=y\n",
		"BOOT-INF/lib/two-1.0.jar":                                 library(t, "org.example", "two", "1.0", nil),
		"BOOT-INF/lib/one-2.0-SNAPSHOT.jar":                        library(t, "org.example", "one", "2.0-SNAPSHOT", nil),
		"BOOT-INF/lib/module-1.0.jar":                              library(t, "com.example", "module", "1.0", nil),
		"BOOT-INF/lib/spring-boot-jarmode-tools-3.5.0.jar":         "not even a jar",
		"BOOT-INF/lib/spring-boot-devtools-3.5.0.jar":              "nor this",
		"BOOT-INF/classpath.idx": "- \"BOOT-INF/lib/two-1.0.jar\"\n- \"BOOT-INF/lib/one-2.0-SNAPSHOT.jar\"\n- \"BOOT-INF/lib/module-1.0.jar\"\n" +
			"- \"BOOT-INF/lib/spring-boot-jarmode-tools-3.5.0.jar\"\n- \"BOOT-INF/lib/spring-boot-devtools-3.5.0.jar\"\n",
		"BOOT-INF/layers.idx": "- \"dependencies\":\n  - \"BOOT-INF/lib/two-1.0.jar\"\n- \"snapshot-dependencies\":\n" +
			"  - \"BOOT-INF/lib/one-2.0-SNAPSHOT.jar\"\n- \"application\":\n  - \"BOOT-INF/classes/\"\n  - \"BOOT-INF/lib/module-1.0.jar\"\n",
	}
	maps.Copy(all, change)
	maps.DeleteFunc(all, func(_, content string) bool { return content == "" })
	return jar(t, all)
}

// gradle is a start script as Gradle's plugin writes it, with what counts.
const gradle = `#!/bin/sh
APP_HOME=$( cd -P "${APP_HOME:-./}.." > /dev/null && printf '%s\n' "$PWD" ) || exit
DEFAULT_JVM_OPTS='"-Dgreeting=hello world" "-Dhome=$APP_HOME/x"'
CLASSPATH=$APP_HOME/lib/app.jar:$APP_HOME/lib/one-1.0.jar
CLASSPATH=$( cygpath --path --mixed "$CLASSPATH" )
set -- \
        -classpath "$CLASSPATH" \
        com.example.App \
        "$@"
exec "$JAVACMD" "$@"
`

const assembler = `#!/bin/sh
if [ -z "$REPO" ]
then
  REPO="$BASEDIR"/repo
fi
CLASSPATH="$BASEDIR"/etc:"$REPO"/com/example/app.jar:"$REPO"/org/one-1.0.jar
CLASSPATH=$CLASSPATH_PREFIX:$CLASSPATH
exec "$JAVACMD" $JAVA_OPTS -Xmx64m -Dname="two words" \
  -classpath "$CLASSPATH" \
  -Dapp.name="app" \
  -Dapp.home="$BASEDIR" \
  com.example.App \
  "$@"
`

const native = `#!/usr/bin/env bash
declare -r lib_dir="$(realpath "${app_home}/../lib")"
declare -a app_mainclass=(com.example.App)
declare -r app_classpath="$lib_dir/../conf/:$lib_dir/app.jar:$lib_dir/one-1.0.jar"
`

func app(t testing.TB) string {
	t.Helper()
	return jar(t, files{"META-INF/MANIFEST.MF": manifest(), "com/example/App.class": class("com/example/App")})
}

// TestPlace lays out what builds make: how it is started, and what is in which layer.
func TestPlace(t *testing.T) {
	t.Parallel()
	one := library(t, "org.example", "one", "1.0", nil)
	exec := func(more ...string) string {
		return jar(t, files{
			"META-INF/MANIFEST.MF":  manifest(append([]string{"Main-Class: com.example.App"}, more...)...),
			"com/example/App.class": class("com/example/App"),
		})
	}
	scripted := func(script string) files {
		return files{"app/bin/app": script, "app/bin/app.bat": "@echo", "app/lib/app.jar": app(t), "app/lib/one-1.0.jar": one}
	}
	for name, test := range map[string]struct {
		app files
		env config.Environment
	}{
		"boot": {app: files{"target/app.jar": bootJar(t, nil), "target/app-sources.jar": "x", "src/A.java": "", "data/kept.txt": "kept"},
			env: config.Environment{"BP_KEEP_FILES": "data"}},
		"boot-2.2": {app: files{"app.jar": bootJar(t, files{"BOOT-INF/classpath.idx": "", "BOOT-INF/layers.idx": "",
			"META-INF/MANIFEST.MF": manifest("Main-Class: org.springframework.boot.loader.JarLauncher", "Start-Class: com.example.App")})}},
		"boot-war": {app: files{"app.war": jar(t, files{
			"META-INF/MANIFEST.MF":                manifest("Main-Class: "+loader+"WarLauncher", "Start-Class: com.example.App"),
			"WEB-INF/classes/com/example/A.class": class("com/example/App"), "WEB-INF/views/a.jsp": "jsp", "style.css": "css",
			"WEB-INF/lib/one-1.0.jar":           one,
			"WEB-INF/lib/spring-boot-3.5.0.jar": jar(t, files{"org/springframework/boot/web/DocumentRoot.class": class("D")}),
			"WEB-INF/lib-provided/two-1.0.jar":  library(t, "org.example", "two", "1.0", nil),
		})}},
		"boot-unpacked": {app: files{"META-INF/MANIFEST.MF": manifest("Main-Class: "+loader+"JarLauncher", "Start-Class: com.example.App"),
			"BOOT-INF/classes/com/example/App.class": class("com/example/App"), "BOOT-INF/lib/one-1.0.jar": one}},
		"unpacked": {app: files{"META-INF/MANIFEST.MF": manifest("Main-Class: com.example.App"),
			"com/example/App.class": class("com/example/App"),
			".git/config":           "x", ".gitignore": "x", "Procfile": "web: x", "project.toml": "", "lib/.keep": ""}},
		"properties-launcher": {app: files{"app.jar": bootJar(t, files{
			"META-INF/MANIFEST.MF": manifest("Main-Class: "+loader+"PropertiesLauncher", "Start-Class: com.example.App")})}},
		"quarkus": {app: files{
			"target/app-1.0.jar": app(t),
			"target/quarkus-app/quarkus-run.jar": jar(t, files{"META-INF/MANIFEST.MF": manifest(
				"Main-Class: io.quarkus.bootstrap.runner.QuarkusEntryPoint", "Class-Path:  lib/boot/org.example.one-1.0.jar")}),
			"target/quarkus-app/lib/boot/org.example.one-1.0.jar": one, "target/quarkus-app/lib/main/org.example.two-1-SNAPSHOT.jar": one,
			"target/quarkus-app/lib/main/org.example.one-1.0.jar": one, "target/quarkus-app/app/app.jar": app(t),
			"target/quarkus-app/quarkus/generated-bytecode.jar": app(t), "target/quarkus-app/quarkus-app-dependencies.txt": "list"}},
		"class-path": {app: files{"target/app.jar": exec("Add-Opens: java.base/java.lang java.base/java.util",
			"Enable-Native-Access: ALL-UNNAMED",
			"Class-Path: libs/one-1.0.jar libs/other/one-1.0.jar config/ . libs/a%20b", " .jar libs/gone.jar https://example.test/x.jar"),
			"target/libs/one-1.0.jar": one, "target/libs/other/one-1.0.jar": one, "target/libs/a b.jar": one,
			"target/config/app.properties": "a=b"}},
		"one-jar":       {app: files{"build/libs/app-all.jar": exec(), "build/libs/app.jar": exec(), "build/libs/original-app.jar": exec()}},
		"chosen":        {app: files{"a/one.jar": exec(), "a/two.jar": exec()}, env: config.Environment{"BP_JAVA_ARTIFACT": "*/t*.jar"}},
		"built":         {app: files{"a/one.jar": exec(), "a/two.jar": exec()}, env: config.Environment{"TEST_BUILT": "a/one.jar"}},
		"gradle-script": {app: scripted(gradle)}, "sbt-script": {app: scripted(native)},
		"assembler-script": {app: files{"bin/app": assembler, "etc/x.properties": "a=b", "repo/com/example/app.jar": app(t), "lib/readme": "",
			"repo/org/one-1.0.jar": one}, env: config.Environment{"BP_JAVA_ARTIFACT": "."}},
		"distribution": {app: files{"build/distributions/app-1.0.zip": jar(t, files{"app-1.0/bin/app": gradle, "app-1.0/lib/app.jar": app(t),
			"app-1.0/lib/one-1.0.jar": one})}, env: config.Environment{"TEST_BUILT": "build/distributions/app-1.0.zip"}},
		"sbt-thin-jar": {app: files{"target/scala-3/app_3-1.0.jar": exec(), "target/universal/stage/bin/app": native,
			"target/universal/stage/lib/app.jar": app(t), "target/universal/stage/lib/one-1.0.jar": one, "target/app-1.0.zip": jar(t, files{
				"app-1.0/bin/app": native, "app-1.0/lib/app.jar": app(t), "app-1.0/lib/one-1.0.jar": one})},
			env: config.Environment{"TEST_BUILT": "target/scala-3/app_3-1.0.jar,target/app-1.0.zip,target/universal/stage"}},
		"shadow-beside-script": {app: files{"build/install/app/bin/app": gradle, "build/install/app/lib/app.jar": app(t),
			"build/install/app/lib/one-1.0.jar": one, "build/libs/app-all.jar": jar(t, files{
				"META-INF/MANIFEST.MF": manifest("Main-Class: com.example.App"), "com/example/App.class": class("com/example/App"),
				"one/A.class": class("one/A")})}},
		"scripts-of-two": {app: files{"my-app-1.0/bin/my": strings.ReplaceAll(gradle, ".App", ".Other"), "my-app-1.0/bin/my-app": gradle,
			"my-app-1.0/lib/app.jar": app(t), "my-app-1.0/lib/one-1.0.jar": one}},
		"ready": {app: files{"app.jar": exec("Class-Path: lib/one.jar"), "lib/one.jar": one, "config/application.yml": "a: b",
			"application-x.properties": "c=d", "logback.xml": "<x/>", "README.md": "x", "data/kept": "x", "more/a.txt": "x", ".hidden": "x"},
			env: config.Environment{"TEST_READY": "true", "BP_KEEP_FILES": "data"}},
		"script-options": {app: files{"stage/bin/app": native, "stage/bin/worker": strings.ReplaceAll(native, ".App", ".Worker"),
			"stage/lib/app.jar": jar(t, files{"com/example/Worker.class": class("com/example/Worker")}), "stage/lib/one-1.0.jar": one,
			"stage/conf/application.ini": "# options\n-J-Xmx512m\n-Dplay.http.port=disabled\n-Dx=$HOME\nserve\n"},
			env: config.Environment{"BP_JAVA_ARTIFACT": "stage/bin/worker"}},
		"boot-executable": {app: files{"app.jar": "#!/bin/bash\nexec java -jar \"$0\"\n" + bootJar(t, nil)}},
		"agent":           {app: files{"app.jar": exec("Launcher-Agent-Class: com.example.Agent")}},
		"java-8": {app: files{"app.jar": exec("Add-Opens: java.base/java.lang", "Enable-Native-Access: ALL-UNNAMED")},
			env: config.Environment{"TEST_JAVA": "8"}},
		"java-11": {app: files{"app.jar": exec("Add-Opens: java.base/java.lang", "Enable-Native-Access: ALL-UNNAMED")},
			env: config.Environment{"TEST_JAVA": "11"}},
		"war": {app: files{"target/app.war": jar(t, files{"WEB-INF/web.xml": "<web-app/>", "index.jsp": "jsp",
			"WEB-INF/classes/A.class": class("A", "javax/servlet/http/HttpServlet"), "WEB-INF/lib/one-1.0.jar": one})},
			env: config.Environment{"TEST_JAVA": "25", "BP_TOMCAT_CONTEXT_PATH": "/shop/"}},
		"war-jakarta": {app: files{"app.war": jar(t, files{
			"WEB-INF/lib/log-1.0.jar": library(t, "org.example", "log", "1.0", files{"L.class": class("L", "javax/servlet/Servlet")}),
			"WEB-INF/lib/one-1-SNAPSHOT.jar": library(t, "org.example", "one", "1-SNAPSHOT", files{
				"B.class": class("B", "jakarta/servlet/Servlet"), "C.class": class("C", "jakarta/servlet/Filter")})})},
			env: config.Environment{"TEST_JAVA": "11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := config.Environment{"TEST_CENTRAL": central(t), "BP_CACHE_DIR": t.TempDir()}.With(test.env)
			got := kittest.Build(t, kittest.Case{Buildpack: "testdata", App: test.app, Env: env, Distro: "strata-glibc"})
			if got.Code != 0 {
				t.Fatal(got.Log())
			}
			var lines []string
			for path, about := range kittest.Tree(t, got.Layers) {
				if strings.HasPrefix(about, "dir") || !strings.Contains(path, "/") {
					continue
				}
				if strings.HasSuffix(path, "app.jar") || strings.HasSuffix(path, "strata-war.jar") {
					about += "\n" + entries(t, filepath.Join(got.Layers, path))
				}
				lines = append(lines, path+" "+about)
			}
			slices.Sort(lines)
			for _, path := range slices.Sorted(maps.Keys(kittest.Tree(t, got.AppDir))) {
				lines = append(lines, "left: "+path)
			}
			text := strings.ReplaceAll(got.Log()+strings.Join(lines, "\n")+"\n", got.Layers, "<layers>")
			kittest.Golden(t, "place-"+name+".txt", text)
		})
	}
}

// entries lists the entries of a jar, with the text of its manifest.
func entries(t *testing.T, file string) string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var text strings.Builder
	for _, f := range z.File {
		fmt.Fprintf(&text, "    %s %d %d\n", f.Name, f.Method, f.UncompressedSize64)
		if f.Name != "META-INF/MANIFEST.MF" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(strings.ReplaceAll("      "+string(bytes.TrimSpace(data)), "\r\n", "\n      ") + "\n")
	}
	return strings.TrimRight(text.String(), "\n")
}

// TestAgain keeps layers as long as what they depend on is the same.
func TestAgain(t *testing.T) {
	t.Parallel()
	c := kittest.Case{Buildpack: "testdata", App: files{"app.jar": bootJar(t, nil), "a.txt": ""}, Distro: "strata-glibc",
		Env: config.Environment{"TEST_INPUTS": "one", "BP_CACHE_DIR": t.TempDir()}}
	before := kittest.Build(t, c)
	if before.Code != 0 {
		t.Fatal(before.Log())
	}
	start := before.Log()[strings.Index(before.Log(), "Start {"):]
	for name, test := range map[string]struct {
		app    files
		env    config.Environment
		reused []string
		other  bool
	}{
		"nothing":         {reused: []string{"application", "dependencies", "snapshots"}},
		"not even a file": {app: files{"app.jar": "broken"}, reused: []string{"application", "dependencies", "snapshots"}},
		"other inputs":    {env: config.Environment{"TEST_INPUTS": "two"}, reused: []string{"dependencies", "snapshots"}},
		"one line": {env: config.Environment{"TEST_INPUTS": "three"}, reused: []string{"dependencies", "snapshots"},
			app: files{"app.jar": bootJar(t, files{"BOOT-INF/classes/application.properties": "x=z\n"})}},
		"one library": {env: config.Environment{"TEST_INPUTS": "four"}, reused: []string{"snapshots"}, app: files{
			"app.jar": bootJar(t, files{"BOOT-INF/lib/two-1.0.jar": library(t, "org.example", "two", "1.0", files{"x": "y"})})}},
		"a module": {env: config.Environment{"TEST_INPUTS": "five"}, reused: []string{"dependencies"}, app: files{
			"app.jar": bootJar(t, files{"BOOT-INF/lib/module-1.0.jar": library(t, "com.example", "module", "1.0", files{"x": "y"})})}},
		"another Java": {env: config.Environment{"TEST_JAVA": "21"}, reused: []string{"dependencies", "snapshots"}},
	} {
		next := c
		next.App, next.Env = maps.Clone(c.App), c.Env.With(test.env)
		maps.Copy(next.App, test.app)
		got := kittest.Rebuild(t, before, next)
		if got.Code != 0 {
			t.Fatalf("%s: %s", name, got.Log())
		}
		var reused []string
		for _, layer := range []string{"application", "dependencies", "snapshots"} {
			if strings.Contains(got.Log(), "Layer "+layer+": reused") {
				reused = append(reused, layer)
			}
		}
		if !slices.Equal(reused, test.reused) || got.Log()[strings.Index(got.Log(), "Start {"):] != start {
			t.Errorf("%s: %v are reused, want %v\n%s", name, reused, test.reused, got.Log())
		}
		if left, err := os.ReadDir(got.AppDir); err != nil || len(left) > 0 {
			t.Errorf("%s: the app's folder has %v, %v", name, left, err)
		}
		kittest.Rebuild(t, before, c)
	}
}
