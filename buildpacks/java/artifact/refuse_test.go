package artifact_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/classfile/classtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRefuse says what is wrong with apps of which nothing can be started, and with jars that nobody should trust.
func TestRefuse(t *testing.T) {
	t.Parallel()
	runs := func(more ...string) files {
		return files{"META-INF/MANIFEST.MF": manifest(append([]string{"Main-Class: A"}, more...)...), "A.class": class("A")}
	}
	with := func(base, more files) string {
		all := maps.Clone(base)
		maps.Copy(all, more)
		return jar(t, all)
	}
	start := jar(t, runs())
	damaged := []byte(jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "B.class": strings.Repeat("abc", 1000)}))
	damaged[bytes.Index(damaged, []byte("B.class"))+8] ^= 0xff
	many := func(n int) string {
		return raw(t, slices.Collect(func(yield func(zip.FileHeader) bool) {
			for i := range n {
				if !yield(zip.FileHeader{Name: fmt.Sprint("c/", i)}) {
					return
				}
			}
		})...)
	}
	for name, test := range map[string]struct {
		app files
		env config.Environment
	}{
		"nothing":    {app: files{"readme.txt": ""}},
		"no-class":   {app: files{"target/app.jar": app(t)}},
		"no-classes": {app: files{"a/app.jar": app(t), "b/app.jar": app(t)}},
		"several":    {app: files{"z.jar": start, "target/a.jar": start, "b.war": jar(t, files{"WEB-INF/web.xml": ""})}},
		"many": {app: maps.Collect(func(yield func(string, string) bool) {
			for i := range 12 {
				if !yield(fmt.Sprintf("%02d.jar", i), start) {
					return
				}
			}
		})},
		"outside":      {app: files{"a.jar": start}, env: config.Environment{"BP_JAVA_ARTIFACT": "../a.jar"}},
		"pattern":      {app: files{"a.jar": start}, env: config.Environment{"BP_JAVA_ARTIFACT": "[a.jar"}},
		"not-there":    {app: files{"target/a.jar": start}, env: config.Environment{"BP_JAVA_ARTIFACT": "target/b.jar"}},
		"none-there":   {app: files{"pom.xml": ""}, env: config.Environment{"BP_JAVA_ARTIFACT": "target/b.jar"}},
		"no-jar":       {app: files{"app.jar": "version https://git-lfs.example.test/spec/v1\n"}},
		"built-gone":   {app: files{"a.jar": start}, env: config.Environment{"TEST_BUILT": "target/b.jar"}},
		"class-path":   {app: files{"app.jar": jar(t, runs("Class-Path: libs/one.jar libs/two.jar"))}},
		"index":        {app: files{"app.jar": bootJar(t, files{"BOOT-INF/lib/two-1.0.jar": ""})}},
		"inner-broken": {app: files{"app.jar": bootJar(t, files{"BOOT-INF/lib/two-1.0.jar": "broken"})}},
		"slip":         {app: files{"app.jar": with(runs(), files{"../../etc/passwd": "x"})}},
		"slip-in-war":  {app: files{"app.war": jar(t, files{"WEB-INF/web.xml": "", "WEB-INF/lib/../../../x.jar": "x"})}},
		"backslash":    {app: files{"app.jar": with(runs(), files{`..\x`: "x"})}},
		"control":      {app: files{"app.jar": with(runs(), files{"a\nb": "x"})}},
		"colon": {app: files{"app.jar": bootJar(t, files{"BOOT-INF/lib/a:b.jar": start,
			"BOOT-INF/classpath.idx": "- \"BOOT-INF/lib/a:b.jar\"\n"})}},
		"below-a-file": {app: files{"app.war": jar(t, files{"WEB-INF/web.xml": "", "a": "x", "a/b": "x"})}},
		"two-manifests": {app: files{"app.jar": raw(t, zip.FileHeader{Name: "META-INF/MANIFEST.MF"},
			zip.FileHeader{Name: "META-INF/./MANIFEST.MF"})}},
		"too-many":     {app: files{"app.jar": many(200_001)}},
		"bomb":         {app: files{"app.jar": raw(t, zip.FileHeader{Name: "a", Method: zip.Deflate, UncompressedSize64: 3 << 30})}},
		"encrypted":    {app: files{"app.jar": raw(t, zip.FileHeader{Name: "a", Flags: 1})}},
		"damaged":      {app: files{"app.jar": string(damaged)}},
		"script-class": {app: files{"app/bin/app": gradle, "app/lib/app.jar": jar(t, files{"B.class": class("B")})}},
		"scripts":      {app: files{"bin/a": gradle, "bin/b": gradle, "lib/app.jar": app(t)}},
		"war-java": {app: files{"app.war": jar(t, files{"WEB-INF/classes/A.class": class("A", "jakarta/servlet/Servlet")})},
			env: config.Environment{"TEST_JAVA": "8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := config.Environment{"TEST_CENTRAL": central(t), "BP_CACHE_DIR": t.TempDir()}.With(test.env)
			got := kittest.Build(t, kittest.Case{Buildpack: "testdata", App: test.app, Env: env, Distro: "strata-glibc"})
			if got.Code != 1 {
				t.Errorf("code %d", got.Code)
			}
			kittest.Golden(t, "refuse-"+name+".txt", got.Stderr)
		})
	}
}

