package java

import (
	"archive/zip"
	"bytes"
	"cmp"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/classfile/classtest"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

func TestMain(m *testing.M) { kittest.Main(m, Buildpack()) }

// files are an app's files with their contents.
type files = map[string]string

// jar returns a jar that starts a class for a release of Java, which mentions other classes.
func jar(t *testing.T, release int, mentions ...string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range [][2]string{
		{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: App\r\n\r\n"},
		{"App.class", string(classtest.Class("App", release+44, mentions...))},
	} {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// bench returns a case with the kit that detection names where all apps find it.
func bench(t *testing.T, app files, env config.Environment) kittest.Case {
	t.Helper()
	tools := t.TempDir()
	c := kittest.Case{App: app, Distro: "strata-glibc", Env: env.With(config.Environment{"BP_TOOLS_DIR": tools, "BP_CACHE_DIR": t.TempDir()})}
	c.Plan = kittest.First
	all, err := jdk.Debian(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kittest.Detect(t, c).Tools() {
		for _, j := range all {
			if j.Kit(jdk.Source{}).Folder != name {
				continue
			}
			release, _, _ := strings.Cut(j.Version, ".")
			runtime := files{
				"bin/java": "program", "lib/security/cacerts": "store", "legal/openjdk-" + release + "-jre-headless/copyright": "text",
			}
			kittest.Write(t, filepath.Join(tools, name, j.Server().Folder()), runtime)
			kittest.Write(t, filepath.Join(tools, name, j.Web().Folder()), runtime)
		}
	}
	return c
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app  files
		env  config.Environment
		want bool
	}{
		"Maven":                 {app: files{"pom.xml": "<project/>"}, want: true},
		"Maven and a front end": {app: files{"pom.xml": "<project/>", "package.json": "{}"}, want: true},
		"Gradle":                {app: files{"build.gradle.kts": ""}, want: true},
		"Android":               {app: files{"build.gradle": "plugins { id 'com.android.application' }"}},
		"sbt":                   {app: files{"build.sbt": ""}, want: true},
		"a jar":                 {app: files{"app.jar": ""}, want: true},
		"a WAR":                 {app: files{"app.WAR": ""}, want: true},
		"unpacked":              {app: files{"META-INF/MANIFEST.MF": "", "BOOT-INF/classes/x": ""}, want: true},
		"start scripts":         {app: files{"bin/app": "", "lib/app.jar": ""}, want: true},
		"Quarkus":               {app: files{"quarkus-app/quarkus-run.jar": ""}, want: true},
		"named": {app: files{"package.json": "", "x/app.jar": ""}, env: config.Environment{artifact.Variable: "x/app.jar"},
			want: true},
		"nothing":                {app: files{"README.md": ""}},
		"a jar beside Node.js":   {app: files{"plantuml.jar": "", "package.json": "{}"}},
		"a jar beside Python":    {app: files{"selenium.jar": "", "requirements.txt": ""}},
		"a jar in a folder":      {app: files{"tools/x.jar": ""}},
		"a folder like a jar":    {app: files{"x.jar/y": ""}},
		"a broken build file":    {app: files{"pom.xml": "<"}, want: true},
		"a version that is none": {app: files{"app.jar": ""}, env: config.Environment{"BP_JVM_VERSION": "x"}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app, Env: test.env, Distro: "strata-glibc"})
			if passed := got.Code == 0; passed != test.want {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
		})
	}
}

// TestBuild has the log, the files and the process of an app of one jar.
func TestBuild(t *testing.T) {
	t.Parallel()
	c := bench(t, files{"app.jar": jar(t, 17, "java.net.http.HttpClient"), "README.md": ""}, nil)
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	all, err := jdk.Debian(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "build.txt", strings.ReplaceAll(got.Log(), all[0].Version, "25.0.X"))
	launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "launch.toml", strings.ReplaceAll(string(launch), got.Layers, "<layers>"))
	tree := kittest.Tree(t, got.Layers)
	for name, want := range map[string]string{
		"jre/lib/security/cacerts": "symlink " + imageStore, "start/exec.d/java": "symlink ", "application/app.jar": "file 0644 ",
	} {
		if !strings.HasPrefix(tree[name], want) {
			t.Errorf("%s is %q, want %q: %v", name, tree[name], want, slices.Sorted(maps.Keys(tree)))
		}
	}
	if left := kittest.Tree(t, got.AppDir); len(left) > 0 {
		t.Errorf("the app's folder has %v", left)
	}
}

// TestRuntime has which runtime an app gets, and why.
func TestRuntime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env      config.Environment
		mentions []string
		want     string
	}{
		"a server":        {mentions: []string{"com.sun.net.httpserver.HttpServer", "java.util.logging.Logger"}, want: "web ("},
		"beans":           {mentions: []string{"java.beans.Introspector"}, want: "srv (for any program)"},
		"another release": {env: config.Environment{"BP_JVM_VERSION": "21"}, want: "web ("},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, bench(t, files{"app.jar": jar(t, 17, test.mentions...)}, test.env))
			if got.Code != 0 || !strings.Contains(got.Log(), "Runtime        "+test.want) {
				t.Errorf("code %d, want %q\n%s", got.Code, test.want, got.Log())
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const procfile = "web: java -jar other.jar\n"
	for name, test := range map[string]struct {
		app  files
		env  config.Environment
		plan string
	}{
		"fault-newer":    {app: files{"app.jar": jar(t, 30)}},
		"fault-jlink":    {app: files{"app.jar": jar(t, 17)}, env: config.Environment{"BP_JVM_JLINK": "true"}},
		"fault-desktop":  {app: files{"app.jar": jar(t, 17)}, env: config.Environment{"BP_JVM_DESKTOP": "yes"}},
		"fault-aot-old":  {app: files{"app.jar": jar(t, 17)}, env: config.Environment{"BP_JVM_AOTCACHE_ENABLED": "true", "BP_JVM_VERSION": "21"}},
		"fault-procfile": {app: files{"app.jar": jar(t, 17), "Procfile": procfile}, plan: "[[entries]]\nname = \"procfile-web\"\n"},
		"fault-musl":     {app: files{"app.jar": jar(t, 17)}, env: config.Environment{"CNB_TARGET_DISTRO_NAME": "strata-musl"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bench(t, test.app, test.env)
			c.Plan += test.plan
			if strings.HasSuffix(name, "musl") {
				c.Distro = "strata-musl"
			}
			got := kittest.Build(t, c)
			if got.Code != 1 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			all, err := jdk.Debian(runtime.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			text := got.Stderr
			for _, j := range all {
				release, _, _ := strings.Cut(j.Version, ".")
				text = strings.ReplaceAll(text, j.Version, release+".0.X")
			}
			kittest.Golden(t, name+".txt", text)
		})
	}
}

// TestProcfile has what lines of a Procfile become.
func TestProcfile(t *testing.T) {
	t.Parallel()
	start := artifact.Start{Artifact: "target/app.jar", Main: "App", Args: []string{"war"}, Kind: "jar"}
	java, where := []string{"java", "-XX:AOTCache=x"}, []string{"-cp", "/app.jar:/lib.jar"}
	for line, want := range map[string]string{
		"java -jar target/app.jar": "java -XX:AOTCache=x -cp /app.jar:/lib.jar App war",
		"java $JAVA_OPTS -Dp=$PORT -jar ./target/app.jar --p $P": "java -XX:AOTCache=x ${JAVA_OPTS} -Dp=${PORT} " +
			"-cp /app.jar:/lib.jar App war --p ${P}",
		"java -cp target/app.jar other.Main x":                  "java -XX:AOTCache=x -cp /app.jar:/lib.jar other.Main x",
		"target/universal/stage/bin/app -Dp=$PORT -J-Xmx1g -x":  "java -XX:AOTCache=x -Dp=${PORT} -Xmx1g -cp /app.jar:/lib.jar App war -x",
		"java -cp target/app.jar:lib/x.jar Main":                "java -XX:AOTCache=x -cp /app.jar:/lib.jar Main",
		"java -cp 'target/classes:target/dependency/*' Main":    "not of the image",
		"java -jar x/webapp-runner.jar --port 1 target/app.jar": "not of the image",
		"java -jar other.jar":                                   "not of the image",
		"cd target && exec java -jar app.jar":                   "java -XX:AOTCache=x -cp /app.jar:/lib.jar App war",
		"cd target/universal && stage/bin/app -x":               "java -XX:AOTCache=x -cp /app.jar:/lib.jar App war -x",
		"sh target/universal/stage/bin/app x":                   "java -XX:AOTCache=x -cp /app.jar:/lib.jar App war x",
		"target/universal/stage/bin/worker":                     "not of the image",
		"java -jar $JAR":                                        "",
		"java -version":                                         "",
		"node server.js":                                        "",
		"/bin/app":                                              "",
	} {
		read, err := shell.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		list, err := read.List()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		c := list[len(list)-1]
		if s, found := starts(c); found {
			of := start
			if path.Base(path.Dir(s.files[0])) == "bin" {
				of.Script = "target/universal/stage/bin/app"
			}
			if !s.is(of) {
				got = "not of the image"
			}
			var words []string
			for _, word := range s.replace(c.Words, of, java, where) {
				words = append(words, string(word))
			}
			got = cmp.Or(got, strings.Join(words, " "))
		}
		if got != want {
			t.Errorf("%s becomes\n%s, want\n%s", line, got, want)
		}
	}
}

// TestArchive has what an archive is not made of, and which variables of the build a run for it sees.
func TestArchive(t *testing.T) {
	t.Parallel()
	if err := checkFolders([]string{"/layers/a/app.jar", "/layers/a/conf"}); err == nil || !strings.Contains(err.Error(), "/layers/a/conf") {
		t.Errorf("a folder of the class path gives %v", err)
	}
	if err := checkFolders([]string{"/layers/a/app.jar"}); err != nil {
		t.Error(err)
	}
	var b build
	b.Env = config.Environment{
		"OWN": "x", "BP_LOG_LEVEL": "x", "STRATA_DEBIAN_MIRROR": "x", "BPL_DEBUG_ENABLED": "x", "CNB_TARGET_OS": "x", "JAVA_TOOL_OPTIONS": "x",
		"JDK_JAVA_OPTIONS": "x", "_JAVA_OPTIONS": "x", "HOSTNAME": "x",
	}
	if seen := b.seen(); len(seen) != 1 || seen["OWN"] != "x" {
		t.Errorf("the app sees %v", seen)
	}
}
