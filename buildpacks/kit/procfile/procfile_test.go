package procfile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

func TestMain(m *testing.M) {
	kittest.Main(m, bp.Buildpack{ID: "strata/sample", Detect: detect, Build: build})
}

// detect is that of strata/procfile, or of a language.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	if in.Env["LANGUAGE"] != "" {
		return bp.Pass("always", procfile.Offer(in.AppDir, bp.Plan{Provides: []string{"language"}})...), nil
	}
	return bp.Pass("always", procfile.Plan(in.AppDir)), nil
}

// build prints the processes that it is asked for, and leaves those that are not web.
func build(_ context.Context, in bp.BuildContext) (result bp.BuildResult, err error) {
	asked, err := procfile.Asked(in)
	for _, p := range asked {
		in.Log.Bullet("asked: %s", p.Type)
		if p.Type != "web" {
			result.Unmet = append(result.Unmet, p.Entry())
		}
	}
	return result, err
}

func sample(t *testing.T, text string) kittest.Case {
	t.Helper()
	dir, err := filepath.Abs("testdata/buildpack")
	if err != nil {
		t.Fatal(err)
	}
	return kittest.Case{App: map[string]string{procfile.Name: text}, Env: config.Environment{"CNB_BUILDPACK_DIR": dir}}
}

