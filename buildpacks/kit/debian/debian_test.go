package debian

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

const lib = "/usr/lib/x86_64-linux-gnu/"

// debs are a library with its headers, what every closure has, and what none has.
func debs() []debtest.Deb {
	return []debtest.Deb{
		{Name: "pkgconf", Version: "1.8", Files: map[string]string{"/usr/bin/pkg-config": "-> pkgconf", "/usr/bin/pkgconf": "\x7fELF"}},
		{Name: "perl-base", Version: "5.40", Files: map[string]string{"/usr/bin/perl": "\x7fELF"}},
		{Name: "libc6", Version: "2.41", Files: map[string]string{
			lib + "libc.so.6": "", lib + "gconv/EUC-KR.so": "", lib + "gconv/gconv-modules": "", "/usr/share/doc/libc6/copyright": "",
		}},
		{Name: "libpq-dev", Version: "17.6", Depends: "libpq5 (= 17.6), libc6", Files: map[string]string{
			"/usr/include/postgresql/pq.h": "", "/usr/bin/pg_config": "#!/usr/bin/perl\n", "/usr/bin/helper": "#!/usr/bin/env perl\n",
			"/usr/bin/pq-config": "#!/bin/sh\necho -I/usr/include\n", "/usr/share/man/man1/pg_config.1": "", "/etc/pq.conf": "",
			lib + "libpq.so": "-> libpq.so.5",
		}},
		{Name: "libpq5", Version: "17.6", Files: map[string]string{lib + "libpq.so.5": "-> libpq.so.5.17", lib + "libpq.so.5.17": "old"}},
	}
}

// newer are the packages after a fix of the library.
func newer() []debtest.Deb {
	return append(debs(),
		debtest.Deb{Name: "libpq-dev", Version: "17.7", Depends: "libpq5 (= 17.7), libc6", Security: true},
		debtest.Deb{Name: "libpq5", Version: "17.7", Security: true, Files: map[string]string{lib + "libpq.so.5": "new"}})
}

func source(t *testing.T, a *debtest.Archive) (Source, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	return Source{
		In:      bp.Workspace{Target: bp.Target{Arch: "amd64"}, Log: report.New(log, report.Options{})},
		Mirrors: deb.Mirrors{deb.Main: {a.URL}, deb.Security: {a.URL + "-security"}},
		Dir:     t.TempDir(), Keys: openpgp.EntityList{a.Key}, Now: debtest.Born.Add(time.Hour),
	}, log
}

func chosen(t *testing.T, s Source, names ...string) []string {
	t.Helper()
	p, err := Choose(t.Context(), s, names)
	if err != nil {
		t.Fatal(err)
	}
	return versions(p)
}

func versions(p Packages) []string {
	var list []string
	for _, one := range p.Locked {
		list = append(list, one.Name+" "+one.Version)
	}
	return list
}

// TestChoose takes the newest packages, or those of a version, and what they need except what run images and compilers have.
func TestChoose(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, newer()...)
	s, _ := source(t, a)
	for _, test := range []struct{ names, want []string }{
		{nil, nil},
		{[]string{"libpq-dev"}, []string{"libpq-dev 17.7", "libpq5 17.7", "perl-base 5.40", "pkgconf 1.8"}},
		{[]string{"libpq-dev=17.6", "libpq5=17.6"}, []string{"libpq-dev 17.6", "libpq5 17.6", "perl-base 5.40", "pkgconf 1.8"}},
		{[]string{"libpq5"}, []string{"libpq5 17.7", "perl-base 5.40", "pkgconf 1.8"}},
	} {
		if diff := cmp.Diff(test.want, chosen(t, s, test.names...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.names, diff)
		}
	}
}

