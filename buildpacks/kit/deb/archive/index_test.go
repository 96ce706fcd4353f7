package archive_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// source reads from a test archive, a day after it was published.
func source(t *testing.T, a *debtest.Archive) archive.Source {
	t.Helper()
	return archive.Source{
		Mirrors: deb.Mirrors{deb.Main: {a.URL}, deb.Security: {a.URL + "-security"}},
		Client:  fetch.New(t.TempDir(), fetch.WithBackoff(time.Microsecond)),
		Keys:    openpgp.EntityList{a.Key},
		Now:     debtest.Born.Add(day),
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debtest.Deb{Name: "x", Version: "1.9"}, debtest.Deb{Name: "x", Version: "1.10"})
	indexes, err := archive.Open(t.Context(), source(t, a), "trixie", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	ix := indexes["amd64"]
	if p := ix.Newest("x"); p == nil || p.Version != "1.10" || p.Archive != deb.Main || p.Path != "pool/main/x/x/x_1.10_amd64.deb" {
		t.Errorf("newest x is %+v", p)
	}
	var suites []string
	for _, s := range ix.Suites {
		suites = append(suites, s.Name)
	}
	// The test archive has no trixie-updates.
	if diff := cmp.Diff([]string{"trixie", "trixie-security"}, suites); diff != "" {
		t.Error(diff)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	const release = "/debian/dists/trixie/InRelease"
	const packages = "/debian/dists/trixie/main/binary-amd64/Packages.xz"
	tests := []struct {
		name   string
		change func(a *debtest.Archive, src *archive.Source)
		arch   string
		err    string
	}{
		{"another suite's index", func(a *debtest.Archive, _ *archive.Source) {
			a.Set(release, a.Get("/debian-security/dists/trixie-security/InRelease"))
		}, "amd64", `InRelease of trixie: it is for "trixie-security" of "Debian"; check the mirror's address`},
		{"out of date", func(_ *debtest.Archive, src *archive.Source) { src.Now = debtest.Born.Add(8 * day) }, "amd64",
			"InRelease of trixie-security: it was valid until 2030-01-09T03:04:05Z; use a mirror that is up to date, or check this machine's clock"},
		{"an architecture that it lacks", func(*debtest.Archive, *archive.Source) {}, "arm64",
			"InRelease of trixie: it lists no main/binary-arm64/Packages.xz; choose an architecture that Debian has"},
		{"list of the same size, changed", func(a *debtest.Archive, _ *archive.Source) {
			b := bytes.Clone(a.Get(packages))
			b[len(b)/2] ^= 1
			a.Set(packages, b)
		}, "amd64", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := debtest.NewArchive(t)
			a.Publish(t, debtest.Born, debtest.Deb{Name: "x", Version: "1"})
			src := source(t, a)
			test.change(a, &src)
			_, err := archive.Open(t.Context(), src, "trixie", test.arch)
			if err == nil || test.err != "" && err.Error() != test.err {
				t.Errorf("got  %v\nwant %s", err, test.err)
			}
		})
	}
}

// TestCodename asks for releases that images name: nothing is fetched for one without keys, and of one that is no name.
func TestCodename(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debtest.Deb{Name: "x", Version: "1"})
	for _, codename := range []string{"../../api/x?y=", "*", "trixi?", "sid", "", "trixie/../bookworm", "a b", "trixie\n"} {
		for _, keys := range []openpgp.EntityList{nil, {a.Key}} {
			if codename == "sid" && keys != nil {
				continue // its keys were given
			}
			src := source(t, a)
			src.Keys = keys
			if _, err := archive.Open(t.Context(), src, codename, "amd64"); !errors.As(err, new(fault.Fault)) {
				t.Errorf("%q: got %v, want a fault", codename, err)
			}
		}
	}
	if asked := a.Asked(); len(asked) > 0 {
		t.Errorf("the mirror was asked for %q", asked)
	}
}

func TestOpenStale(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debtest.Deb{Name: "x", Version: "1"})
	src := source(t, a)
	src.Now, src.Stale = debtest.Born.Add(8*day), true
	if _, err := archive.Open(t.Context(), src, "trixie", "amd64"); err != nil {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	debs := []debtest.Deb{
		{Name: "app", Version: "1", Depends: "lib (>= 2), awk, tool:any | other, doc"},
		{Name: "lib", Version: "2", Depends: "app (= 1)"},
		{Name: "lib", Version: "1"},
		{Name: "tool", Version: "1", Depends: "late"},
		{Name: "other", Version: "1"},
		{Name: "late", Version: "1"},
		{Name: "doc", Version: "1", Depends: "reader"},
		{Name: "reader", Version: "1"},
		{Name: "mawk", Version: "1", Provides: "awk"},
		{Name: "gawk", Version: "1", Provides: "awk (= 5)"},
		{Name: "needs-new", Version: "1", Depends: "lib (>> 2) | lib (<< 1)"},
		{Name: "needs-awk5", Version: "1", Depends: "awk (>= 5)"},
	}
	tests := []struct {
		name        string
		roots, omit []string
		have        map[string]string
		want, idle  []string
		err         string
	}{
		{name: "first alternative, first provider", roots: []string{"app"},
			want: []string{"app", "doc", "gawk", "late", "lib", "reader", "tool"}},
		{name: "what is chosen comes first", roots: []string{"app", "other", "mawk"},
			want: []string{"app", "doc", "lib", "mawk", "other", "reader"}},
		{name: "omitted with what only it needs", roots: []string{"app", "other", "mawk"}, omit: []string{"doc", "nobody"},
			want: []string{"app", "lib", "mawk", "other"}, idle: []string{"nobody"}},
		{name: "omitted, and asked for by what it provides", roots: []string{"app", "other"}, omit: []string{"gawk", "doc"},
			want: []string{"app", "lib", "other"}},
		{name: "versioned provides", roots: []string{"mawk", "needs-awk5"}, want: []string{"gawk", "mawk", "needs-awk5"}},
		{name: "what is there is not taken, nor what it needs", roots: []string{"app", "mawk"},
			have: map[string]string{"lib": "2", "tool": "1", "mawk": "1"},
			want: []string{"app", "doc", "reader"}},
		{name: "an alternative to what is there", roots: []string{"app"},
			have: map[string]string{"lib": "2", "gawk": "1", "other": "1", "doc": "1"}, want: []string{"app"}},
		{name: "too old below", roots: []string{"app"}, have: map[string]string{"lib": "1"},
			err: "package app: it needs lib (>= 2), and the layers below have lib 1; lock the stack's base again, then the stack"},
		{name: "unsatisfied", roots: []string{"needs-new"},
			err: "package needs-new: nothing satisfies its dependency lib (>> 2) | lib (<< 1); the mirror is incomplete: try another one"},
		{name: "unknown", roots: []string{"nothing"}, err: "package nothing: the archive does not have it; correct its name in stack.toml"},
	}
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debs...)
	indexes, err := archive.Open(t.Context(), source(t, a), "trixie", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			closure, idle, err := indexes["amd64"].Resolve(test.roots, test.omit, test.have)
			if errText(err) != test.err {
				t.Fatalf("got  %v\nwant %s", err, test.err)
			}
			var got []string
			for _, p := range closure {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.idle, idle); diff != "" {
				t.Error(diff)
			}
		})
	}
}
