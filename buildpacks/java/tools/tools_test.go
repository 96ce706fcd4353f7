package tools_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

type files = map[string]string

// known returns the lock that the buildpack has.
func known() lock.Lock {
	text, err := os.ReadFile(os.Getenv("TEST_LOCK"))
	if err != nil {
		panic(err)
	}
	l, err := lock.Read(string(text))
	if err != nil {
		panic(err)
	}
	return l
}

// TestMain runs a buildpack that does nothing but build.
func TestMain(m *testing.M) {
	find := func(in bp.Workspace) (project.Project, error) {
		var s project.Settings
		if err := in.Config.Decode(&s); err != nil {
			return project.Project{}, err
		}
		return project.Find(in.AppDir, s)
	}
	kittest.Main(m, bp.Buildpack{ID: "strata/java-tools",
		Detect: func(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
			p, err := find(in.Workspace)
			return bp.Pass("it is a test", bp.Plan{Requires: []bp.Entry{bp.Tools("tools", tools.Folders(known(), p)...)}}), err
		},
		Build: func(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
			p, err := find(in.Workspace)
			if err != nil {
				return bp.BuildResult{}, err
			}
			if err := tools.Describe(in.Workspace, known(), p); err != nil {
				return bp.BuildResult{}, err
			}
			if in.Env["TEST_KEY"] != "" {
				key, err := tools.Key(in.Workspace, known(), p)
				in.Log.Bullet("key %s", key)
				return bp.BuildResult{}, err
			}
			made, err := tools.Run(ctx, in, p, tools.Request{Lock: known(), JavaHome: "/jdk", Options: []string{"-Dtrusted=yes"}})
			for _, one := range made {
				in.Log.Bullet("made %s", one)
			}
			return bp.BuildResult{}, err
		}})
}

// server serves files, and notes what it is asked for.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	files  files
	asked  []string
	logins []string
}

func newServer(t *testing.T) *server {
	s := &server{files: files{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.URL.Path)
		if user, password, ok := r.BasicAuth(); ok {
			s.logins = append(s.logins, user+":"+password)
		}
		content, found := s.files[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}))
	t.Cleanup(s.Close)
	return s
}