// TestChooseAgain asks for the signatures alone while the index is the same, and for nothing else where nobody answers.
func TestChooseAgain(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debs()...)
	s, log := source(t, a)
	first := chosen(t, s, "libpq-dev")
	lists := func() int {
		return len(slices.DeleteFunc(a.Asked(), func(path string) bool { return !strings.Contains(path, "/binary-") }))
	}
	if lists() == 0 {
		t.Error("the first build asks for no list")
	}
	if again := chosen(t, s, "libpq-dev"); !slices.Equal(again, first) || lists() > 0 {
		t.Errorf("the index is the same, and the packages are %v, before %v", again, first)
	}
	a.Publish(t, debtest.Born.Add(time.Minute), newer()...)
	if got := chosen(t, s, "libpq-dev"); !slices.Contains(got, "libpq5 17.7") || lists() == 0 {
		t.Errorf("with a newer index the packages are %v", got)
	}
	s.Mirrors = deb.Mirrors{deb.Main: {"http://nowhere.invalid"}, deb.Security: {"http://nowhere.invalid"}}
	s.In.Env = config.Environment{"BP_DEPENDENCY_MIRROR": "file://" + t.TempDir() + "/gone"}
	if _, err := Choose(t.Context(), s, []string{"libpq-dev"}); err == nil {
		t.Error("a mirror that says that it has no index is passed over")
	}
	s.In.Env = nil
	got := chosen(t, s, "libpq-dev")
	if !slices.Contains(got, "libpq5 17.7") || !strings.Contains(log.String(), "no mirror of Debian answers") {
		t.Errorf("without a network the packages are %v, and the log is\n%s", got, log)
	}
	if _, err := Choose(t.Context(), s, []string{"libpq5"}); err == nil {
		t.Error("without a network other packages are chosen")
	}
	s.Mirrors = deb.Mirrors{deb.Main: {a.URL}, deb.Security: {a.URL + "-security"}}
	s.Keys = openpgp.EntityList{debtest.Key(t, "stranger", debtest.Born, 0)}
	if _, err := Choose(t.Context(), s, []string{"libpq-dev"}); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("an index of a stranger: %v", err)
	}
}

// workspace is that of an app with files and a variable that names packages.
func workspace(t *testing.T, names string, files map[string]string) bp.Workspace {
	t.Helper()
	w := bp.Workspace{AppDir: t.TempDir(), Config: config.New([]config.Variable{{Name: Variable}}, config.Environment{Variable: names})}
	kittest.Write(t, w.AppDir, files)
	return w
}

// TestNamed reads the variable and files.
func TestNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		variable, apt, aptfile string
		names                  []string
		from, fault            string
	}{
		"nothing": {apt: "# none\n\n"},
		"all": {"zlib1g-dev", "libevent-dev # events\n\nlibpq-dev libevent-dev\r\n", "g++-14",
			[]string{"g++-14", "libevent-dev", "libpq-dev", "zlib1g-dev"}, "BP_DEBIAN_PACKAGES, apt.txt, Aptfile", ""},
		"variable": {"zlib1g-dev=1", "", "", []string{"zlib1g-dev=1"}, "BP_DEBIAN_PACKAGES", ""},
		"version":  {aptfile: "\nlibpq-dev=17.6\n", fault: `Aptfile line 2 has "libpq-dev=17.6"`},
		"address":  {apt: "https://example.test/x.deb\n", fault: `apt.txt line 1 has "https://example.test/x.deb"`},
		"file":     {aptfile: "x.deb", fault: `Aptfile line 1 has "x.deb"`},
		"path":     {aptfile: "./vendor/x_1_amd64.deb", fault: `Aptfile line 1 has "./vendor/x_1_amd64.deb"`},
		"archive":  {aptfile: ":repo:deb http://example.test/ x main", fault: `Aptfile line 1 has ":repo:deb"`},
		"option":   {apt: "--yes zlib1g-dev", fault: `apt.txt line 1 has "--yes"`},
	}
	for name, test := range tests {
		names, from, err := Named(workspace(t, test.variable, map[string]string{"apt.txt": test.apt, "Aptfile": test.aptfile}), Aptfiles...)
		if !slices.Equal(names, test.names) || from != test.from || (err == nil) != (test.fault == "") {
			t.Errorf("%s: %v from %q, %v", name, names, from, err)
		}
		if err != nil {
			kittest.Fault(t, err)
		}
		if err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %v, want %s", name, err, test.fault)
		}
	}
	if names, _, err := Named(workspace(t, "", map[string]string{"apt.txt": "libpq-dev"})); err != nil || len(names) > 0 {
		t.Errorf("a file is read that nobody asks for: %v, %v", names, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, newer()...)
	var all strings.Builder
	for _, names := range []string{"libpq-de", "libpq", "qt9", "libpq-dev=16", "libpq-dev=17.6", "libpq-dev;rm", "../x", "libpq5"} {
		s, _ := source(t, a)
		if names == "libpq5" {
			s.Mirrors = deb.Mirrors{deb.Main: {a.URL}}
		}
		list, _, err := Named(workspace(t, names, nil))
		if err == nil {
			_, err = Choose(t.Context(), s, list)
		}
		if f, ok := errors.AsType[fault.Fault](err); !ok {
			t.Errorf("%s: %v is no fault", names, err)
		} else {
			all.WriteString(f.Error() + "\n")
		}
	}
	kittest.Golden(t, "faults.txt", all.String())
}

