package project_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// checkFile reads an app with one file. What is read has no path that leads out, and is read the same from the lines that it is
// written as.
func checkFile(t *testing.T, name, text string) {
	t.Helper()
	p, err := app(t, project.Settings{}, files{name: text, "lib/pyproject.toml": "[project]\n", "more.txt": "a\n"})
	if err != nil {
		kittest.Fault(t, err)
		return
	}
	in, err := p.Install()
	if err != nil {
		kittest.Fault(t, err)
		return
	}
	paths := slices.Concat(in.Wheels, in.Files)
	for _, r := range in.Requirements {
		if paths = append(paths, r.Local); r.Local == "" {
			paths = paths[:len(paths)-1]
		}
	}
	for _, one := range paths {
		if !filepath.IsLocal(one) {
			t.Errorf("%q is outside of the app", one)
		}
	}
	var lines string
	for _, r := range in.Requirements {
		lines += r.Line() + "\n"
	}
	again, err := app(t, project.Settings{}, files{"requirements.txt": lines})
	if err != nil {
		t.Fatal(err)
	}
	read, err := again.Install()
	if err != nil {
		t.Fatalf("%q is not read again: %v", lines, err)
	}
	clean := func(all []project.Requirement) (texts []string) {
		for _, r := range all {
			texts = append(texts, strings.Join(append([]string{r.Spec, r.Marker, r.Local}, r.Hashes...), "|"))
		}
		return texts
	}
	if diff := cmp.Diff(clean(in.Requirements), clean(read.Requirements)); diff != "" {
		t.Errorf("%q (-first +again):\n%s", lines, diff)
	}
}

func FuzzRequirements(f *testing.F) {
	f.Add("a==1 ; (python_version < '3' or os_name == \"x\") and extra != 'b' --hash=sha256:aa\n-e ./lib[x] # c\n-r more.txt\n-c more.txt\n")
	f.Add("a[b , c] (>=1,<2)\na @ file:./lib\nlib\n./lib/a.whl#x\ngit+ssh://a@b/c@d#egg=e&subdirectory=f\n-f ../x\n")
	f.Add("\xff\xfea\x00\n\x00")
	f.Add("a \\\r\n ==1\\\n# b\\\nc\n--pre\n-iX\n-r../x\n-e file:///etc\n")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "requirements.txt", text) })
}

func FuzzPoetry(f *testing.F) {
	f.Add(poetryLock)
	f.Add("[metadata]\nlock-version = \"2.1\"\n[[package]]\nname = \"\"\nversion = \"\\n-r\"\ngroups = \"main\"\nmarkers = {main = \"((\"}\n")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "poetry.lock", text) })
}

func FuzzPDM(f *testing.F) {
	f.Add("[metadata]\nstrategy = [\"inherit_metadata\"]\n[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = \"default\"\npath = \"../x\"\n")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "pdm.lock", text) })
}

func FuzzPipenv(f *testing.F) {
	f.Add(`{"default": {"a": {"version": "==1", "hashes": ["sha256:aa"], "markers": "os_name in 'a'"}, "b": {"path": "lib"}}}`)
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "Pipfile.lock", text) })
}

func FuzzPylock(f *testing.F) {
	f.Add("lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nmarker = \"'x' in extras\"\n" +
		"[[packages.wheels]]\nhashes = {sha256 = \"aa\"}\n")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "pylock.toml", text) })
}

func FuzzPyproject(f *testing.F) {
	f.Add("[project]\nname = \"a\"\ndependencies = [\"b>=1\", \"c @ file:../d\"]\n[build-system]\n")
	f.Add("[project]\ndependencies = 1\n[tool]\npoetry = 2\n")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, "pyproject.toml", text) })
}

// FuzzPython reads ranges of versions: each says the same of a version again, and a version that is wanted by name is in it.
func FuzzPython(f *testing.F) {
	f.Add(">=3.9,<4 || ~=3.12", "3.12.1")
	f.Add("cpython-3.12.1-linux", "3.12")
	f.Fuzz(func(t *testing.T, text, of string) {
		first, again := project.Python(text), project.Python(text)
		if (first == nil) != (again == nil) || first != nil && first[0].Allows(of) != again[0].Allows(of) {
			t.Errorf("%q says two things of %q", text, of)
		}
		if exact := project.Python("==" + of); exact != nil && !strings.Contains(of, ",") && !strings.ContainsAny(of,
			"*| ") && !exact[0].Allows(of) {
			t.Errorf("%q is not in ==%q", of, of)
		}
	})
}
