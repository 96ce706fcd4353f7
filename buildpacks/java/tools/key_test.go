package tools_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestMirror has the mirror of the environment stand where the user's settings name none of Maven Central, without its login in the
// address, and the settings that the app names count for nothing.
func TestMirror(t *testing.T) {
	t.Parallel()
	b := newBench(t, keepsSettings)
	b.c.Env["BP_MAVEN_MIRROR"] = strings.Replace(b.URL, "http://", "http://ann:secret@", 1) + "/central"
	b.c.App[".mvn/maven.config"] = "-s\n.mvn/settings.xml\n"
	b.c.Bindings = map[string]files{"repo": {"type": "maven", "settings.xml": "<settings><mirrors><mirror><id>own</id>" +
		"<mirrorOf>ours</mirrorOf><url>https://own.example.test</url></mirror></mirrors></settings>"}}
	got := kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	made := kittest.Files(t, got.AppDir)
	text := made["target/global.xml"]
	if !strings.Contains(text, "<url>"+b.URL+"/central</url>") || !strings.Contains(text, "<password>secret<") {
		t.Errorf("Maven has the settings %s", text)
	}
	if len(b.logins) != 1 || b.logins[0] != "ann:secret" {
		t.Errorf("logins %q", b.logins)
	}
	b.c.Bindings = nil
	got = kittest.Rebuild(t, got, b.c)
	if text := kittest.Files(t, got.AppDir)["target/user.xml"]; got.Code != 0 || text != "<settings/>\n" {
		t.Errorf("code %d, the user's settings are %q\n%s", got.Code, text, got.Log())
	}
	for _, call := range b.Calls(t) {
		if strings.Contains(strings.Join(call.Args, " ")+strings.Join(call.Env.List(), " "), "secret") {
			t.Errorf("a password is in the call %q", call.Args)
		}
	}
}

// TestForget has Maven ask again for what a repository did not have.
func TestForget(t *testing.T) {
	t.Parallel()
	b := newBench(t, makesJar)
	kittest.Write(t, b.c.Env["BP_CACHE_DIR"], files{"maven/repository/a/b/1/b-1.pom.lastUpdated": "", "maven/repository/a/b/1/b-1.pom": ""})
	if got := kittest.Build(t, b.c); got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kept := kittest.Tree(t, b.c.Env["BP_CACHE_DIR"])
	if kept["maven/repository/a/b/1/b-1.pom.lastUpdated"] != "" || kept["maven/repository/a/b/1/b-1.pom"] == "" {
		t.Errorf("the repository has %v", kept)
	}
}

// TestKey changes with what changes the app, and not with who builds it, where, and by which login.
func TestKey(t *testing.T) {
	t.Parallel()
	key := func(change func(c *kittest.Case)) string {
		t.Helper()
		b := newBench(t, "")
		for name, content := range newGradle(t, "").c.App {
			if change != nil && strings.Contains(name, "gradle") {
				b.c.App[name] = content
			}
		}
		b.c.App[wrapper] = "distributionUrl=https://example.test/apache-maven-3.9.9-bin.zip"
		b.c.App["gradle/wrapper/gradle-wrapper.properties"] = "distributionUrl=https://example.test/gradle-8.5-bin.zip"
		b.c.Env["TEST_KEY"] = "1"
		if change != nil {
			change(&b.c)
		}
		got := kittest.Build(t, b.c)
		_, text, found := strings.Cut(got.Stdout, "    key ")
		if got.Code != 0 || !found {
			t.Fatalf("code %d\n%s", got.Code, got.Log())
		}
		return text
	}
	gradle := func(properties, script string) func(c *kittest.Case) {
		return func(c *kittest.Case) {
			delete(c.App, "pom.xml")
			c.Bindings = map[string]files{"g": {"type": "gradle", "gradle.properties": properties, "init.gradle": script}}
		}
	}
	settings := func(profile, password string) func(c *kittest.Case) {
		return func(c *kittest.Case) {
			c.Bindings = map[string]files{"m": {"type": "maven", "settings.xml": "<settings><servers><server><id>a</id><password>" + password +
				"</password></server></servers><activeProfiles><activeProfile>" + profile + "</activeProfile></activeProfiles></settings>"}}
		}
	}
	env := func(name, value string) func(c *kittest.Case) { return func(c *kittest.Case) { c.Env[name] = value } }
	for _, tt := range []struct {
		name string
		a, b func(c *kittest.Case)
		same bool
	}{
		{"nothing", nil, nil, true},
		{"a proxy", nil, env("HTTPS_PROXY", "http://proxy.example.test"), true},
		{"the mirror", nil, env("BP_MAVEN_MIRROR", "https://other.example.test"), true},
		{"a token", env("APP_TOKEN", "1"), env("APP_TOKEN", "2"), true},
		{"a variable", nil, env("APP", "1"), false},
		{"a profile", nil, env("BP_MAVEN_ACTIVE_PROFILES", "x"), false},
		{"a release", nil, env("BP_MAVEN_VERSION", "3.9.8"), false},
		{"a login of settings", settings("a", "1"), settings("a", "2"), true},
		{"a profile of settings", settings("a", "1"), settings("b", "1"), false},
		{"a property of a binding", gradle("a=1\n", ""), gradle("a=2\n", ""), false},
		{"a login of a binding", gradle("a=1\nrepoPassword=1\n", ""), gradle("a=1\nrepoPassword=2\n", ""), true},
		{"a script of a binding", gradle("a=1\n", ""), gradle("a=1\n", "allprojects {}"), false},
	} {
		if same := key(tt.a) == key(tt.b); same != tt.same {
			t.Errorf("%s: the key is the same: %v", tt.name, same)
		}
	}
}