// archive returns a tar.gz of a distribution with one program.
func archive(t *testing.T, folder, program, script string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: folder + "/bin/" + program, Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write([]byte(script))
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// bench is an app that a stand-in of Maven builds.
type bench struct {
	kittest.Tool
	*server
	c kittest.Case
}

const wrapper = ".mvn/wrapper/maven-wrapper.properties"

// newBench serves a Maven that runs a script. The app's wrapper vouches for it.
func newBench(t *testing.T, script string) bench {
	t.Helper()
	b := bench{Tool: kittest.NewTool(t, script), server: newServer(t)}
	distribution := archive(t, "apache-maven-3.99.0", "mvn", b.Text())
	b.files["/central/org/apache/maven/apache-maven/3.99.0/apache-maven-3.99.0-bin.tar.gz"] = distribution
	b.c = kittest.Case{Buildpack: "testdata/buildpack", App: files{
		"pom.xml": "<project><artifactId>app</artifactId></project>", "src/A.java": "", "target/old.jar": "of another build",
		"mvnw":  "#!/bin/sh\necho must not run >&2\nexit 1\n",
		wrapper: "distributionUrl=https\\://hostile.example.test/x/apache-maven-3.99.0-bin.tar.gz\ndistributionSha256Sum=" + sum(distribution)},
		Env: config.Environment{"BP_MAVEN_MIRROR": b.URL + "/central/", "BP_CACHE_DIR": t.TempDir(), "TEST_LOCK": lockFile(t)}}
	return b
}

// lockFile returns the path of the lock that the buildpack has.
func lockFile(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs("../lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

const makesJar = "mkdir -p target && echo x >target/app.jar"

// newGradle serves a Gradle that runs a script.
func newGradle(t *testing.T, script string) bench {
	t.Helper()
	b := bench{Tool: kittest.NewTool(t, script), server: newServer(t)}
	distribution := archive(t, "gradle-8.99", "gradle", b.Text())
	b.files["/gradle/gradle-8.99-all.zip"] = distribution
	b.c = kittest.Case{Buildpack: "testdata/buildpack", App: files{
		"settings.gradle": "include 'web'", "build.gradle": "", "web/build.gradle": "plugins { id 'application' }",
		"web/build/old": "", ".gradle/x": "",
		"gradlew": "#!/bin/sh\necho must not run >&2\nexit 1\n",
		"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=https\\://hostile.example.test/gradle-8.99-all.zip\n" +
			"distributionSha256Sum=" + sum(distribution)},
		Env: config.Environment{"STRATA_GRADLE_MIRROR": b.URL + "/gradle/", "BP_CACHE_DIR": t.TempDir(), "TEST_LOCK": lockFile(t)}}
	return b
}

// args returns the arguments of a call, with paths of this run by name.
func (b bench) args(t *testing.T, call kittest.Call) string {
	t.Helper()
	text := strings.Join(call.Args, " ")
	for path, name := range map[string]string{b.c.Env["BP_CACHE_DIR"]: "<cache>", call.Env["HOME"]: "<home>", b.URL: "<server>"} {
		text = strings.ReplaceAll(text, path, name)
	}
	return text
}

// TestMaven builds with the Maven of a wrapper: by its hash, from the mirror, with a whole environment, and not with the app's script.
func TestMaven(t *testing.T) {
	t.Parallel()
	b := newBench(t, makesJar)
	b.c.Env["BP_MAVEN_ACTIVE_PROFILES"], b.c.Env["BP_MAVEN_ADDITIONAL_BUILD_ARGUMENTS"] = "prod,!dev", "-Da='b c'"
	b.c.Env["HTTPS_PROXY"], b.c.Env["NO_PROXY"] = "http://ann:secret@proxy.example.test:3128", "localhost,127.0.0.1,.example.test"
	b.c.Env["MAVEN_OPTS"], b.c.Env["HOSTNAME"], b.c.Env["APP_SETTING"] = "-Xmx1g", "here", "1"
	got := kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "maven.txt", got.Log())
	calls := b.Calls(t)
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	env := calls[0].Env
	text := b.args(t, calls[0]) + "\n"
	for _, name := range []string{"APP_SETTING", "HOSTNAME", "BP_MAVEN_MIRROR", "JAVA_HOME", "MAVEN_OPTS", "MAVEN_SKIP_RC", "PATH", "LC_ALL",
		"TZ"} {
		text += name + "=" + strings.ReplaceAll(env[name], env["HOME"], "<home>") + "\n"
	}
	kittest.Golden(t, "maven-call.txt", text)
	if calls[0].Dir != got.AppDir {
		t.Errorf("it runs in %s", calls[0].Dir)
	}
	if strings.Contains(strings.Join(calls[0].Args, " ")+env["MAVEN_OPTS"]+got.Log(), "secret") {
		t.Error("a password is in arguments or in the log")
	}
	if tree := kittest.Tree(t, got.AppDir); tree["target/old.jar"] != "" {
		t.Error("what another build made is still there")
	}
}

// keepsSettings is the script of a Maven that copies its settings.
const keepsSettings = makesJar + `
while [ $# -gt 0 ]; do
	case $1 in --global-settings) cp "$2" target/global.xml;; --settings) cp "$2" target/user.xml;; esac
	shift
done`

// TestSettings has the settings that Maven is given: the mirror, proxies with their logins, and the block of plain http.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, keepsSettings)
	b.c.Env["HTTPS_PROXY"], b.c.Env["NO_PROXY"] = "http://ann:secret@proxy.example.test", "127.0.0.1,.example.test,10.0.0.0/8"
	got := kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "settings.xml", strings.ReplaceAll(kittest.Files(t, got.AppDir)["target/global.xml"], b.URL, "<server>"))

	b = newBench(t, keepsSettings)
	b.c.Bindings = map[string]files{"repo": {"type": "maven", "settings-security.xml": "<settingsSecurity/>",
		"settings.xml": "<settings><mirrors><mirror><id>own</id><mirrorOf>*</mirrorOf><url>" + b.URL + "/central</url></mirror></mirrors>" +
			"<servers><server><id>own</id><username>ann</username><password>secret</password></server></servers></settings>"}}
	delete(b.c.Env, "BP_MAVEN_MIRROR")
	got = kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	made := kittest.Files(t, got.AppDir)
	if made["target/user.xml"] != b.c.Bindings["repo"]["settings.xml"] || strings.Contains(made["target/global.xml"], "<mirrorOf>central") {
		t.Errorf("Maven has the settings %q and %q", made["target/user.xml"], made["target/global.xml"])
	}
	if !strings.Contains(b.args(t, b.Calls(t)[0]), "settings-security.xml") || len(b.logins) == 0 || b.logins[0] != "ann:secret" {
		t.Errorf("called with %s, logins %q", b.args(t, b.Calls(t)[0]), b.logins)
	}
	if strings.Contains(got.Log(), "secret") {
		t.Errorf("the log has a password:\n%s", got.Log())
	}
}

