package java

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/project"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// others are the files by which an app with jars and without a build of Java is meant for another language.
var others = []string{
	"package.json", "index.html", "go.mod", "Cargo.toml", "composer.json", "Gemfile", "requirements.txt", "pyproject.toml", "setup.py",
	"Pipfile", "CMakeLists.txt", "meson.build", "Makefile", "mix.exs",
}

// ready are files by which a folder has an app that needs no build, besides jars and WARs.
var ready = []string{"META-INF/MANIFEST.MF", "WEB-INF/web.xml", "quarkus-run.jar", "quarkus-app/quarkus-run.jar"}

// Detect takes part in apps that a build tool of Java builds, and in apps of jars and WARs that no other language is meant for.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	found, err := find(in.Workspace)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if found == "" {
		return bp.Fail("no pom.xml, build.gradle, build.sbt or project.clj, and no jar or WAR"), nil
	}
	var tools []string
	p, err := decide(in.Workspace)
	if p.project.Android {
		return bp.Fail(p.project.File + " is of an Android app, which no image runs"), nil
	}
	if err == nil { // the build says what is wrong with the app
		tools = p.tools()
	}
	return bp.Pass(found+" found", procfile.Offer(in.AppDir, bp.Plan{
		Provides: []string{"java"}, Requires: []bp.Entry{bp.Tools("java", tools...), launchhelper.Required()},
	})...), nil
}

// find returns the file by which an app is one of Java, "" if it is none.
func find(in bp.Workspace) (string, error) {
	for _, name := range []string{artifact.Variable, "BP_MAVEN_POM_FILE", "BP_GRADLE_BUILD_FILE"} {
		value, set, err := in.Config.Lookup(name)
		if err != nil {
			return "", err
		}
		if set {
			return value + " in " + name, nil
		}
	}
	entries, err := os.ReadDir(in.AppDir)
	if err != nil {
		return "", fmt.Errorf("looking for files of Java: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	for _, name := range project.Files {
		if slices.Contains(names, name) {
			return name, nil
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(others, name) }) {
		return "", nil
	}
	for _, name := range names {
		if kind := strings.ToLower(path.Ext(name)); kind == ".jar" || kind == ".war" {
			return name, nil
		}
	}
	for _, name := range ready {
		_, err := os.Stat(filepath.Join(in.AppDir, filepath.FromSlash(name)))
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("looking for files of Java: %w", err)
		}
	}
	return scripted(in.AppDir)
}

// scripted returns the first jar of an app that has start scripts in bin and jars in lib, as Gradle and sbt make it, "" if it is none.
func scripted(app string) (string, error) {
	bin, err := os.Stat(filepath.Join(app, "bin"))
	if err != nil || !bin.IsDir() {
		return "", nil
	}
	jars, err := filepath.Glob(filepath.Join(app, "lib", "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", err
	}
	return "lib/" + filepath.Base(jars[0]), nil
}
