package jdk

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// TestDebian has three releases for both architectures, each with a folder of its own.
func TestDebian(t *testing.T) {
	t.Parallel()
	folders := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		all, err := Debian(arch)
		if err != nil || len(all) != 3 {
			t.Fatalf("%s has %d, %v", arch, len(all), err)
		}
		for i, major := range []int{25, 21, 17} {
			j := all[i]
			if j.Major() != major || len(j.packages) != 2 || j.Vendor() || (j.Aged != "") != (major == 17) {
				t.Errorf("Java %s of %s has %d packages, age %q", j.Version, arch, len(j.packages), j.Aged)
			}
			for _, folder := range []string{j.Folder(), j.Server().Folder(), j.Web().Folder()} {
				if folders[folder] {
					t.Errorf("two tools are in %s", folder)
				}
				folders[folder] = true
			}
			kit := j.Kit(Source{}).Folder
			if named, err := Named(arch, kit, Source{}); err != nil || named.Folder != kit || folders[kit] {
				t.Errorf("%s is the tool %s, %v", kit, named.Folder, err)
			}
			folders[kit] = true
		}
	}
	if all, err := Debian("riscv64"); len(all) > 0 || err != nil {
		t.Errorf("an architecture that is not locked has %v, %v", all, err)
	}
	if _, err := Named("amd64", "jdk-1.0", Source{}); err == nil {
		t.Error("a folder of no JDK is one")
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	j := JDK{Version: "25.0.5.1", arch: "amd64"}
	for name, want := range map[string]string{
		"usr/lib/jvm/java-25-openjdk-amd64/bin/javac":                  "bin/javac",
		"usr/lib/jvm/java-25-openjdk-amd64/lib/server/classes.jsa":     "lib/server/classes.jsa",
		"usr/lib/jvm/java-25-openjdk-amd64/lib/server/classes_coh.jsa": "",
		"usr/lib/jvm/java-25-openjdk-amd64/docs":                       "",
		"usr/lib/jvm/java-25-openjdk-amd64/legal/java.base/LICENSE":    "",
		"usr/lib/jvm/java-25-openjdk-amd64/man/man1/java.1.gz":         "",
		"usr/lib/jvm/java-1.25.0-openjdk-amd64":                        "",
		"etc/java-25-openjdk/security/java.security":                   "etc/java-25-openjdk/security/java.security",
		"usr/share/doc/openjdk-25-jre-headless/copyright":              "legal/openjdk-25-jre-headless/copyright",
		"usr/share/doc/openjdk-25-jre-headless/README.Debian":          "",
		"usr/share/binfmts/jar":                                        "",
	} {
		if got := j.place(name); got != want {
			t.Errorf("%s is at %q, want %q", name, got, want)
		}
	}
}

