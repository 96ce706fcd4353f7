// Package project reads what the build files of an app in Java say: which tool builds it, in which version, for which Java, and where the
// tool leaves what it makes. It reads files alone and runs nothing.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// Tools that build apps, as people write them.
const (
	Maven     = "Maven"
	Gradle    = "Gradle"
	SBT       = "sbt"
	Leiningen = "Leiningen"
)

// Settings are the variables that say how an app is built. They have the names that Paketo's users know.
type Settings struct {
	MavenVersion    string   `config:"BP_MAVEN_VERSION"`
	MavenArguments  []string `config:"BP_MAVEN_BUILD_ARGUMENTS,argv"`
	MavenAdditional []string `config:"BP_MAVEN_ADDITIONAL_BUILD_ARGUMENTS,argv"`
	MavenProfiles   []string `config:"BP_MAVEN_ACTIVE_PROFILES,names"`
	MavenModule     string   `config:"BP_MAVEN_BUILT_MODULE"`
	MavenArtifact   []string `config:"BP_MAVEN_BUILT_ARTIFACT,argv"`
	MavenFile       string   `config:"BP_MAVEN_POM_FILE"`
	MavenSettings   string   `config:"BP_MAVEN_SETTINGS_PATH"`

	GradleArguments  []string `config:"BP_GRADLE_BUILD_ARGUMENTS,argv"`
	GradleAdditional []string `config:"BP_GRADLE_ADDITIONAL_BUILD_ARGUMENTS,argv"`
	GradleModule     string   `config:"BP_GRADLE_BUILT_MODULE"`
	GradleArtifact   []string `config:"BP_GRADLE_BUILT_ARTIFACT,argv"`
	GradleFile       string   `config:"BP_GRADLE_BUILD_FILE"`
	GradleScript     string   `config:"BP_GRADLE_INIT_SCRIPT_PATH"`

	InstallNode bool `config:"BP_JAVA_INSTALL_NODE"`

	SBTArguments []string `config:"BP_SBT_BUILD_ARGUMENTS,argv"`
	SBTModule    string   `config:"BP_SBT_BUILT_MODULE"`
	SBTArtifact  []string `config:"BP_SBT_BUILT_ARTIFACT,argv"`
}

// Project is what is known of an app before it is built. Paths are slash paths within the app.
type Project struct {
	Settings
	Tool    string // "" for an app without a build
	File    string // the build file; "" for an app without one
	Ask     version.Ask
	Wrapper Wrapper // the release of the tool that the app names

	// Outputs match the files and folders that may be what the app is started from: patterns of path.Match, those before others that go
	// before them.
	Outputs []string
	Modules []string // folders of the modules that the build is of, "." first; of a tool that says so
	Notes   []string // what the log says, a line each
	Files   []string // that were read and say what is built, besides the source
	Tasks   []string // what is asked of the tool besides the usual, as the files want it
	Android bool     // the build is of an Android app and of nothing else
	Moving  bool     // the files name what is another one from day to day: snapshots, ranges
	Dated   bool     // the files say themselves which time archives have
	Node    Node     // what the build wants of Node.js

	java ages
}

// Node is the Node.js that a build of a front end runs with. Plugins would download one by themselves.
type Node struct {
	Wanted  bool
	Ask     version.Ask // which release
	Other   string      // a goal of a plugin that downloads something else, with its file; "" for none
	Folders []string    // in which a plugin looks for node/node, as slash paths within the app
}

// Wrapper is a release of a build tool as the wrapper's properties name it. They are the app's, so what they name is only taken if it is
// what others vouch for.
type Wrapper struct {
	File    string // the file of properties; "" without one
	Version string // "3.9.16"; "" if the address names none
	Archive string // name of the archive: "apache-maven-3.9.16-bin.zip"
	SHA256  string // of the archive in lower case, "" if it is not named
}

// Java returns what the app asks of Java, if it does: the least release and the newest, or the only one. Files of version managers are
// none of this package's.
func (p Project) Java() []version.Ask { return p.java.asks() }

// Find reads the build files of an app. The one that a setting names goes before others, then Maven before Gradle, sbt and
// Leiningen.
func Find(app string, s Settings) (Project, error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return Project{}, err
	}
	defer root.Close()
	r := &reader{root: root}
	file, err := r.buildFile(s)
	if err != nil || file == "" {
		return Project{}, err
	}
	var p Project
	switch name := path.Base(file); {
	case file == s.GradleFile, strings.HasPrefix(name, "build.gradle"), strings.HasPrefix(name, "settings.gradle"):
		p, err = r.gradle(file, s)
	case name == "build.sbt":
		p, err = r.sbt(file, s)
	case name == "project.clj":
		p, err = r.leiningen(file)
	default:
		p, err = r.maven(file, s)
	}
	if err != nil {
		return Project{}, err
	}
	p.Settings, p.Files, p.Node.Wanted = s, r.files, p.Node.Wanted || s.InstallNode
	for _, other := range []string{"pom.xml", "build.gradle", "build.gradle.kts", "build.sbt", "project.clj"} {
		if other != p.File && path.Base(other) != path.Base(p.File) && s.MavenFile == "" && s.GradleFile == "" && r.has(other) &&
			!strings.HasPrefix(p.File, "build.gradle") {
			p.Notes = append(p.Notes, other+" is left out, as "+p.File+" goes before it")
		}
	}
	return p, nil
}

