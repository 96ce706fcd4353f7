package artifact

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// The layers of an app, in the order in which they change.
const (
	tomcatLayer  = "tomcat"
	dependencies = "dependencies" // released libraries
	snapshots    = "snapshots"    // libraries whose versions are not released, and modules of the app's own build
	application  = "application"
)

// appJar is the name of the app's own jar in its layer, whatever it was called.
const appJar = "app.jar"

// layout says which files are in which layer, and how Java is started on them.
type layout struct {
	main    string
	files   []file            // those of the class path are in its order
	script  string            // the start script that all is read of
	args    []string          // of the class
	links   map[string]string // of the layer of dependencies: where they are, and the layer and path that they lead to
	options []string          // of Java
	missing []string          // what the class path names and is not there
	agent   string            // a class that "java -jar" would start before the app

	spring, war bool
	contextPath string
}

// file is a file of a layer, or one that is made for it of entries.
type file struct {
	member
	layer, to string
	onPath    bool
	folder    bool       // it is a folder of the class path, whose files come after it
	entries   []jarEntry // of a jar that is made
}

// isJar reports whether the file is a jar.
func (f file) isJar() bool { return strings.HasSuffix(f.to, ".jar") }

// lay decides where the files of a candidate go.
func (a *Artifact) lay(c candidate, s Settings) error {
	opened, err := openFile(a.app, c.path)
	if err != nil {
		return err
	}
	a.open = append(a.open, opened)
	switch c.kind {
	case boot:
		err = a.layBoot(opened, c)
	case quarkus:
		err = a.layQuarkus(opened)
	case war:
		a.contextPath = s.ContextPath
		a.layWAR(opened)
	case script:
		err = a.layScript(opened, c)
	case plain:
		err = a.layPlain(opened, c)
	}
	if err != nil {
		return err
	}
	return a.check()
}

// check refuses names of files that a class path cannot have, and two files of one name.
func (a *Artifact) check() error {
	seen := map[string]string{}
	for _, f := range a.files {
		at := f.layer + "/" + f.to
		if before, twice := seen[at]; twice {
			return fault.Fault{ID: "java-jar-twice", What: fmt.Sprintf("%s and %s are two files of one name", before, f), Do: "rename one of them"}
		}
		seen[at] = f.String()
		if _, err := cleanName(f.to); err != nil || f.onPath && strings.Contains(f.to, ":") {
			return fault.Fault{ID: "java-jar-name", What: fmt.Sprintf("a class path cannot have the file %q", f.String()),
				Do: "rename it, without colons and control characters"}
		}
	}
	return nil
}

// layerOf returns the layer of a library by its name.
func layerOf(name string) string {
	if strings.Contains(path.Base(name), "-SNAPSHOT") {
		return snapshots
	}
	return dependencies
}

// place gives the libraries of a class path their names in layers: their own, or their path where two have one name.
func place(files []file) []file {
	count := map[string]int{}
	for _, f := range files {
		count[path.Base(f.to)]++
	}
	for i, f := range files {
		switch base := path.Base(f.to); {
		case !f.onPath || f.folder:
		case count[base] == 1:
			files[i].to = base
		default:
			files[i].to = strings.ReplaceAll(strings.Trim(f.to, "./"), "/", "--")
		}
	}
	return files
}

// manifestOptions are the options of Java that "java -jar" takes from a manifest.
func manifestOptions(m manifest) []string {
	var options []string
	for _, kind := range []string{"Add-Exports", "Add-Opens"} {
		for one := range strings.FieldsSeq(m.get(kind)) {
			options = append(options, "--"+strings.ToLower(kind)+"="+one+"=ALL-UNNAMED")
		}
	}
	if m.get("Enable-Native-Access") != "" {
		options = append(options, "--enable-native-access=ALL-UNNAMED")
	}
	return options
}

// layPlain lays out a jar with a Main-Class, with the files beside it that its Class-Path names. A folder becomes a jar.
func (a *Artifact) layPlain(jar *archive, c candidate) error {
	a.Kind, a.main, a.options = "jar", c.manifest.get("Main-Class"), manifestOptions(c.manifest)
	a.agent = c.manifest.get("Launcher-Agent-Class")
	app := file{layer: application, to: appJar, onPath: true}
	if len(jar.members) > 0 && jar.members[0].root != nil {
		a.Kind = "unpacked jar"
		for _, m := range jar.members {
			app.entries = append(app.entries, jarEntry{name: m.Name, member: m})
		}
	} else {
		info, err := a.app.Stat(c.path)
		if err != nil {
			return err
		}
		app.member = fileIn(a.app, c.path, info.Size())
	}
	var names []string
	for entry := range strings.FieldsSeq(c.manifest.get("Class-Path")) {
		name, err := url.PathUnescape(entry)
		if err != nil || strings.Contains(entry, "://") || path.IsAbs(name) || strings.HasPrefix(name, "file:") {
			a.missing = append(a.missing, entry)
			continue
		}
		names = append(names, name)
	}
	found := a.libraries(path.Dir(c.path), names)
	if len(found) == 0 && len(a.missing) > 0 && a.Kind == "jar" {
		return fault.Fault{ID: "java-class-path", Do: "let the build copy the libraries beside the jar, or put them into it",
			What: "the manifest of " + c.path + " has a Class-Path, and nothing of it is there: " + list(a.missing)}
	}
	a.files = append(append(a.files, app), found...)
	return nil
}

