package lock_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

const text = `# Written by scripts/update. Do not edit.

[default]
"runtime" = "2.10.1"

[names]
"lts/iron" = "2"

[ended.runtime]
"1" = "2025-04-30"

[requires.manager]
"11" = "^2.0 || >=3"

[[package]]
id = "runtime"
arch = "amd64"
purl = "pkg:golang/example.test/runtime@v0.0.1-go{version}.linux-amd64"
releases = [
  ["2.10.1", "h1:AAA="],
  ["2.9.0", "h1:BBB="],
]

[[package]]
id = "runtime"
arch = "arm64"
purl = "pkg:golang/example.test/runtime@v0.0.1-go{version}.linux-arm64"
releases = [
  ["2.10.1", "h1:CCC="],
]

[[package]]
id = "manager"
purl = "pkg:npm/%40scope/manager@{version}"
releases = [
  ["11.2.0", "sha512-DDD=="],
]
`

func read(t *testing.T) lock.Lock {
	t.Helper()
	l, err := lock.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRead(t *testing.T) {
	t.Parallel()
	release := func(id, version, arch, purl, hash string) lock.Release {
		return lock.Release{ID: id, Version: version, Arch: arch, PURL: purl, Hash: hash}
	}
	const module = "pkg:golang/example.test/runtime@v0.0.1-go"
	want := lock.Lock{
		Default:  map[string]string{"runtime": "2.10.1"},
		Names:    map[string]string{"lts/iron": "2"},
		Ended:    lock.Lines{"runtime": {"1": "2025-04-30"}},
		Requires: lock.Lines{"manager": {"11": "^2.0 || >=3"}},
		Releases: []lock.Release{
			release("runtime", "2.10.1", "amd64", module+"2.10.1.linux-amd64", "h1:AAA="),
			release("runtime", "2.9.0", "amd64", module+"2.9.0.linux-amd64", "h1:BBB="),
			release("runtime", "2.10.1", "arm64", module+"2.10.1.linux-arm64", "h1:CCC="),
			release("manager", "11.2.0", "", "pkg:npm/%40scope/manager@11.2.0", "sha512-DDD=="),
		},
	}
	got := read(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(text, got.Text()); diff != "" {
		t.Errorf("the text is written otherwise than it was read (-want +got):\n%s", diff)
	}
	if _, err := lock.Read("[[package]]\nreleases = [[\"1\"]]"); err == nil {
		t.Error("a release without a hash is read")
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	l := read(t)
	below := func(limit string) func(string) bool { return func(v string) bool { return v != limit } }
	tests := []struct{ id, arch, not, purl string }{
		{"runtime", "amd64", "", "pkg:golang/example.test/runtime@v0.0.1-go2.10.1.linux-amd64"},
		{"runtime", "amd64", "2.10.1", "pkg:golang/example.test/runtime@v0.0.1-go2.9.0.linux-amd64"},
		{"runtime", "arm64", "2.10.1", ""},
		{"runtime", "riscv64", "", ""},
		{"manager", "arm64", "", "pkg:npm/%40scope/manager@11.2.0"},
		{"other", "arm64", "", ""},
	}
	for _, test := range tests {
		got, found := l.Newest(test.id, test.arch, below(test.not))
		if got.PURL != test.purl || found != (test.purl != "") {
			t.Errorf("%+v: got %+v, %t", test, got, found)
		}
	}
	if r, found := l.Find("runtime", "amd64", "2.9.0"); !found || r.Hash != "h1:BBB=" {
		t.Errorf("got %+v, %t for a release that is there", r, found)
	}
	if r, found := l.Find("runtime", "arm64", "2.9.0"); found {
		t.Errorf("got %+v of another architecture", r)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	lines := lock.Lines{"x": {"1": "one", "1.2": "one two"}}
	for version, want := range map[string]string{"1.2.3": "one two", "1.3.0": "one", "1": "one", "11.2": "", "2": ""} {
		if got := lines.Of("x", version); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	change := func(pairs ...string) lock.Lock {
		l, err := lock.Read(strings.NewReplacer(pairs...).Replace(text))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	tests := []struct {
		name string
		next lock.Lock
		want []string
	}{
		{"nothing", read(t), nil},
		{"another default", change(`"runtime" = "2.10.1"`, `"runtime" = "2.9.0"`), []string{"! default runtime: 2.9.0, was 2.10.1"}},
		{"a newer release", change(`["11.2.0", "sha512-DDD=="]`, `["11.3.0", "sha512-EEE=="]`),
			[]string{"- release pkg:npm/%40scope/manager@11.2.0", "+ release pkg:npm/%40scope/manager@11.3.0"}},
		{"an ended line", change(`"1" = `, `"2" = `), []string{"- end of runtime 1", "+ end of runtime 2"}},
	}
	for _, test := range tests {
		got, err := read(t).Changes(test.next)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got): %v\n%s", test.name, err, diff)
		}
	}
	_, err := read(t).Changes(change("h1:BBB=", "h1:other="))
	const want = "the registry has another hash than lock.toml for pkg:golang/example.test/runtime@v0.0.1-go2.9.0.linux-amd64" +
		"; find out who replaced the archive, and lock nothing from this registry until then"
	if !errors.As(err, new(fault.Fault)) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