// TestGradle builds with the Gradle of a wrapper: by its hash, from the mirror, and not with the app's script.
func TestGradle(t *testing.T) {
	t.Parallel()
	b := newGradle(t, "mkdir -p web/build/install/web web/build/libs && echo x >web/build/libs/web.jar; echo x >$GRADLE_USER_HOME/kept")
	b.c.Env["HTTPS_PROXY"], b.c.Env["BP_GRADLE_ADDITIONAL_BUILD_ARGUMENTS"] = "http://ann:secret@proxy.example.test:3128", "--info"
	b.c.Bindings = map[string]files{"gradle": {"type": "gradle", "gradle.properties": "token=secret", "init.gradle": ""}}
	got := kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "gradle.txt", got.Log())
	calls := b.Calls(t)
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	text := regexp.MustCompile(`=\S+/bindings/`).ReplaceAllString(b.args(t, calls[0]), "=<bindings>/") + "\n"
	for _, name := range []string{"GRADLE_USER_HOME", "JAVA_HOME", "GRADLE_OPTS"} {
		hide := strings.NewReplacer(calls[0].Env["HOME"], "<home>", b.c.Env["BP_CACHE_DIR"], "<cache>")
		text += name + "=" + hide.Replace(calls[0].Env[name]) + "\n"
	}
	kittest.Golden(t, "gradle-call.txt", text)
	if tree := kittest.Tree(t, got.AppDir); tree["web/build/old"] != "" || tree[".gradle/x"] != "" {
		t.Error("what another build made is still there")
	}
	for path, kind := range kittest.Tree(t, b.c.Env["BP_CACHE_DIR"]) {
		if strings.HasSuffix(path, "gradle.properties") && !strings.HasPrefix(kind, "symlink") {
			t.Errorf("the cache has the binding's file: %s", kind)
		}
	}
	b.c.Bindings = nil
	if got := kittest.Rebuild(t, got, b.c); got.Code != 0 || len(b.Calls(t)) != 2 {
		t.Errorf("code %d\n%s", got.Code, got.Log())
	}
	if kind := kittest.Tree(t, b.c.Env["BP_CACHE_DIR"])["gradle/user-home/gradle.properties"]; kind != "" {
		t.Errorf("a link is left of a binding that is gone: %s", kind)
	}
}

