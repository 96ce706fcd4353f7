package artifact

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// FuzzJar takes anything for a jar: what is wrong with it is a fault, and no file of a layer has a path that leads out.
func FuzzJar(f *testing.F) {
	dir := f.TempDir()
	for i, entries := range [][]jarEntry{
		{{name: manifestName, data: []byte("Main-Class: A\n")}, {name: "A.class", data: []byte("A")}},
		{{name: "WEB-INF/lib/../a.jar", data: []byte("A")}},
		{{name: manifestName, data: []byte("Main-Class: org.springframework.boot.loader.JarLauncher\nStart-Class: A\n")},
			{name: "BOOT-INF/classpath.idx", data: []byte("- \"BOOT-INF/lib/../a.jar\"\n")}, {name: "BOOT-INF/lib/a.jar", data: []byte("PK")}},
		{{name: "a/bin/a", data: []byte("CLASSPATH=$APP_HOME/../a.jar:$APP_HOME/b.jar\njava -cp $CLASSPATH A \n")},
			{name: "a/b.jar", data: []byte("PK")}},
	} {
		at := filepath.Join(dir, string(rune('a'+i)))
		if err := writeJar(at, entries); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(at)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		app := t.TempDir()
		if err := os.WriteFile(filepath.Join(app, "a.jar"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		a, err := Find(app, nil, Settings{})
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		for _, one := range a.files {
			if !filepath.IsLocal(one.to) || !slices.Contains([]string{dependencies, snapshots, application}, one.layer) {
				t.Errorf("%s is at %q in %s", one, one.to, one.layer)
			}
			if _, _, _, err := a.look(one, app); err != nil {
				kittest.Fault(t, err)
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzManifest reads manifests: what is read is written and read again the same, in lines of 72 bytes.
func FuzzManifest(f *testing.F) {
	f.Add([]byte("Manifest-Version: 1.0\r\nClass-Path: a.jar b\r\n .jar\r\n\r\nName: x\r\n"))
	f.Add([]byte(strings.Repeat("a", 100) + ":" + strings.Repeat("b", 100) + "\r \n :\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := readManifest(data)
		text := m.text()
		for line := range strings.SplitSeq(string(text), "\r\n") {
			if len(line) > maxLine {
				t.Errorf("a line has %d bytes: %q", len(line), line)
			}
		}
		again := readManifest(text)
		for _, one := range m {
			if m.get(one.name) != again.get(one.name) {
				t.Errorf("%q is %q, and then %q", one.name, m.get(one.name), again.get(one.name))
			}
		}
	})
}

// FuzzScript reads start scripts: the class is a name, and the class path stays in the distribution.
func FuzzScript(f *testing.F) {
	f.Add("CLASSPATH=$APP_HOME/lib/a.jar:$APP_HOME/../b.jar\nexec java -classpath \"$CLASSPATH\" \\\n -Dx=y \\\n  com.example.App \"$@\"\n")
	f.Add("declare -r app_mainclass=\"A\"\ndeclare -r app_classpath=\"$lib_dir/../conf:$lib_dir/../../x:$lib_dir/a.jar\"\n")
	f.Add("REPO=\"$BASEDIR\"/repo\nDEFAULT_JVM_OPTS='\"-Xmx1g\" '\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := readScript(text)
		if ok && (s.main == "" || strings.ContainsAny(s.main, " /-\n") || len(s.classPath) == 0) {
			t.Errorf("%+v", s)
		}
		for _, one := range s.classPath {
			if !filepath.IsLocal(one) {
				t.Errorf("the class path leads out: %q", one)
			}
		}
	})
}