// TestRead has versions as people, vendors and version managers write them.
func TestRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"21": "21", "1.8": "8", "17.*": "17", "17.x": "17", "21.0.5": "21.0.5", "25.0.5.1": "25.0.5.1", "8u392": "8.0.392",
		"8u392-b08":  "8.0.392",
		"21.0.5-tem": "21.0.5", "22.1.0.1.r17-gln": "22.1.0.1", "temurin-21.0.5+11.0.LTS": "21.0.5", "openjdk64-11.0.2": "11.0.2",
		"zulu-jre-javafx-21.38.21": "21.38.21", "corretto-17": "17", "adopt@1.11.0-2": "11.0", "21+": "21", "21.0.5+11": "21.0.5",
		"": "", "latest": "", "lts": "", "0": "", "21 ": "", "021": "", "2100": "", "21.": "", ">=17": "", "21..1": "",
	} {
		if got := read(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// testReleases are archives of a vendor.
var testReleases = []lock.Release{
	{ID: ID, Version: "21.0.1", Arch: runtime.GOARCH, Hash: "sha256:1"}, {ID: ID, Version: "11.0.29", Arch: runtime.GOARCH, Hash: "sha256:2"},
	{ID: ID, Version: "8.0.472", Arch: runtime.GOARCH, Hash: "sha256:3"},
}

// workspace returns that of an app with files, and with variables.
func workspace(t *testing.T, env config.Environment, files map[string]string) bp.Workspace {
	t.Helper()
	app := t.TempDir()
	kittest.Write(t, app, files)
	variables := []config.Variable{{Name: VersionVariable}, {Name: MirrorVariable}}
	return bp.Workspace{AppDir: app, Env: env, Config: config.New(variables, env), Target: bp.Target{OS: "linux", Arch: runtime.GOARCH},
		Log: report.New(io.Discard, report.Options{})}
}

// TestChoose has what is asked for where, the first first.
func TestChoose(t *testing.T) {
	t.Parallel()
	const mirror = "https://mirror.example.test"
	needs := func(text string) []version.Ask {
		return []version.Ask{{Text: text, From: "maven.compiler.release of pom.xml"}}
	}
	for name, test := range map[string]struct {
		env    config.Environment
		files  map[string]string
		app    []version.Ask
		want   string // the beginning of the version
		reason string
	}{
		"default": {want: "25.", reason: "default"},
		"user": {env: config.Environment{VersionVariable: "21"}, files: map[string]string{".java-version": "17"},
			want: "21.", reason: "BP_JVM_VERSION is 21"},
		"a file": {files: map[string]string{".java-version": "temurin-17.0.9\n"},
			want: "17.", reason: "newest fixes of what .java-version asks for: temurin-17.0.9"},
		"SDKMAN": {files: map[string]string{".sdkmanrc": "# x\njava=21.0.1-tem\n", ".java-version": "17"}, want: "21."},
		"SDKMAN, a vendor": {env: config.Environment{MirrorVariable: mirror},
			files: map[string]string{".sdkmanrc": "java = 21.0.1-tem\n"}, want: "21.0.1"},
		"Heroku":    {files: map[string]string{"system.properties": "maven.version=3\njava.runtime.version=21\n"}, want: "21."},
		"mise":      {files: map[string]string{"mise.toml": "[tools]\njava = 'temurin-21'\n"}, want: "21."},
		"asdf":      {files: map[string]string{".tool-versions": "java openjdk-17\n"}, want: "17."},
		"no wish":   {files: map[string]string{".java-version": "system\n"}, want: "25."},
		"a minimum": {app: needs("17"), want: "25.", reason: "default; maven.compiler.release of pom.xml needs at least 17"},
		"a range": {app: []version.Ask{{Text: "21", From: "x", Ranges: []version.Range{
			{Allows: func(v string) bool { return strings.HasPrefix(v, "21.") }}}}}, want: "21."},
		"old": {env: config.Environment{VersionVariable: "1.8", MirrorVariable: mirror},
			want: "8.0.472", reason: "BP_JVM_VERSION is 1.8"},
		"exact": {env: config.Environment{VersionVariable: "21.0.1", MirrorVariable: mirror},
			want: "21.0.1", reason: "BP_JVM_VERSION"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Choose(workspace(t, test.env, test.files), lock.Lock{Releases: testReleases}, test.app...)
			if err != nil || !strings.HasPrefix(got.Version, test.want) || test.reason != "" && got.Reason != test.reason {
				t.Errorf("got Java %s because %q, %v", got.Version, got.Reason, err)
			}
		})
	}
	for name, test := range map[string]struct {
		env   config.Environment
		files map[string]string
		app   []version.Ask
	}{
		"fault-syntax":    {env: config.Environment{VersionVariable: "latest"}},
		"fault-file":      {files: map[string]string{".java-version": "graal\n"}},
		"fault-vendor":    {env: config.Environment{VersionVariable: "11"}},
		"fault-exact":     {env: config.Environment{VersionVariable: "21.0.2", MirrorVariable: mirror}},
		"fault-unknown":   {files: map[string]string{".sdkmanrc": "java=19.0.2-open"}},
		"fault-new":       {app: needs("27")},
		"fault-something": {app: needs("x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Choose(workspace(t, test.env, test.files), lock.Lock{Releases: testReleases}, test.app...)
			if err == nil {
				t.Fatal("it is no fault")
			}
			text := err.Error()
			all, _ := Debian(runtime.GOARCH)
			for i, j := range all {
				text = strings.ReplaceAll(text, j.Version, []string{"25.0.X", "21.0.X", "17.0.X"}[i])
			}
			kittest.Golden(t, name+".txt", strings.ReplaceAll(text, runtime.GOARCH, "ARCH")+"\n")
		})
	}
}

// TestLink has the call of jlink, and what is left of what it writes. A JDK without jmods is linked from what it runs with.
func TestLink(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	jlink := kittest.NewTool(t, `
for word; do [ "$before" = --output ] && output=$word; before=$word; done
mkdir -p "$output/bin" "$output/lib" "$output/legal/java.base"
echo x >"$output/bin/java"; echo x >"$output/bin/jrunscript"; echo x >"$output/lib/jrt-fs.jar"; echo x >"$output/legal/java.base/LICENSE"
cp /bin/true "$output/lib/libx.so"`)
	kittest.Write(t, home, map[string]string{"bin/jlink": jlink.Text(), "legal/openjdk-25-jre-headless/copyright": "text", "jmods/x.jmod": ""})
	if err := os.Chmod(filepath.Join(home, "bin/jlink"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := JDK{Version: "25.0.5", arch: "amd64"}.Runtime("srv", "jdk.zipfs", "java.se", "java.se")
	dir := t.TempDir()
	s := Source{Home: func(context.Context, JDK) (string, error) { return home, nil }, Log: report.New(io.Discard, report.Options{})}
	if err := r.Tool(s).Fill(t.Context(), fetch.New(t.TempDir()), dir); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, kind := range kittest.Tree(t, dir) {
		if strings.HasPrefix(kind, "file") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if want := []string{"bin/java", "legal/openjdk-25-jre-headless/copyright", "lib/libx.so"}; !slices.Equal(names, want) {
		t.Errorf("the runtime has %v, want %v", names, want)
	}
	before, err := os.Stat("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir, "lib/libx.so"))
	if err != nil || after.Size() >= before.Size() {
		t.Errorf("a library has %d bytes of %d, %v", after.Size(), before.Size(), err)
	}
	call := jlink.Calls(t)[0]
	want := []string{"--add-modules", "java.se,jdk.zipfs", "--output", filepath.Join(dir, "linked"), "--no-man-pages", "--no-header-files",
		"--strip-java-debug-attributes", "--add-options", Options, "--exclude-resources", translated,
		"--module-path", filepath.Join(home, "jmods")}
	if !slices.Equal(call.Args, want) {
		t.Errorf("jlink is called with %q, want %q", call.Args, want)
	}
	// Classes mention modules of other releases. Whoever names one in a variable is told that it is not there.
	app := r.jdk.Runtime("app", "x", "jdk.incubator.other").With("jdk.misspelt")
	if err := app.Tool(s).Fill(t.Context(), fetch.New(t.TempDir()), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if got := jlink.Calls(t)[1].Args[1]; got != "jdk.misspelt,x" {
		t.Errorf("an app's runtime has the modules %s", got)
	}
}

// TestDesktop has what programs that draw need, and of GLib one library.
func TestDesktop(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		d, err := DesktopOf(arch)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range d.packages {
			names = append(names, one.Name)
		}
		for _, name := range []string{"fonts-dejavu-core", "libfontconfig1", "libfreetype6", "libharfbuzz0b", "libjpeg62-turbo", "liblcms2-2"} {
			if !slices.Contains(names, name) {
				t.Errorf("%s lacks %s: %v", arch, name, names)
			}
		}
		libraries := "usr/lib/" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-linux-gnu/"
		for name, want := range map[string]string{
			libraries + "libfreetype.so.6.20.2":           "lib/libfreetype.so.6.20.2",
			libraries + "libglib-2.0.so.0":                "lib/libglib-2.0.so.0",
			libraries + "libgio-2.0.so.0":                 "",
			libraries + "libgobject-2.0.so.0":             "",
			libraries + "libgraphite2.so.3":               "lib/libgraphite2.so.3",
			libraries + "gio/modules/x.so":                "",
			"usr/share/fonts/truetype/dejavu/DejaVu.ttf":  "fonts/truetype/dejavu/DejaVu.ttf",
			"usr/share/doc/libfreetype6/copyright":        "licences/libfreetype6/copyright",
			"usr/share/doc/libfreetype6/changelog.gz":     "",
			"etc/fonts/conf.avail/57-dejavu-sans.conf":    "",
			"usr/lib/other-linux-gnu/libfreetype.so.6":    "",
			libraries + "pkgconfig/freetype2.pc":          "",
			libraries + "libgirepository-2.0.so.0":        "",
			"usr/share/fontconfig/conf.avail/57-dej.conf": "",
		} {
			if got := d.place(name); got != want {
				t.Errorf("%s is at %q, want %q", name, got, want)
			}
		}
	}
}