// TestOffline asks no repository where nothing but code changed, and asks again for what is lacking.
func TestOffline(t *testing.T) {
	t.Parallel()
	b := newBench(t, makesJar+`
for a; do case $a in -Dmaven.repo.local=*) mkdir -p "${a#*=}";; esac; done
[ "$1" = --offline ] && [ -e lacking ] || exit 0
echo '[ERROR] Cannot access central (x) in offline mode and the artifact a:b:1 has not been downloaded'
exit 1`)
	first := kittest.Build(t, b.c)
	repository := filepath.Join(b.c.Env["BP_CACHE_DIR"], "maven/repository")
	steps := []struct {
		name string
		do   func()
		want string // of each call: whether it is offline
	}{
		{"code", func() { b.c.App["src/A.java"] = "class A {}" }, "true"},
		{"another pom", func() { b.c.App["pom.xml"] += "<!-- -->" }, "false"},
		{"code again", func() { b.c.App["src/A.java"] = "" }, "true"},
		{"something is lacking", func() { b.c.App["lacking"] = "" }, "true false"},
		{"a profile", func() { b.c.Env["BP_MAVEN_ACTIVE_PROFILES"] = "x" }, "false"},
		{"a snapshot", func() {
			kittest.Write(t, repository, files{"a/b/1-SNAPSHOT/maven-metadata-central.xml": ""})
		}, "false"},
	}
	if first.Code != 0 {
		t.Fatalf("code %d\n%s", first.Code, first.Log())
	}
	had := len(b.Calls(t))
	for _, step := range steps {
		step.do()
		if got := kittest.Rebuild(t, first, b.c); got.Code != 0 {
			t.Fatalf("%s: code %d\n%s", step.name, got.Code, got.Log())
		}
		var offline []string
		for _, call := range b.Calls(t)[had:] {
			offline = append(offline, fmt.Sprint(call.Args[0] == "--offline"))
			had++
		}
		if got := strings.Join(offline, " "); got != step.want {
			t.Errorf("%s: offline %s, want %s", step.name, got, step.want)
		}
	}
}

// TestRefused has what a person reads where nothing can be fetched or run.
func TestRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]func(b *bench){
		"mirror-unset":  func(b *bench) { delete(b.c.Env, "BP_MAVEN_MIRROR") },
		"wrong-hash":    func(b *bench) { b.c.App[wrapper] += "\ndistributionSha256Sum=" + strings.Repeat("0", 64) },
		"no-hash":       func(b *bench) { b.c.App[wrapper] = "distributionUrl=https://example.test/apache-maven-3.99.0-bin.zip" },
		"version":       func(b *bench) { b.c.Env["BP_MAVEN_VERSION"] = "newest" },
		"binding":       func(b *bench) { b.c.Bindings = map[string]files{"repo": {"type": "maven", "x": ""}} },
		"settings-path": func(b *bench) { b.c.Env["BP_MAVEN_SETTINGS_PATH"] = "no.xml" },
		"nothing-built": func(b *bench) { b.c.App["quiet"] = "" },
		"wrapper-hash": func(b *bench) {
			const properties = "distributionUrl=https://example.test/gradle-8.5-bin.zip\ndistributionSha256Sum="
			b.c.App = files{"build.gradle": "", "gradle/wrapper/gradle-wrapper.properties": properties + strings.Repeat("0", 64)}
		},
		"node-goal": func(b *bench) {
			b.c.App["pom.xml"] = "<project><build><plugins><plugin><artifactId>frontend-maven-plugin</artifactId><executions><execution><goals>" +
				"<goal>install-bun</goal></goals></execution></executions></plugin></plugins></build></project>"
		},
		"leiningen":        func(b *bench) { b.c.App = files{"project.clj": ""} },
		"gradle-no-mirror": func(b *bench) { b.c.App = files{"build.gradle": ""} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "[ -e quiet ]")
			change(&b)
			got := kittest.Build(t, b.c)
			if got.Code != 1 {
				t.Errorf("code %d\n%s", got.Code, got.Log())
			}
			text := strings.NewReplacer(b.URL, "<server>", strings.TrimPrefix(b.URL, "http://"), "<host>").Replace(got.Stderr)
			text = regexp.MustCompile(`hash sha256:[0-9a-f]+`).ReplaceAllString(text, "hash <hash>")
			kittest.Golden(t, "fault-"+name+".txt", text)
		})
	}
}