// TestInstall has the files of all packages that compilers read, and the variables by which they find them.
func TestInstall(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debs()...)
	s, log := source(t, a)
	p, err := Choose(t.Context(), s, []string{"libpq-dev"})
	if err != nil {
		t.Fatal(err)
	}
	root, err := p.Install(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	files := kittest.Tree(t, root.Dir)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(name, "bin/") && strings.HasPrefix(files[name], "file") { // its hash has the folder in it
			files[name] = files[name][:len("file 0755")]
		}
		if !strings.HasSuffix(name, "/") {
			text.WriteString(name + " " + files[name] + "\n")
		}
	}
	for _, name := range []string{"bin/pg_config", "bin/helper", "bin/pq-config", contents} {
		data, err := os.ReadFile(filepath.Join(root.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("--- " + name + "\n" + string(data) + "\n")
	}
	env := root.In(config.Environment{"PATH": "/usr/bin", "HOME": "/root"})
	for _, name := range append(p.Variables(), "HOME") {
		text.WriteString(name + "=" + env[name] + "\n")
	}
	kittest.Golden(t, "install.txt", strings.ReplaceAll(text.String(), root.Dir, "<root>"))
	if _, err := p.Install(t.Context()); err != nil || strings.Count(log.String(), "Installing") != 1 {
		t.Errorf("it is installed again, %v:\n%s", err, log)
	}
	old, key := root.Dir, p.Key()
	a.Publish(t, debtest.Born, newer()...)
	if p, err = Choose(t.Context(), s, []string{"libpq-dev"}); err != nil || p.Key() == key {
		t.Errorf("newer packages have the key %s, %v", key, err)
	}
	if _, err := p.Install(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("older packages stay in the cache")
	}
}

// TestInstallNamed tells which libraries are a package's own, and has of glibc the converters of character sets alone.
func TestInstallNamed(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debs()...)
	s, _ := source(t, a)
	p, err := Choose(t.Context(), s, []string{"libc6", "libpq5"})
	if err != nil {
		t.Fatal(err)
	}
	root, err := p.Install(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, there := range map[string]bool{
		lib + "libc.so.6": false, lib + "gconv/EUC-KR.so": true, lib + "gconv/gconv-modules": true, "/usr/share/doc/libc6/copyright": true,
	} {
		if _, err := os.Stat(filepath.Join(root.Dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	libraries, err := root.Libraries()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"libpq5": {"libpq.so.5"}, "libc6": nil, "pkgconf": nil, "libpq6": nil} {
		if diff := cmp.Diff(want, libraries.In(name)); diff != "" {
			t.Errorf("libraries of %s (-want +got):\n%s", name, diff)
		}
	}
	if got := root.Named("libpq5"); !strings.HasPrefix(got, "pkg:deb/debian/libpq5@17.6") || root.Named("libpq6") != "" {
		t.Errorf("libpq5 is %q, libpq6 %q", got, root.Named("libpq6"))
	}
}

// TestNone changes nothing for whoever names no package.
func TestNone(t *testing.T) {
	t.Parallel()
	root, err := Packages{}.Install(t.Context())
	env := config.Environment{"PATH": "/usr/bin"}
	if err != nil || !maps.Equal(root.In(env), env) || Packages.Variables(Packages{}) != nil || Packages.Key(Packages{}) != "" {
		t.Errorf("%+v, %v", root, err)
	}
}

// TestOwners finds the packages of libraries by the names of both.
func TestOwners(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"libpq.so.5": "libpq5", "libssl.so.3": "libssl3t64", "libicuuc.so.76": "libicu76", "libglib-2.0.so.0": "libglib2.0-0t64",
		"libgobject-2.0.so.0": "libglib2.0-0t64", "libGL.so.1": "libgl1", "libgssapi_krb5.so.2": "libgssapi-krb5-2",
		"libjpeg.so.62":    "libjpeg62-turbo",
		"libmimalloc.so.3": "libmimalloc3", "libbz2.so.1.0": "libbz2-1.0",
	}
	a := debtest.NewArchive(t)
	var packages []debtest.Deb
	for _, name := range want {
		if !slices.ContainsFunc(packages, func(d debtest.Deb) bool { return d.Name == name }) {
			packages = append(packages, debtest.Deb{Name: name, Version: "1"})
		}
	}
	a.Publish(t, debtest.Born, packages...)
	s, _ := source(t, a)
	src, err := s.archive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := archive.Open(t.Context(), src, codename, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	libraries := append(slices.Collect(maps.Keys(want)), "libnowhere.so.1", "plugin.so", "../x.so.1")
	if diff := cmp.Diff(want, owners(indexes["amd64"], libraries)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWith has packages that an app needs besides those that its user names.
func TestWith(t *testing.T) {
	t.Parallel()
	got := with([]string{"libssl-dev=3.5", "zlib1g-dev"}, []string{"libssl-dev", "cmake", "zlib1g-dev", "zlib1g"})
	if diff := cmp.Diff([]string{"cmake", "libssl-dev=3.5", "zlib1g", "zlib1g-dev"}, got); diff != "" {
		t.Error(diff)
	}
}
