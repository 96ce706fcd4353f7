package golang

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// fuzzModules reads the modules of an app: their folders are the app's, and an error is a fault.
func fuzzModules(f *testing.F, name string) {
	f.Helper()
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"lib/go.mod": "module example.test/lib\n", name: text})
		m, err := readModules(dir, nil)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		for _, one := range m.Members {
			folders := []string{one.Dir}
			for _, to := range one.Replaced {
				folders = append(folders, to)
			}
			if i := slices.IndexFunc(folders, func(to string) bool { return !filepath.IsLocal(to) }); i >= 0 {
				t.Errorf("%q is not in the app", folders[i])
			}
		}
		if strings.ContainsAny(m.Go+m.Toolchain+m.Heroku, " \n") {
			t.Errorf("%+v", m)
		}
		askLine(m, m.Go, "go line")
	})
}

func FuzzGoMod(f *testing.F) {
	f.Add("module example.test/app\n\ngo 1.26\n\ntoolchain go1.26.1\n\n" +
		"require example.test/lib v1.0.0\nreplace example.test/lib => ./lib\nignore ./x\n")
	f.Add("// +heroku goVersion go1.25\nmodule \"a\"\nrequire (\n\ta.test/b/v2 v2.0.0 // indirect\n)\nreplace a.test/b/v2 v2.0.0 => ../b\n")
	f.Add("module a\nretract [v1.0.0, v1.1.0]\nexclude b.test v1.0.0\ngodebug x=y\ntool z.test/c\nreplace a => /etc\nrequire a v0.0.0\n")
	fuzzModules(f, "go.mod")
}

func FuzzGoWork(f *testing.F) {
	f.Add("go 1.26\n\nuse ./lib\n\nreplace example.test/lib => ./lib\n")
	f.Add("use (\n\t../x\n\t.\n)\ntoolchain default\n")
	fuzzModules(f, "go.work")
}

// FuzzFlags reads flags of the go command: none is lost, and those for the linker are split as they were joined.
func FuzzFlags(f *testing.F) {
	for _, text := range []string{
		"-tags=a,b\n-gcflags\nall=-B\n-v", "-ldflags=-X 'a=b c'\n--race\n-o", "-\n--\n-=\n=", "-X\na=b c\n-Y\n'\n\"", "-X\na\rb\n",
		"./...\n-ldflags\nx",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\n")
		all := parseFlags(words)
		if diff := cmp.Diff(words, all.words()); diff != "" {
			t.Errorf("(-given +read):\n%s", diff)
		}
		if slices.ContainsFunc(all.without("tags"), func(o option) bool { return o.name == "tags" }) {
			t.Errorf("%q keeps its tags", words)
		}
		for _, libc := range []bp.Libc{bp.Static, bp.Glibc} {
			if err := all.check(libc, cgoAuto); err != nil {
				kittest.Fault(t, err)
			}
		}
		joined, err := joinFlags(words)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if diff := cmp.Diff(words, splitFlags(joined)); diff != "" {
			t.Errorf("%q (-given +split):\n%s", joined, diff)
		}
	})
}

// FuzzLinkerOutput reads what a linker says, of whose words those of an app's build are a part.
func FuzzLinkerOutput(f *testing.F) {
	for _, text := range []string{
		"# m\n/usr/lib/libz.a\n", "ld: a.o: in function `f':\nwarning: Using 'dlopen' in statically linked applications requires",
		"link: running gcc failed\ncannot find -lonig: No such file", "link: running gcc failed\nundefined reference to `x%s'",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		o := linkerOutput{}
		for _, line := range lines {
			if skipped := o.skip(line); !skipped && (len(o.held) > 0 || fileRead.MatchString(line)) {
				t.Errorf("%q is logged before %q, or is a file that was read", line, o.held)
			}
		}
		for i, file := range o.archives {
			if !slices.Contains(lines, file) || slices.Contains(o.archives[:i], file) {
				t.Errorf("%q is no line, or is there twice", file)
			}
		}
		why := o.unlinked()
		failed := slices.ContainsFunc(lines, hostLinker.MatchString)
		if failed && !slices.ContainsFunc(lines, stops.MatchString) && !slices.ContainsFunc(lines, noSpace.MatchString) && why == "" ||
			!failed && why != "" || strings.Contains(why, "\n") {
			t.Errorf("%q: the linker failed: %t, %q", text, failed, why)
		}
	})
}
