package startup

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// standIn is a Java that writes the files that it is told to.
const standIn = `
for word; do case $word in
-XX:AOTConfiguration=*|-XX:DumpLoadedClassList=*) [ "$main" = "" ] && file=${word#*=} ;;
-XX:AOTCache=*|-XX:SharedArchiveFile=*) archive=${word#*=} ;;
esac; done
case "$*" in
*-version*) [ -f "$archive" ] && [ ! -e "$HOME/strict" ] ;;
*" App "*) [ ! -e "$HOME/broken" ] && echo App >"$file" ;;
*) cp "$file" "$archive" 2>/dev/null || echo list >"$archive" ;;
esac`

// app returns a run of the stand-in, and the file by which it fails as a test says.
func app(t *testing.T) (Run, kittest.Tool) {
	t.Helper()
	dir := t.TempDir()
	java := kittest.NewTool(t, standIn)
	kittest.Write(t, dir, map[string]string{"jre/bin/java": java.Text(), "app/app.jar": "jar"})
	program := filepath.Join(dir, "jre/bin/java")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	return Run{
		Java: program, Options: []string{"-cp", filepath.Join(dir, "app/app.jar")}, Main: []string{"App", "x"}, Train: []string{"-Dx=y"},
		Folders: []string{filepath.Join(dir, "jre"), filepath.Join(dir, "app")}, Dir: dir, Log: report.New(io.Discard, report.Options{}),
		Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir},
	}, java
}

// TestMake has the calls of Java for each kind, the last one in the mode that takes no other archive, after all files have their times.
func TestMake(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind][]string{
		AOT: {
			"QUIET -XX:AOTMode=record -XX:AOTConfiguration=CACHE/app.aotconf -Dx=y -cp APP -Xms64m -Xmx1g App x",
			"QUIET -XX:AOTMode=create -XX:AOTConfiguration=CACHE/app.aotconf -XX:AOTCache=OUT/app.aot -cp APP -Xms64m -Xmx1g -XX:+UseSerialGC",
			"QUIET -XX:AOTMode=on -XX:AOTCache=OUT/app.aot -cp APP -Xms64m -Xmx1g -version",
		},
		CDS: {
			"QUIET -XX:DumpLoadedClassList=CACHE/classes.txt -Dx=y -cp APP -Xms64m -Xmx1g App x",
			"QUIET -Xshare:dump -XX:SharedClassListFile=CACHE/classes.txt -XX:SharedArchiveFile=OUT/app.jsa -cp APP -Xms64m -Xmx1g -XX:+UseSerialGC",
			"QUIET -Xshare:on -XX:SharedArchiveFile=OUT/app.jsa -cp APP -Xms64m -Xmx1g -version",
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r, java := app(t)
			out, cache := t.TempDir(), t.TempDir()
			if err := Make(t.Context(), r, kind, out, cache); err != nil {
				t.Fatal(err)
			}
			var got []string
			words := strings.NewReplacer(cache, "CACHE", out, "OUT", r.Options[1], "APP", strings.Join(quiet, " "), "QUIET")
			for _, call := range java.Calls(t) {
				got = append(got, words.Replace(strings.Join(call.Args, " ")))
			}
			if !slices.Equal(got, want) {
				t.Errorf("Java is called with\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if port := java.Calls(t)[0].Env["PORT"]; port == "" || port != java.Calls(t)[0].Env["SERVER_PORT"] {
				t.Errorf("the app is told of the port %q", port)
			}
			for _, name := range []string{r.Java, r.Options[1]} {
				if info, err := os.Stat(name); err != nil || !info.ModTime().Equal(exported) {
					t.Errorf("%s is of %v, %v", name, info.ModTime(), err)
				}
			}
			// With a list that is kept, the app is not run again.
			if err := Make(t.Context(), r, kind, t.TempDir(), cache); err != nil {
				t.Fatal(err)
			}
			if calls, want := len(java.Calls(t)), map[Kind]int{AOT: 6, CDS: 5}[kind]; calls != want {
				t.Errorf("Java was called %d times, want %d", calls, want)
			}
		})
	}
}

// TestFails has an app that does not start, and an archive that Java does not take.
func TestFails(t *testing.T) {
	t.Parallel()
	for file, id := range map[string]string{"broken": "java-training", "strict": "java-archive"} {
		for _, kind := range []Kind{AOT, CDS} {
			r, _ := app(t)
			kittest.Write(t, r.Dir, map[string]string{file: ""})
			err := Make(t.Context(), r, kind, t.TempDir(), t.TempDir())
			if f, is := errors.AsType[fault.Fault](err); !is || f.ID != id {
				t.Errorf("%s, %s: %v, want %s", file, kind, err, id)
			}
		}
	}
}