// TestRead reads Procfiles in every form: line, type, words and variables of each process.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"one":             {"web: server", []string{`1 web ["server"] map[]`}},
		"several":         {"# comment\n\nweb: server\n  # other\nworker: a b\n", []string{`3 web ["server"] map[]`, `5 worker ["a" "b"] map[]`}},
		"byte-order mark": {"\ufeffweb: npm start\n", []string{`1 web ["npm" "start"] map[]`}},
		"carriage return": {"web: server\r\nworker: queue\r\n", []string{`1 web ["server"] map[]`, `2 worker ["queue"] map[]`}},
		"spaces":          {" \tweb :\tserver  a ", []string{`1 web ["server" "a"] map[]`}},
		"no space":        {"web:server", []string{`1 web ["server"] map[]`}},
		"colons":          {"web: server http://localhost:80 a:b", []string{`1 web ["server" "http://localhost:80" "a:b"] map[]`}},
		"longest type":    {long(255) + ": x", []string{"1 " + long(255) + ` ["x"] map[]`}},
		"dots":            {"...: x", []string{`1 ... ["x"] map[]`}},
		"types":           {"rake.task_2-b: x", []string{`1 rake.task_2-b ["x"] map[]`}},
		"variables":       {"web: NODE_ENV=staging A='x y' npm start", []string{`1 web ["npm" "start"] map["A":"x y" "NODE_ENV":"staging"]`}},
		"env":             {"web: env A=1 server", []string{`1 web ["server"] map["A":"1"]`}},
		"exec":            {"web: A=1 exec server", []string{`1 web ["server"] map["A":"1"]`}},
		"list":            {"web: migrate && server -p ${PORT:-80}", []string{`1 web ["migrate" "&&" "server" "-p" "${PORT:-80}"] map[]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, map[string]string{procfile.Name: test.text})
			processes, err := procfile.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range processes {
				list, err := p.List()
				if err != nil {
					t.Fatal(err)
				}
				command, simple := list.Simple()
				if !simple {
					command.Words = list.Args()
				}
				got = append(got, fmt.Sprintf("%d %s %q %q", p.Line, p.Type, command.Words, command.Variables))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("processes (-want +got):\n%s", diff)
			}
		})
	}
	if processes, err := procfile.Read(t.TempDir()); processes != nil || err != nil {
		t.Errorf("without a Procfile: %v, %v", processes, err)
	}
}

func long(n int) string { return strings.Repeat("a", n) }

// TestFaults names line and column of what is wrong.
func TestFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web: a\nworker":       "Procfile line 2: \"worker\" is not a process; ",
		"we b: server":         "Procfile line 1: \"we b: server\" is not a process; ",
		"web: a\n..: b":        "Procfile line 2: the process name \"..\" cannot be a file's in the image: ",
		".: A=1 server":        "Procfile line 1: the process name \".\" cannot be a file's in the image: ",
		long(256) + ": server": "Procfile line 1: the process name \"" + long(40) + "\" cannot be a file's in the image: ",
		long(5000) + " server": "Procfile line 1: \"" + long(100) + "\" is not a process; ",
		"web:":                 "Procfile line 1: the process has no command; ",
		"web: A=1":             "Procfile line 1: the process has no command; ",
		"web: a\n\nweb: b":     "Procfile line 3: process web is on line 1 already; ",
		"# nothing\n":          "Procfile has no process; ",
		"":                     "Procfile has no process; ",
		"web: a\nworker: x 'a": "Procfile line 2, column 11: \"x 'a\" does not split into words: ",
		"  web:  server | tee": "Procfile line 1, column 16: | needs a shell, ",
		"\ufeffweb: server $1": "Procfile line 1, column 13: $1 needs a shell, ",
		"web: a && cd $DIR":    "Procfile line 1, column 11: cd $DIR needs a shell, ",
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{procfile.Name: text})
		processes, err := procfile.Read(dir)
		for _, p := range processes {
			if _, wrong := p.List(); wrong != nil {
				err = wrong
			}
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestPlan asks the group for each process, and lets a language offer to start them where strata/procfile is.
func TestPlan(t *testing.T) {
	t.Parallel()
	const text = "web: npm start\nworker: queue\n"
	type names = []struct{ Name string }
	type plan struct{ Provides, Requires names }
	own := names{{"strata/variables"}} // of every buildpack
	processes := names{{"procfile-web"}, {"procfile-worker"}, own[0]}
	faulty := names{{"procfile"}, own[0]}
	language := plan{names{{"language"}, own[0]}, own}
	for _, test := range []struct {
		text, language string
		want           []plan
	}{
		{text, "", []plan{{processes, processes}}},
		{text, "yes", []plan{{append(names{{"language"}}, processes...), own}, language}},
		{"web: migrate && server", "", []plan{{names{{"procfile-web"}, own[0]}, names{{"procfile-web"}, {"launch-helper"}, own[0]}}}},
		{"web: a\nworker: queue $A", "", []plan{{processes, names{{"procfile-web"}, {"procfile-worker"}, {"launch-helper"}, own[0]}}}},
		{"broken", "", []plan{{faulty, faulty}}},
		{"broken", "yes", []plan{{append(names{{"language"}}, faulty...), own}, language}},
	} {
		c := sample(t, test.text)
		c.Env["LANGUAGE"] = test.language
		detected := kittest.Detect(t, c)
		var got struct {
			plan
			Or []plan
		}
		if _, err := toml.Decode(detected.Plan, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, append([]plan{got.plan}, got.Or...)); diff != "" || detected.Code != 0 {
			t.Errorf("%q: code %d, plan (-want +got):\n%s", test.text, detected.Code, diff)
		}
	}
}

// TestAsked starts what the plan asks for, and leaves the rest to the next buildpack.
func TestAsked(t *testing.T) {
	t.Parallel()
	c := sample(t, "web: npm start\nworker: queue\nother: x\n")
	c.Plan = "[[entries]]\nname = \"procfile-web\"\n[[entries]]\nname = \"procfile-worker\"\n[[entries]]\nname = \"node\"\n"
	got := kittest.Build(t, c)
	if want := "Strata Sample 1.2.3\n    asked: web\n    asked: worker\n"; got.Log() != want {
		t.Errorf("got %q, want %q", got.Log(), want)
	}
	left, err := os.ReadFile(filepath.Join(got.Layers, "build.toml"))
	// libcnb writes Unmet, which the lifecycle takes for the unmet of the specification.
	if want := "[[unmet]]\n  name = \"procfile-worker\"\n"; err != nil || strings.ToLower(string(left)) != want {
		t.Errorf("left are %q, %v, want %q", left, err, want)
	}
}

// TestAskedFaulty says what is wrong with a Procfile to a group that starts it, and not to a group that does not.
func TestAskedFaulty(t *testing.T) {
	t.Parallel()
	c := sample(t, "web: a\nworker")
	if got := kittest.Build(t, c); got.Code != 0 {
		t.Errorf("in a group without strata/procfile: code %d: %s", got.Code, got.Log())
	}
	shell := sample(t, "web: npm start\nworker: a | b\n")
	shell.Plan = "[[entries]]\nname = \"procfile-web\"\n[[entries]]\nname = \"procfile-worker\"\n"
	if got := kittest.Build(t, shell); got.Code != 1 || !strings.Contains(got.Stderr, "Procfile line 2, column 11: | needs a shell") {
		t.Errorf("a process of another buildpack: code %d and %q", got.Code, got.Stderr)
	}
	c.Plan = "[[entries]]\nname = \"procfile\"\n"
	got := kittest.Build(t, c)
	if want := "Procfile line 2: \"worker\" is not a process"; got.Code != 1 || !strings.Contains(got.Stderr, want) {
		t.Errorf("code %d and %q, want %q", got.Code, got.Stderr, want)
	}
}
