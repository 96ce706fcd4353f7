package version_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// tool has releases of which the default is not the newest, and one for another architecture.
func tool() version.Tool {
	l := lock.Lock{Default: map[string]string{"x": "2.4.0"}}
	for _, v := range []string{"3.1.0", "2.4.0", "2.3.9", "1.10.0", "1.9.0"} {
		l.Releases = append(l.Releases, lock.Release{ID: "x", Version: v, Arch: "amd64"})
	}
	l.Releases = append(l.Releases, lock.Release{ID: "x", Version: "4.0.0", Arch: "arm64"}, lock.Release{ID: "y", Version: "5.0.0"})
	return version.Tool{
		Title: "X", ID: "x", Arch: "amd64", Lock: l, Default: "because", Like: "1.2",
		Read: func(text string) []version.Range {
			if text == "v9.9.9" || text == "9.9.9" {
				return version.Exactly(strings.TrimPrefix(text, "v"))
			}
			if allows := version.Semantic(text); allows != nil {
				return []version.Range{{Allows: allows}}
			}
			return nil
		},
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	minimum := func(least string) version.Ask {
		return version.Ask{Text: least, From: "min", Ranges: []version.Range{
			{Allows: version.Semantic("^" + least), Reason: "the same major"},
			{Allows: version.Semantic(">=" + least)},
			{Else: least, Reason: "as it is"},
		}}
	}
	a := func(text string) version.Ask { return version.Ask{Text: text, From: "A"} }
	tests := []struct {
		name            string
		ask             version.Ask
		version, reason string
	}{
		{"nothing is asked for", version.Ask{}, "2.4.0", "because"},
		{"the default is in the range", a(">=1.9"), "2.4.0", "A is >=1.9"},
		{"the default is not in it", a("^1"), "1.10.0", "A is ^1"},
		{"newer than the default", a(">=3"), "3.1.0", "A is >=3"},
		{"one that is not locked", a("9.9.9"), "9.9.9", "A"},
		{"the same with a letter", a("v9.9.9"), "9.9.9", "A"},
		{"a minimum in a locked line", minimum("1.9.5"), "1.10.0", "the same major"},
		{"a minimum below the default", minimum("2.3.0"), "2.4.0", "the same major"},
		{"a minimum of no locked line", minimum("0.5.0"), "2.4.0", "min is 0.5.0"},
		{"a minimum above all", minimum("7.0.0"), "7.0.0", "as it is"},
	}
	for _, test := range tests {
		got, err := tool().Choose(test.ask)
		if want := (version.Choice{Version: test.version, Reason: test.reason}); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, got, err, want)
		}
	}
	without := tool()
	without.Lock.Default = nil
	if got, err := without.Choose(version.Ask{}); err != nil || got.Version != "3.1.0" {
		t.Errorf("got %+v, %v without a default, want the newest", got, err)
	}
}

func TestChooseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"newest": `A is "newest", which is not a version of X; write it like 1.2`,
		"^8":     "A is ^8, and no known release of X for amd64 is that; ask for one that is, such as 2.4.0",
		"^5":     "A is ^5, and no known release of X for amd64 is that; ask for one that is, such as 2.4.0",
	} {
		_, err := tool().Choose(version.Ask{Text: text, From: "A"})
		if !errors.As(err, new(fault.Fault)) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	a, b, empty := version.Ask{Text: " 1\n", From: "A"}, version.Ask{Text: "2", From: "B"}, version.Ask{Text: " \n", From: "C"}
	for _, test := range []struct {
		asks       []version.Ask
		text, from string
	}{
		{[]version.Ask{a, b}, "1", "A"},
		{[]version.Ask{empty, b, a}, "2", "B"},
		{[]version.Ask{empty}, "", ""},
		{nil, "", ""},
	} {
		if got := version.First(test.asks...); got.Text != test.text || got.From != test.from {
			t.Errorf("%+v: got %+v", test.asks, got)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for content, want := range map[string]string{
		"1.2.3\n": "1.2.3", "# ours\n\n  lts/jod # until May\n3\n": "lts/jod", "# nothing\n": "", "": "", "1\r\n": "1",
	} {
		if err := os.WriteFile(filepath.Join(dir, ".x-version"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		from := ".x-version"
		if want == "" {
			from = ""
		}
		if got, err := version.File(dir, ".x-version"); err != nil || got.Text != want || got.From != from {
			t.Errorf("%q: got %+v, %v", content, got, err)
		}
	}
	if got, err := version.File(dir, ".absent"); err != nil || got.Text != "" {
		t.Errorf("got %+v, %v of a file that is not there", got, err)
	}
	if _, err := version.File(dir, "."); err == nil {
		t.Error("a folder is read")
	}
}

func TestManager(t *testing.T) {
	t.Parallel()
	const listed = "# ours\nnodejs 24.1.0 22.1.0 # two\ngolang 1.25.14\npython system\n"
	tests := []struct {
		name       string
		files      map[string]string
		tools      []string
		text, from string
	}{
		{"no file", nil, []string{"go"}, "", ""},
		{"a list", map[string]string{".tool-versions": listed}, []string{"go", "golang"}, "1.25.14", "golang of .tool-versions"},
		{"the first of several", map[string]string{".tool-versions": listed}, []string{"node", "nodejs"}, "24.1.0", "nodejs of .tool-versions"},
		{"the system's", map[string]string{".tool-versions": listed}, []string{"python"}, "", ""},
		{"not in the list", map[string]string{".tool-versions": listed}, []string{"bun"}, "", ""},
		{"text", map[string]string{"mise.toml": "[tools]\ngo = '1.25'\n"}, []string{"go"}, "1.25", "go of mise.toml"},
		{"array", map[string]string{".mise.toml": "[tools]\nnode = ['24', '22']\n"}, []string{"node"}, "24", "node of .mise.toml"},
		{"table", map[string]string{".config/mise.toml": "[tools.node]\nversion = 'prefix:24'\npostinstall = 'x'\n"}, []string{"node"},
			"24", "node of .config/mise.toml"},
		{"with the backend", map[string]string{"mise.toml": "[tools]\n'core:go' = '1.25.1'\n"}, []string{"go"}, "1.25.1", "go of mise.toml"},
		{"mise before asdf", map[string]string{"mise.toml": "[tools]\ngo = '1'\n", ".tool-versions": listed}, []string{"go", "golang"},
			"1", "go of mise.toml"},
		{"asdf for what mise lacks", map[string]string{"mise.toml": "[env]\nA = '1'\n", ".tool-versions": listed}, []string{"go", "golang"},
			"1.25.14", "golang of .tool-versions"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		kittest.Write(t, dir, tt.files)
		if got, err := version.Manager(dir, tt.tools...); err != nil || got.Text != tt.text || got.From != tt.from {
			t.Errorf("%s: got %+v, %v", tt.name, got, err)
		}
	}
	for content, want := range map[string]string{
		"[tools]\ngo = 1.20\n": `mise.toml has 1.2 for go, which is no text; write the version in quotes: go = "1.2.3"`,
		"[tools\n":             "reading mise.toml: toml: line 2",
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"mise.toml": content})
		if _, err := version.Manager(dir, "go"); !errors.As(err, new(fault.Fault)) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}