// Files are the names of build files, the first before the others.
var Files = []string{
	"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "build.sbt", "project.clj",
	"pom.yml", "pom.yaml", "pom.groovy", "pom.kts", "pom.scala", "pom.atom", // poms of the extension polyglot
}

// buildFile returns the file that says how the app is built, "" if there is none.
func (r *reader) buildFile(s Settings) (string, error) {
	for _, asked := range []struct{ name, variable string }{
		{s.MavenFile, "BP_MAVEN_POM_FILE"}, {s.GradleFile, "BP_GRADLE_BUILD_FILE"},
	} {
		if asked.name == "" || asked.name == "pom.xml" {
			continue
		}
		if !filepath.IsLocal(asked.name) || !r.has(asked.name) {
			return "", fault.Fault{ID: "java-build-file", What: fmt.Sprintf("%s is %q, and the app has no such file", asked.variable, asked.name),
				Do: "name a file by its path within the app"}
		}
		name := path.Clean(asked.name)
		if asked.variable == "BP_GRADLE_BUILD_FILE" && !slices.Contains(Files[1:5], path.Base(name)) {
			return "", fault.Fault{ID: "java-gradle-file",
				What: fmt.Sprintf("BP_GRADLE_BUILD_FILE is %q, a name by which Gradle finds no build", name),
				Do:   "name the build.gradle or settings.gradle of a folder: newer releases of Gradle take no other"}
		}
		return name, nil
	}
	for _, name := range Files {
		if r.has(name) {
			return name, nil
		}
	}
	return "", nil
}

// reader reads files of an app.
type reader struct {
	root  *os.Root
	files []string // that were read
}

// has reports whether the app has a file of this path.
func (r *reader) has(name string) bool {
	info, err := r.root.Stat(filepath.FromSlash(name))
	return err == nil && info.Mode().IsRegular()
}

// isFolder reports whether the app has a folder of this path.
func (r *reader) isFolder(name string) bool {
	info, err := r.root.Stat(filepath.FromSlash(name))
	return err == nil && info.IsDir()
}

// read returns the text of a file, "" if there is none.
func (r *reader) read(name string) (string, error) {
	data, err := tree.ReadIn(r.root, filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if !slices.Contains(r.files, name) {
		r.files = append(r.files, name)
	}
	if err != nil && !errors.As(err, new(fault.Fault)) {
		err = fault.Fault{ID: "java-file", What: "cannot read " + name, Err: fault.WithoutPath(err), Do: "put a file of the app in its place"}
	}
	return string(data), err
}

// module returns the folder that a setting names, and a fault if the app does not have it.
func (r *reader) module(variable, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	clean := path.Clean(name)
	if !filepath.IsLocal(clean) || !r.isFolder(clean) {
		return "", fault.Fault{ID: "java-module", What: fmt.Sprintf("%s is %q, and the app has no such folder", variable, name),
			Do: "name the folder of a module by its path within the app"}
	}
	return clean, nil
}

// outputs returns the patterns of what modules leave: those that a setting names, from the app's folder on, or else the usual ones, in each
// module.
func outputs(variable string, named []string, modules []string, usual ...string) ([]string, error) {
	patterns := usual
	if len(named) > 0 {
		patterns, modules = named, []string{"."} // they are paths within the app, as Paketo has them
	}
	var all []string
	for _, pattern := range patterns {
		for _, module := range modules {
			whole := path.Join(module, pattern)
			if _, err := path.Match(whole, ""); err != nil || !filepath.IsLocal(whole) {
				return nil, fault.Fault{ID: "java-built-artifact", Do: "write it like " + usual[len(usual)-1],
					What: fmt.Sprintf("%s has %q, which is no pattern of paths within the app", variable, pattern)}
			}
			if !slices.Contains(all, whole) {
				all = append(all, whole)
			}
		}
	}
	return all, nil
}

// Made returns the folders that the build makes, in the order of modules. None of them is a module or above one.
func (p Project) Made() []string {
	names := map[string][]string{Maven: {"target"}, Gradle: {"build", ".gradle"}, SBT: {"target", "project/target", "project/project"}}[p.Tool]
	var made []string
	for _, module := range p.Modules {
		for _, name := range names {
			folder := path.Join(module, name)
			if !slices.ContainsFunc(append(p.Modules, p.File), func(other string) bool { return strings.HasPrefix(other+"/", folder+"/") }) {
				made = append(made, folder)
			}
		}
	}
	return made
}
