package project_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// TestAsks names each place that asks for a version, in the order of precedence.
func TestAsks(t *testing.T) {
	t.Parallel()
	p, err := app(t, project.Settings{Path: "api"}, files{
		"api/.python-version": "3.12\n", ".python-version": "3.11\n", "runtime.txt": "python-3.12.1\n",
		"mise.toml":          "[tools]\npython = \"3.13\"\n",
		"api/.tool-versions": "python 3.10.1\n", "api/Pipfile": "[requires]\npython_version = \"3.9\"\npython_full_version = \"3.9.1\"\n",
		"api/pyproject.toml": "[project]\nrequires-python = \">=3.9\"\n[tool.poetry.dependencies]\npython = \"^3.10\"\n",
		"api/poetry.lock":    "[metadata]\npython-versions = \"^3.10\"\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	asks, err := p.Asks()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ask := range asks {
		got = append(got, ask.Text+" "+ask.From)
	}
	want := []string{
		"3.12 .python-version", "3.11 .python-version", ">=3.9 requires-python of pyproject.toml", "3.9.1 python_full_version of Pipfile",
		"3.9 python_version of Pipfile", "^3.10 python of pyproject.toml", "python-3.12.1 runtime.txt", "3.10.1 python of .tool-versions",
		"3.13 python of mise.toml", "^3.10 python-versions of poetry.lock",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asks (-want +got):\n%s", diff)
	}
}

// TestSingle has a single version go before ranges that allow it, and before no others.
func TestSingle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files files
		want  string
	}{
		"allowed":              {files{"pyproject.toml": requires(">=3.9,<3.13"), "runtime.txt": "python-3.11.2\n"}, "python-3.11.2"},
		"of a manager":         {files{"pyproject.toml": requires(">=3.9"), ".tool-versions": "python 3.12\n"}, "3.12"},
		"not allowed":          {files{"pyproject.toml": requires(">=3.12"), "runtime.txt": "python-3.11.2\n"}, ">=3.12"},
		"after a single one":   {files{".python-version": "3.12\n", "runtime.txt": "python-3.11.2\n"}, "3.12"},
		"the range is nothing": {files{"pyproject.toml": requires("any"), "runtime.txt": "python-3.11.2\n"}, "any"},
		"two ranges": {files{
			"pyproject.toml": requires(">=3.9"), "runtime.txt": ">=3.10\n", "mise.toml": "[tools]\npython = \"3.9\"\n",
		}, ">=3.9"},
	} {
		p, err := app(t, project.Settings{}, test.files)
		if err != nil {
			t.Fatal(err)
		}
		asks, err := p.Asks()
		if err != nil || len(asks) == 0 || asks[0].Text != test.want {
			t.Errorf("%s: %+v, %v; want %q first", name, asks, err, test.want)
		}
	}
}

func requires(versions string) string {
	return "[project]\nname = \"x\"\nrequires-python = \"" + versions + "\"\n"
}

// TestPython asks versions for each kind of range.
func TestPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // of 3.9.25 3.10.0 3.11.2 3.12.1 3.12.9 3.13.5 3.13.18 3.14.0
		"3.12": "3.12.1 3.12.9", "3.12.1": "3.12.1", "python-3.12.1": "3.12.1", "cpython-3.12.1-linux-x86_64-gnu": "3.12.1",
		"cpython@3.12": "3.12.1 3.12.9",
		"3.12.*":       "3.12.1 3.12.9", "==3.12.*": "3.12.1 3.12.9", "==3.12": "3.12.1 3.12.9", "===3.13.5": "3.13.5", "*": "all", "3": "all",
		">=3.12": "3.12.1 3.12.9 3.13.5 3.13.18 3.14.0", ">=3.11,<3.13": "3.11.2 3.12.1 3.12.9", ">= 3.11, < 3.12": "3.11.2",
		"~=3.12": "3.12.1 3.12.9 3.13.5 3.13.18 3.14.0", "~=3.13.4": "3.13.5 3.13.18", "^3.13": "3.13.5 3.13.18 3.14.0",
		"~3.12":           "3.12.1 3.12.9",
		"!=3.12.*,>=3.12": "3.13.5 3.13.18 3.14.0", "^3.9 <3.11": "3.9.25 3.10.0", "<3.10 || >=3.14": "3.9.25 3.14.0",
		"3.9.* | 3.14.*":        "3.9.25 3.14.0",
		">=3.13.0rc1,<3.14.0a0": "3.13.5 3.13.18", ">3.13.5": "3.13.18 3.14.0", "<=3.10": "3.9.25 3.10.0", "v3.10": "3.10.0",
		"python3.11": "3.11.2",
		"4":          "", "pypy3.10": "none", "myenv": "none", "": "none", ">=": "none", ">=3.*": "none", "3.12;": "none", "||": "none",
		"3.99999999999999999999": "none",
	} {
		all := strings.Fields("3.9.25 3.10.0 3.11.2 3.12.1 3.12.9 3.13.5 3.13.18 3.14.0")
		var got []string
		ranges := project.Python(text)
		for _, v := range all {
			if len(ranges) == 1 && ranges[0].Allows(v) {
				got = append(got, v)
			}
		}
		is := strings.Join(got, " ")
		if ranges == nil {
			is = "none"
		} else if len(got) == len(all) {
			is = "all"
		}
		if is != want {
			t.Errorf("%q is %q, want %q", text, is, want)
		}
	}
}
