package artifact_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// The buildpack under test finds an artifact and places it. How it is started is the last line of its log.
func TestMain(m *testing.M) {
	detect := func(context.Context, bp.DetectContext) (bp.DetectResult, error) { return bp.Pass("always"), nil }
	kittest.Main(m, bp.Buildpack{ID: "strata/artifact", Build: build, Detect: detect})
}

type settings struct {
	artifact.Settings
	Keep    []string `config:"BP_KEEP_FILES,list"`
	Java    string   `config:"TEST_JAVA"`
	Built   []string `config:"TEST_BUILT,list"` // what a build made
	Inputs  string   `config:"TEST_INPUTS"`
	Central string   `config:"TEST_CENTRAL"`
	Ready   bool     `config:"TEST_READY"`
	Ecj     string   `config:"TEST_ECJ"` // the version for Tomcat 9 in the lock
}

// compile stands in for javac, as Tomcat's libraries are none here: -g:none -d FOLDER -cp PATH SOURCE.
func compile(_ context.Context, args ...string) error {
	if len(args) != 6 || args[1] != "-d" || !strings.Contains(args[4], "tomcat-embed-core") || filepath.Base(args[5]) != "War.java" {
		return fmt.Errorf("javac is called with %q", args)
	}
	if err := os.Mkdir(filepath.Join(args[2], "strata"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(args[2], "strata", "War.class"), []byte("class"), 0o644)
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	if err := in.Config.Decode(&s.Settings); err != nil {
		return bp.BuildResult{}, err
	}
	patterns, err := keep.Parse(s.Keep)
	if err != nil {
		return bp.BuildResult{}, err
	}
	release, err := strconv.Atoi(s.Java)
	if err != nil && s.Java != "" {
		return bp.BuildResult{}, err
	}
	r := artifact.Request{
		Ready: s.Ready, Java: release, Inputs: s.Inputs, Keep: patterns, Setting: "TEST_CENTRAL",
		Central: func() (string, error) { return s.Central, nil },
		JDK:     "jdk", Compile: compile,
	}
	if r.Lock, err = lock.Read(strings.ReplaceAll(testLock, "3.26", cmp.Or(s.Ecj, "3.26"))); err != nil {
		return bp.BuildResult{}, err
	}
	start, kept, err := artifact.Before(ctx, in, r)
	if err == nil && !kept {
		var a *artifact.Artifact
		if a, err = artifact.Find(in.AppDir, s.Built, s.Settings); err == nil {
			defer a.Close()
			start, err = artifact.Place(ctx, in, a, r)
		}
	}
	if err != nil {
		return bp.BuildResult{}, err
	}
	text, err := json.MarshalIndent(start, "    ", "  ")
	in.Log.Bullet("Start %s", text)
	return bp.BuildResult{}, err
}

type files = map[string]string

// jar returns a jar with files, which come by their names, the manifest first.
func jar(t testing.TB, content files) string {
	t.Helper()
	const manifest = "META-INF/MANIFEST.MF"
	names := slices.Sorted(maps.Keys(content))
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(first(b == manifest), first(a == manifest)) })
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		method := zip.Deflate
		if strings.HasSuffix(name, ".jar") {
			method = zip.Store // as Spring Boot has it
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write([]byte(content[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func first(is bool) string {
	if is {
		return "b"
	}
	return "a"
}

// manifest returns a MANIFEST.MF.
func manifest(lines ...string) string {
	return strings.Join(append([]string{"Manifest-Version: 1.0"}, lines...), "\r\n") + "\r\n\r\n"
}

// testLock has libraries of Tomcat, each of which a test's repository has as a file with its name alone.
var testLock = func() string {
	l := lock.Lock{Names: map[string]string{"ecj/11.0": "3.40", "ecj/10.1": "3.33", "ecj/9.0": "3.26"}}
	for _, id := range []string{
		"tomcat-embed-core", "tomcat-embed-el", "tomcat-embed-jasper", "tomcat-embed-websocket", "tomcat-annotations-api", "ecj",
	} {
		versions := []string{"11.0.12", "10.1.41", "9.0.106"}
		if id == "ecj" {
			versions = []string{"3.40", "3.33", "3.26"}
		}
		for _, v := range versions {
			sum := sha256.Sum256([]byte(id + "-" + v + ".jar"))
			l.Releases = append(l.Releases, lock.Release{
				ID: id, Version: v, PURL: "pkg:maven/org.example/" + id + "@" + v, Hash: "sha256:" + hex.EncodeToString(sum[:]),
			})
		}
	}
	return l.Text()
}()

// central returns the address of a repository that has the libraries of testLock.
func central(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l, err := lock.Read(testLock)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.Releases {
		name := r.ID + "-" + r.Version + ".jar"
		kittest.Write(t, dir, files{"org/example/" + r.ID + "/" + r.Version + "/" + name: name})
	}
	return "file://" + dir
}