// raw returns a zip of entries that are empty, whatever their headers say.
func raw(t testing.TB, headers ...zip.FileHeader) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range headers {
		if _, err := z.CreateRaw(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBounded places what has more of something than it should, and is not dangerous.
func TestBounded(t *testing.T) {
	t.Parallel()
	twice := []byte(jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "A.class": class("A"), "B.class": class("B")}))
	twice = bytes.ReplaceAll(twice, []byte("B.class"), []byte("A.class"))
	inside := jar(t, files{"a": strings.Repeat("\x00", 1<<20)})
	for range 20 { // each has the one before
		inside = jar(t, files{"a.jar": inside})
	}
	for name, content := range map[string]string{
		"a class twice": string(twice),
		"no class":      jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "A.class": "template ${x}", "B.class": ""}),
		"jars in jars":  jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A"), "A.class": class("A"), "lib/a.jar": inside}),
		"newer classes": jar(t, files{"META-INF/MANIFEST.MF": manifest("Main-Class: A", "Multi-Release: true"), "A.class": class("A"),
			"META-INF/versions/25/A.class": string(classtest.Class("A", 69)), "module-info.class": string(classtest.Class("module-info", 69))}),
	} {
		got := kittest.Build(t, kittest.Case{Buildpack: "testdata", App: files{"app.jar": content}, Distro: "strata-glibc"})
		if got.Code != 0 || !strings.Contains(got.Log(), `"main": "A"`) || strings.Contains(got.Log(), `"java": 25`) {
			t.Errorf("%s: code %d\n%s", name, got.Code, got.Log())
		}
	}
}

// TestNeeds tells what apps ask of a runtime.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		jar  files
		want []string
	}{
		"release": {files{"A.class": string(classtest.Class("A", 65))}, []string{`"java": 21`, `"from": "A.class"`, `"desktop": ""`}},
		"draws": {files{"A.class": class("A", "java/awt/image/BufferedImage")},
			[]string{`"desktop": "classes of .`, `"java.desktop"`, `"java.prefs"`}},
		"library that draws": {files{"A.class": class("A"), "org/jfree/chart/X.class": class("org/jfree/chart/X")},
			[]string{`"desktop": "org/jfree/chart in app.jar"`}},
		"library of others": {files{"A.class": class("A"), "org/x/B.class": class("org/x/B", "javax/imageio/ImageIO")},
			[]string{`"java.desktop"`}},
		"by name": {files{"A.class": class("A", "x.java.sql.Driver", "sun.misc.Unsafe", "(Ljavax/naming/Context;)V")},
			[]string{`"java.naming"`, `"jdk.naming.dns"`, `"jdk.unsupported"`}},
	} {
		test.jar["META-INF/MANIFEST.MF"] = manifest("Main-Class: A")
		got := kittest.Build(t, kittest.Case{Buildpack: "testdata", App: files{"app.jar": jar(t, test.jar)}, Distro: "strata-glibc"})
		for _, want := range test.want {
			if got.Code != 0 || !strings.Contains(got.Log(), want) {
				t.Errorf("%s: code %d, no %s in\n%s", name, got.Code, want, got.Log())
			}
		}
	}
}

// TestLauncher compiles the launcher of WARs, for Java 8 too, against what it calls of Tomcat.
func TestLauncher(t *testing.T) {
	t.Parallel()
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("the machine has no javac")
	}
	dir := t.TempDir()
	args := []string{"-Xlint:-options", "-g:none", "--release", "8", "-d", dir, "launcher/War.java"}
	stubs, err := filepath.Glob("launcher/testdata/*.java")
	if err != nil || len(stubs) == 0 {
		t.Fatalf("%v: %v", stubs, err)
	}
	if out, err := exec.CommandContext(t.Context(), javac, append(args, stubs...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "strata", "War.class")); err != nil {
		t.Error(err)
	}
}

// TestModules compares the table of the JDK's packages with the JDK of the machine.
func TestModules(t *testing.T) {
	t.Parallel()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("the machine has no java")
	}
	out, err := exec.CommandContext(t.Context(), java, "testdata/Modules.java").Output()
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		module, packages, _ := strings.Cut(line, ":")
		for one := range strings.FieldsSeq(packages) {
			known[module+" "+one] = true
		}
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		module, packages, _ := strings.Cut(line, ":")
		for one := range strings.FieldsSeq(packages) {
			if found++; !known[module+" "+one] {
				t.Errorf("modules.txt lacks %s of %s", one, module)
			}
		}
	}
	if found < 100 {
		t.Errorf("the JDK has %d packages:\n%s", found, out)
	}
}
