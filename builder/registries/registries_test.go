package registries_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const buildpacks = "../../buildpacks/"

// of returns the registries of a buildpack of the suite.
func of(t *testing.T, folder string) registries.List {
	t.Helper()
	content, err := os.ReadFile(buildpacks + folder + "/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := registries.Read(folder, content)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestLanguages refuses a language that does not say where its packages come from: an app could say it.
func TestLanguages(t *testing.T) {
	t.Parallel()
	type file struct {
		Buildpack struct{ ID string }
		Order     []struct{ Group []struct{ ID string } }
	}
	paths, err := filepath.Glob(buildpacks + "*/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	folders, languages := map[string]string{}, map[string]bool{}
	for _, path := range paths {
		var f file
		if _, err := toml.DecodeFile(path, &f); err != nil {
			t.Fatal(err)
		}
		folders[f.Buildpack.ID] = filepath.Base(filepath.Dir(path))
		for _, o := range f.Order {
			for _, one := range o.Group {
				languages[one.ID] = true
			}
		}
	}
	delete(languages, "strata/web")    // it fetches nothing
	delete(languages, "strata/native") // it fetches packages of Debian alone
	if !languages["strata/go"] || !languages["strata/node"] {
		t.Fatalf("no languages in strata/languages: %v", languages)
	}
	for id := range languages {
		if len(of(t, folders[id])) == 0 {
			t.Errorf("%s has no [[metadata.registries]] in its buildpack.toml", id)
		}
	}
	if diff := cmp.Diff(text(t, "node"), text(t, "front-end")); diff != "" {
		t.Errorf("strata/node and strata/front-end run the same package managers (-node +front-end):\n%s", diff)
	}
}

// text is what a buildpack.toml says of registries.
func text(t *testing.T, folder string) any {
	t.Helper()
	var file struct{ Metadata struct{ Registries any } }
	if _, err := toml.DecodeFile(buildpacks+folder+"/buildpack.toml", &file); err != nil {
		t.Fatal(err)
	}
	return file.Metadata.Registries
}

const sample = `[[metadata.registries]]
variables = ["INDEX", "EXTRA"]
ask = ["packager", "settings"]
unset = "none"
missing = "nothing is set"
withheld = "is secret"
binding = "packagerrc"
reserved = ['PACKAGER_.*(CERT|URL).*', 'TRUST|BELIEVE']
`

func read(t *testing.T, content string) registries.List {
	t.Helper()
	list, err := registries.Read("buildpack.toml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRead(t *testing.T) {
	t.Parallel()
	if list := read(t, "[metadata]\nother = 1\n[[metadata.configurations]]\nname = \"X\"\n"); len(list) > 0 {
		t.Errorf("got %v, want none", list)
	}
	for name, change := range map[string][2]string{
		"not-toml":     {"variables = [", "variables = "},
		"unknown-key":  {"unset =", "not-set ="},
		"no-variables": {`"INDEX", "EXTRA"`, ""},
		"no-capitals":  {`"INDEX"`, `"Index"`},
		"no-binding":   {`binding = "packagerrc"`, ""},
		"no-pattern":   {"TRUST|BELIEVE", "(TRUST|BELIEVE"},
	} {
		_, err := registries.Read("buildpack.toml", []byte(strings.Replace(sample, change[0], change[1], 1)))
		if !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: got %v, want a fault", name, err)
			continue
		}
		kittest.Golden(t, "read-"+name+".txt", err.Error()+"\n")
	}
}

func TestReserves(t *testing.T) {
	t.Parallel()
	list := read(t, sample)
	for name, want := range map[string]bool{
		"INDEX": true, "index": true, "EXTRA": true, "TRUST": true, "BELIEVE": true,
		"PACKAGER_CLIENT_CERT_FILE": true, "packager-extra-url": true,
		"INDEXES": false, "PACKAGER_CACHE": false, "MY_PACKAGER_URL": false, "TRUSTED": false, "DISBELIEVE": false, "": false,
	} {
		if got := list.Reserves(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

// TestPython has variables of pip, uv and Python that an app may set, and those that decide whom a build trusts or what it runs.
func TestPython(t *testing.T) {
	t.Parallel()
	list := of(t, "python")
	for name, want := range map[string]bool{
		"PIP_INDEX_URL": true, "PIP_EXTRA_INDEX_URL": true, "PIP_TRUSTED_HOST": true, "PIP_CONFIG_FILE": true, "UV_INDEX_URL": true,
		"UV_DEFAULT_INDEX": true, "UV_INDEX_OURS_PASSWORD": true, "UV_PYTHON_INSTALL_MIRROR": true, "UV_CONFIG_FILE": true,
		"UV_INSECURE_HOST": true, "PYTHONPATH": true, "PYTHONHOME": true, "PYTHONSTARTUP": true, "REQUESTS_CA_BUNDLE": true,
		"PYTHONUNBUFFERED": false, "PYTHONHASHSEED": false, "PYTHONDONTWRITEBYTECODE": false, "PIP_NO_CACHE_DIR": false,
	} {
		if got := list.Reserves(name); got != want {
			t.Errorf("%s is reserved: %t, want %t", name, got, want)
		}
	}
}

// TestRust has variables of cargo that an app may set, and those that decide whom a build trusts or what it runs.
func TestRust(t *testing.T) {
	t.Parallel()
	list := of(t, "rust")
	for name, want := range map[string]bool{
		"BP_CARGO_REGISTRY": true, "CARGO_REGISTRIES_OURS_INDEX": true, "CARGO_REGISTRY_TOKEN": true, "CARGO_HTTP_PROXY": true,
		"CARGO_NET_OFFLINE": true, "CARGO_HOME": true, "CARGO_BUILD_RUSTC_WRAPPER": true, "RUSTC_WRAPPER": true, "RUSTFLAGS": true,
		"CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER": true, "CARGO_TARGET_DIR": true, "RUSTUP_DIST_SERVER": true, "RUSTC": true,
		"CARGO_PROFILE_RELEASE_LTO": false, "RUST_LOG": false, "RUST_BACKTRACE": false, "SQLX_OFFLINE": false,
	} {
		if got := list.Reserves(name); got != want {
			t.Errorf("%s is reserved: %t, want %t", name, got, want)
		}
	}
}

// TestSettings asks a command that answers as a machine's package manager may.
func TestSettings(t *testing.T) {
	environment := func(name string) string { return map[string]string{"INDEX": "https://environment.example.test"}[name] }
	each := strings.Replace(sample, "ask =", "ask-each-build = true\nask =", 1)
	type settings map[string]string
	for name, test := range map[string]struct {
		toml, script string
		builder      settings // nil: a fault
		build        settings
	}{
		"no command": {sample, "", settings{"INDEX": "https://environment.example.test"}, settings{"INDEX": "https://environment.example.test"}},
		"asked for a builder": {sample, "echo https://a.example.test; echo https://b.example.test",
			settings{"INDEX": "https://a.example.test", "EXTRA": "https://b.example.test"}, settings{"INDEX": "https://environment.example.test"}},
		"asked for each build": {each, "echo https://a.example.test; echo",
			settings{"INDEX": "https://a.example.test"}, settings{"INDEX": "https://a.example.test"}},
		"arguments": {each, `echo "$0" | sed 's,.*/,,'; echo "$@"`,
			settings{"INDEX": "packager", "EXTRA": "settings"}, settings{"INDEX": "packager", "EXTRA": "settings"}},
		"none set": {each, "echo none; echo none", settings{}, settings{}},
		"fails with the word for none": {sample, "echo 'cannot read a property of none' >&2; exit 1", nil,
			settings{"INDEX": "https://environment.example.test"}},
		"complains that none is set": {each, "echo nothing is set >&2; exit 1", settings{"INDEX": "https://environment.example.test"},
			settings{"INDEX": "https://environment.example.test"}},
		"two buildpacks": {each + each, "printf . >>\"$COUNT\"; echo a; echo b",
			settings{"INDEX": "a", "EXTRA": "b"}, settings{"INDEX": "a", "EXTRA": "b"}},
		"a login": {each, "echo a; echo 'first|https://ann:secret@b.example.test,direct'",
			nil, settings{"INDEX": "a", "EXTRA": "first|https://ann:secret@b.example.test,direct"}},
		"withheld":      {sample, "echo 'INDEX is secret' >&2; exit 1", nil, settings{"INDEX": "https://environment.example.test"}},
		"fails":         {sample, "exit 3", nil, settings{"INDEX": "https://environment.example.test"}},
		"too few lines": {sample, "echo https://a.example.test", nil, settings{"INDEX": "https://environment.example.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			t.Setenv("PATH", bin+":/usr/bin:/bin")
			t.Setenv("COUNT", filepath.Join(bin, "count"))
			if test.script != "" {
				if err := os.WriteFile(filepath.Join(bin, "packager"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			list := read(t, test.toml)
			got, err := list.ForBuild(t.Context(), environment)
			if diff := cmp.Diff(test.build, settings(got)); diff != "" || err != nil {
				t.Errorf("for a build: %v\n%s", err, diff)
			}
			if count, _ := os.ReadFile(filepath.Join(bin, "count")); len(count) > 1 {
				t.Error("asked for each of two buildpacks with the same package manager")
			}
			got, err = list.ForBuilder(t.Context(), environment)
			if test.builder == nil {
				if !errors.As(err, new(fault.Fault)) {
					t.Fatalf("got %v and %v, want a fault", got, err)
				}
				kittest.Golden(t, "ask-"+strings.ReplaceAll(name, " ", "-")+".txt", err.Error()+"\n")
			} else if diff := cmp.Diff(test.builder, settings(got)); diff != "" || err != nil {
				t.Errorf("for a builder: %v\n%s", err, diff)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := of(t, "golang").ForBuild(ctx, os.Getenv); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestGo asks the Go command itself, which reads the environment and files of its own.
func TestGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("GOPROXY=https://file.example.test|direct\nGOSUMDB=off\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", file)
	for _, variable := range []string{"GOPROXY", "GOSUMDB", "GONOPROXY", "GONOSUMDB", "GOINSECURE"} {
		t.Setenv(variable, "")
	}
	t.Setenv("GOPRIVATE", "example.test/a b")
	want := map[string]string{
		"GOPROXY": "https://file.example.test|direct", "GOSUMDB": "off",
		"GOPRIVATE": "example.test/a b", "GONOPROXY": "example.test/a b", "GONOSUMDB": "example.test/a b",
	}
	got, err := of(t, "golang").ForBuild(t.Context(), os.Getenv)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestGoInAnAppsFolder asks the Go command while go.mod of the working folder wants a Go that there is not.
func TestGoInAnAppsFolder(t *testing.T) {
	app, list := t.TempDir(), of(t, "golang")
	kittest.Write(t, app, map[string]string{"go.mod": "module example.test/app\n\ngo 1.99.0\n\ntoolchain go1.99.1\n"})
	t.Chdir(app)
	t.Setenv("GOTOOLCHAIN", "auto")
	t.Setenv("GOPROXY", "off")
	got, err := list.ForBuild(t.Context(), os.Getenv)
	if err != nil || got["GOPROXY"] != "off" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestMaven reads the files of Maven: the mirror of the user's settings, that of the machine's, and the address that every pom inherits.
func TestMaven(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3: install the package python3")
	}
	user, home := t.TempDir(), t.TempDir()
	t.Setenv("HOME", user)
	t.Setenv("MAVEN_HOME", home)
	settings := func(of, address string) string {
		return `<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors><mirror><mirrorOf>external:http:*</mirrorOf>` +
			"<url>http://0.0.0.0/</url></mirror><mirror><mirrorOf>" + of + "</mirrorOf><url> " + address + "\n</url></mirror></mirrors></settings>"
	}
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"no Maven", func() {}, ""},
		{"what poms inherit", func() {
			var jar bytes.Buffer
			z := zip.NewWriter(&jar)
			w, err := z.Create("org/apache/maven/model/pom-4.0.0.xml")
			if err == nil {
				_, err = w.Write([]byte("<project><repositories><repository><id>central</id><url>https://central.example.test/m</url>" +
					"</repository></repositories></project>"))
			}
			if err == nil {
				err = z.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			kittest.Write(t, home, map[string]string{"lib/maven-model-builder-3.jar": jar.String()})
		}, "https://central.example.test/m"},
		{"the machine's", func() {
			kittest.Write(t, home, map[string]string{"conf/settings.xml": settings("*,!own", "https://machine.example.test")})
		}, "https://machine.example.test"},
		{"the user's", func() {
			kittest.Write(t, user, map[string]string{".m2/settings.xml": settings("external:*", "https://user.example.test")})
		}, "https://user.example.test"},
		{"the machine's of this repository alone", func() {
			kittest.Write(t, home, map[string]string{"conf/settings.xml": settings("central", "https://exact.example.test")})
		}, "https://exact.example.test"},
		{"none of this repository", func() {
			kittest.Write(t, home, map[string]string{"conf/settings.xml": settings("*,!central", "https://others.example.test")})
		}, "https://user.example.test"},
		{"a variable", func() {
			kittest.Write(t, user, map[string]string{".m2/settings.xml": settings("*", "https://${env.HOST}/")})
		}, ""},
	}
	for _, step := range steps {
		step.do()
		got, err := of(t, "java").ForBuilder(t.Context(), func(string) string { return "" })
		if err != nil || got["BP_MAVEN_MIRROR"] != step.want {
			t.Errorf("%s: got %v, %v, want %q", step.name, got, err, step.want)
		}
	}
	kittest.Write(t, user, map[string]string{".m2/settings.xml": settings("*", "https://ann:secret@user.example.test")})
	got, err := of(t, "java").ForBuilder(t.Context(), func(string) string { return "" })
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address with a login: %v, %v", got, err)
	}
}

// TestNpm asks npm itself, which says undefined where nothing is set and keeps an address with a login for itself.
func TestNpm(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("needs npm: install the package npm")
	}
	t.Setenv("NPM_CONFIG_REGISTRY", "https://npm.example.test/")
	got, err := of(t, "node").ForBuilder(t.Context(), os.Getenv)
	if diff := cmp.Diff(map[string]string{"NPM_CONFIG_REGISTRY": "https://npm.example.test/"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	t.Setenv("NPM_CONFIG_REGISTRY", "https://ann:secret@npm.example.test/")
	if _, err = of(t, "node").ForBuilder(t.Context(), os.Getenv); err == nil {
		t.Fatal("an address with a login is taken")
	}
	kittest.Golden(t, "npm-login.txt", err.Error()+"\n")
}
