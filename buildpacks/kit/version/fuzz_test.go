package version_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// FuzzManager reads mise.toml and .tool-versions: a version of one line, from a file that is named, or a fault.
func FuzzManager(f *testing.F) {
	f.Add("mise.toml", "[tools]\nnode = \"22\"\n")
	f.Add("mise.toml", "[tools]\n\"core:node\" = [{version = \"prefix:22\"}, 1]\n")
	f.Add("mise.toml", "[tools]\nnode = 22\n")
	f.Add(".tool-versions", "# a\nnodejs 22.1 system # b\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		if name != "mise.toml" {
			name = ".tool-versions"
		}
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{name: text})
		ask, err := version.Manager(dir, "node", "nodejs")
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if ask.Text != "" && !strings.HasSuffix(ask.From, " of "+name) || name != "mise.toml" && strings.ContainsAny(ask.Text, " \t\n") {
			t.Errorf("%+v", ask)
		}
	})
}

// FuzzFile reads files with one version: the words of one line, without a comment.
func FuzzFile(f *testing.F) {
	f.Add("\ufeffv22.1.0 # it\n20\n")
	f.Add("\r\n  lts/*\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{".node-version": text})
		ask, err := version.File(dir, ".node-version")
		if err != nil || strings.Join(strings.Fields(ask.Text), " ") != ask.Text || strings.Contains(ask.Text, "#") {
			t.Errorf("%+v, %v", ask, err)
		}
	})
}

// FuzzSemantic reads ranges of versions: each is true or false of a version, and says the same of it again.
func FuzzSemantic(f *testing.F) {
	for _, text := range []string{"^22.12 || >=24", "1.x - 2", "~1.2.3-beta.1", ">=1 <2, !=1.5", "*", "", "a"} {
		f.Add(text, "1.2.3")
	}
	f.Fuzz(func(t *testing.T, text, of string) {
		allows, again := version.Semantic(text), version.Semantic(text)
		if (allows == nil) != (again == nil) || allows != nil && allows(of) != again(of) {
			t.Errorf("%q says two things of %q", text, of)
		}
	})
}