// libraries returns the files that a class path names, relative to a folder of the app's. Folders are taken with all that is in them,
// except the folder itself.
func (a *Artifact) libraries(folder string, names []string) []file {
	var all []file
	seen := map[string]bool{}
	for _, name := range names {
		at := path.Join(folder, name)
		if seen[at] {
			continue
		}
		seen[at] = true
		info, err := a.app.Stat(at)
		switch {
		case err != nil:
			a.missing = append(a.missing, name)
		case info.IsDir() && at != folder:
			inside, err := openFolder(a.app, at)
			if err != nil {
				a.missing = append(a.missing, name)
				continue
			}
			a.open = append(a.open, inside)
			to := path.Join("classes", strings.ReplaceAll(name, "..", "_"))
			all = append(all, file{layer: application, to: to, onPath: true, folder: true})
			for _, m := range inside.members {
				all = append(all, file{member: m, layer: application, to: path.Join(to, m.Name)})
			}
		case info.Mode().IsRegular():
			all = append(all, file{member: fileIn(a.app, at, info.Size()), layer: layerOf(at), to: name, onPath: true})
		}
	}
	return place(all)
}

const (
	quarkusJar  = "quarkus-run.jar"
	quarkusMain = "io.quarkus.bootstrap.runner.QuarkusEntryPoint"
	quarkusApp  = "quarkus-app"
)

// layQuarkus lays out a folder quarkus-app. Quarkus finds the app from where its own libraries are, so the rest is linked beside these.
func (a *Artifact) layQuarkus(folder *archive) error {
	info, found := folder.index[quarkusJar]
	if !found {
		return fault.Fault{ID: "java-quarkus", What: folder.name + " has no " + quarkusJar, Do: "build the app again"}
	}
	run := folder.members[info]
	jar, err := run.jar(a.spool)
	if err != nil {
		return err
	}
	a.open = append(a.open, jar)
	data, err := jar.read(manifestName)
	if err != nil {
		return err
	}
	m := readManifest(data)
	a.Kind, a.main, a.options = "Quarkus", m.get("Main-Class"), manifestOptions(m)
	if a.main == "" {
		return fault.Fault{ID: "java-quarkus", What: run.String() + " has no Main-Class", Do: "build the app again"}
	}
	onPath := map[string]bool{}
	a.files = append(a.files, file{member: run, layer: application, to: quarkusJar, onPath: true})
	for name := range strings.FieldsSeq(m.get("Class-Path")) {
		at, found := folder.index[path.Clean(name)]
		if !found || onPath[path.Clean(name)] {
			continue
		}
		onPath[path.Clean(name)] = true
		a.files = append(a.files, file{member: folder.members[at], layer: dependencies, to: path.Join(quarkusApp, name), onPath: true})
	}
	a.links = map[string]string{quarkusApp + "/app": application + "/app", quarkusApp + "/quarkus": application + "/quarkus"}
	for _, one := range folder.members {
		switch top, _, _ := strings.Cut(one.Name, "/"); {
		case onPath[one.Name]:
		case top == "lib" && layerOf(one.Name) == dependencies:
			a.files = append(a.files, file{member: one, layer: dependencies, to: path.Join(quarkusApp, one.Name)})
		case top == "lib":
			a.files = append(a.files, file{member: one, layer: snapshots, to: path.Base(one.Name)})
			a.links[path.Join(quarkusApp, one.Name)] = snapshots + "/" + path.Base(one.Name)
		case top == "app" || top == "quarkus":
			a.files = append(a.files, file{member: one, layer: application, to: one.Name})
		}
	}
	return nil
}

// layWAR lays out a WAR that is no program: Tomcat is, and reads the libraries from where they are.
func (a *Artifact) layWAR(jar *archive) {
	a.Kind, a.main, a.war = "WAR", launcherClass, true
	for _, m := range jar.members {
		if strings.HasPrefix(m.Name, "META-INF/maven/") && path.Base(m.Name) == "pom.xml" {
			continue // it is source, and scanners read it as such
		}
		if path.Dir(m.Name) == "WEB-INF/lib" && path.Ext(m.Name) == ".jar" {
			a.files = append(a.files, file{member: m, layer: layerOf(m.Name), to: path.Base(m.Name)})
			continue
		}
		a.files = append(a.files, file{member: m, layer: application, to: "war/" + m.Name})
	}
}
