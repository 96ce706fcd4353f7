// Package artifact finds what is started of an app in Java, among the files that a build made or that the app consists of, and puts it into
// layers.
//
// It looks at files and not at frameworks: manifests, lists of Spring Boot and Quarkus, start scripts, which it reads and does not run.
// None of them is trusted.
package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Variable names what is started where there is more than one file to choose from.
const Variable = "BP_JAVA_ARTIFACT"

// Settings are the variables about what is started.
type Settings struct {
	Artifact    string `config:"BP_JAVA_ARTIFACT"`
	ContextPath string `config:"BP_TOMCAT_CONTEXT_PATH"`
}

// Artifact is what is started, with all files that it needs. Nothing has been written. Close closes its files.
type Artifact struct {
	Path   string // in the app's folder, "." for the folder itself
	Kind   string // for the log: "Spring Boot 3.5.0"
	Reason string // why this one: "BP_JAVA_ARTIFACT", "" for the only one

	layout
	app   *os.Root
	open  []*archive
	spool *spool
}

// Close closes the files of the artifact.
func (a *Artifact) Close() error {
	err := os.RemoveAll(a.spool.folder)
	for _, one := range a.open {
		err = errors.Join(err, one.close())
	}
	return errors.Join(err, a.app.Close())
}

// candidate is a file or folder that may be started.
type candidate struct {
	path     string
	kind     kind
	manifest manifest // of a jar
	main     string   // the class that is started
	script   string   // of a distribution: the start script that was named
	library  string   // of a distribution: a class of a library that is not the app's own
	why      string   // why it cannot be started, "" if it can
}

// kind is how something is started. Later ones are taken before the first.
type kind int

const (
	script  kind = iota // by a script in bin, beside lib
	plain               // a jar with a Main-Class
	boot                // a jar or a WAR of Spring Boot
	war                 // a WAR on Tomcat
	quarkus             // a folder quarkus-app
)

// Find finds what is started among files and folders that a build made, as paths in the app's folder with slashes. Without any it looks
// through the folder.
func Find(app string, candidates []string, s Settings) (*Artifact, error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return nil, err
	}
	a, err := find(root, candidates, s)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return a, nil
}

func find(root *os.Root, names []string, s Settings) (*Artifact, error) {
	names, reason, err := choose(root, names, s)
	if err != nil {
		return nil, err
	}
	a := &Artifact{Reason: reason, app: root}
	if a.spool, err = newSpool(); err != nil {
		return nil, err
	}
	if err := a.find(names, s); err != nil {
		for _, opened := range a.open {
			err = errors.Join(err, opened.close())
		}
		return nil, errors.Join(err, os.RemoveAll(a.spool.folder))
	}
	return a, nil
}

// find decides what is started, and lays it out.
func (a *Artifact) find(names []string, s Settings) error {
	var all []candidate
	for _, name := range names {
		c, err := a.probe(name)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	one, err := a.only(all, s)
	if err != nil {
		return err
	}
	a.Path = one.path
	return a.lay(one, s)
}

// choose returns the paths to look at, and why these.
func choose(root *os.Root, names []string, s Settings) ([]string, string, error) {
	if s.Artifact == "" && len(names) > 0 {
		return slices.DeleteFunc(slices.Clone(names), aside), "", nil
	}
	if s.Artifact == "" {
		found, err := look(root, aside)
		return found, "", err
	}
	pattern := path.Clean(s.Artifact)
	if _, err := path.Match(pattern, ""); err != nil || !fs.ValidPath(pattern) {
		return nil, "", fault.Fault{ID: "java-artifact-pattern", Do: "write it like target/app.jar or build/libs/*.jar",
			What: fmt.Sprintf("%s is %q, which is no path in the app's folder", Variable, s.Artifact)}
	}
	found, err := fs.Glob(root.FS(), pattern)
	if err != nil {
		return nil, "", err
	}
	if len(found) > 0 {
		return found, Variable, nil
	}
	if len(names) == 0 {
		if names, err = look(root, func(string) bool { return false }); err != nil {
			return nil, "", err
		}
	}
	do := "there is no jar and no WAR: let the build make one"
	if len(names) > 0 {
		do = "there is " + list(names)
	}
	return nil, "", fault.Fault{ID: "java-artifact-none", What: fmt.Sprintf("%s is %q, which is not there", Variable, s.Artifact), Do: do}
}

// besides matches the names of files that builds make beside what is started.
var besides = regexp.MustCompile(
	`(^original-.*|-(sources|javadoc|tests|test-sources|test-fixtures|plain|groovydoc|scaladoc|kdoc))\.[jw]ar$`)

func aside(name string) bool { return besides.MatchString(path.Base(name)) }

const (
	// maxDepth is how many folders deep files are looked for where no build says what it made.
	maxDepth = 6
	// maxFound is how many candidates are looked at. Folders of libraries have some hundred files.
	maxFound = 5000
)

// look looks through the app's folder: the folder itself may be a jar that was unpacked.
func look(root *os.Root, skip func(string) bool) ([]string, error) {
	for _, name := range []string{manifestName, "WEB-INF"} {
		if _, err := root.Stat(name); err == nil {
			return []string{"."}, nil
		}
	}
	var found []string
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch ext := path.Ext(name); {
		case entry.IsDir() && notLookedAt(name):
			return fs.SkipDir
		case entry.IsDir():
			_, err := root.Stat(path.Join(name, quarkusJar))
			whole := err == nil
			if !whole {
				if whole, err = isDistribution(root, name); err != nil {
					return err
				}
			}
			if whole {
				found = append(found, name)
				return fs.SkipDir
			}
		case (ext == ".jar" || ext == ".war") && entry.Type().IsRegular() && !skip(name) && len(found) < maxFound:
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

// notLookedAt reports whether nothing is looked for in a folder.
func notLookedAt(folder string) bool {
	base := path.Base(folder)
	return folder != "." && strings.HasPrefix(base, ".") || base == "node_modules" || strings.Count(folder, "/") == maxDepth
}

// probe finds out how a file or a folder is started.
func (a *Artifact) probe(name string) (candidate, error) {
	root := a.app
	c := candidate{path: name}
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fault.Fault{ID: "java-artifact-gone", What: name + " was to be started and is not there",
			Do: "name another file in " + Variable}
	}
	if err != nil {
		return c, err
	}
	if folder := path.Dir(name); path.Base(folder) == "bin" && path.Ext(name) == "" && !info.IsDir() {
		c.path, c.script = path.Dir(folder), path.Join("bin", path.Base(name))
		name = c.path
	}
	if info.IsDir() {
		if _, err := root.Stat(path.Join(name, quarkusJar)); err == nil {
			c.kind = quarkus
			return c, nil
		}
	}
	opened, err := openFile(root, name)
	if err != nil {
		return c, err
	}
	c, err = a.examine(c, opened)
	return c, errors.Join(err, opened.close())
}

// examine finds out how a distribution, a jar or a WAR is started.
func (a *Artifact) examine(c candidate, opened *archive) (candidate, error) {
	d, err := readDistribution(opened)
	if err != nil {
		return c, err
	}
	if len(d.names) > 0 {
		c.kind = script
		c.main, c.library, err = d.classes(opened, c, a.spool)
		return c, err
	}
	data, err := opened.read(manifestName)
	if err != nil {
		return c, err
	}
	c.manifest = readManifest(data)
	c.kind, c.why = kindOf(c.path, opened, c.manifest)
	c.main = c.manifest.get("Main-Class")
	if path.Base(c.path) == quarkusJar && c.kind == plain && c.main == quarkusMain {
		c.path, c.kind = path.Dir(c.path), quarkus
	}
	return c, nil
}

// kindOf returns the kind of a jar or a WAR, or why it cannot be started.
func kindOf(name string, a *archive, m manifest) (kind, string) {
	main := m.get("Main-Class")
	launcher := strings.HasSuffix(main, ".JarLauncher") || strings.HasSuffix(main, ".WarLauncher")
	switch {
	case strings.HasPrefix(main, bootLoader) && launcher && m.get("Start-Class") != "":
		return boot, ""
	case path.Ext(name) == ".war" || len(a.under("WEB-INF/")) > 0 && main == "":
		return war, ""
	case main == "":
		return plain, "its manifest has no Main-Class"
	}
	return plain, ""
}

// only returns the one candidate that can be started.
func (a *Artifact) only(all []candidate, s Settings) (candidate, error) {
	var start []candidate
	var not []string
	for _, c := range all {
		if c.why != "" {
			not = append(not, c.path)
			continue
		}
		start = append(start, c)
	}
	if len(start) == 0 {
		return candidate{}, noStart(not, s)
	}
	var left []candidate
	for _, c := range start {
		covered := false
		for _, other := range start {
			covers, err := a.covers(other, c)
			if err != nil {
				return candidate{}, err
			}
			covered = covered || covers
		}
		if !covered {
			left = append(left, c)
		}
	}
	if len(left) == 1 {
		return left[0], nil
	}
	var names []string
	for _, c := range left {
		names = append(names, c.path)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(strings.Count(a, "/")-strings.Count(b, "/"), strings.Compare(a, b))
	})
	return candidate{}, fault.Fault{ID: "java-artifact-several", What: "more than one file can be started: " + list(names),
		Do: "name one in " + Variable}
}

// whole matches what a build adds to the name of a jar that has all libraries in it.
var whole = regexp.MustCompile(`^-(all|app|boot|bundled|exec|fat|jar-with-dependencies|runner|shaded|standalone|uber|with-dependencies)$`)

// covers reports whether another candidate is a part of one, or the same without its libraries.
func (a *Artifact) covers(c, other candidate) (bool, error) {
	switch {
	case c.path == other.path:
		return false, nil
	case c.path != "." && strings.HasPrefix(other.path, c.path+"/"):
		return true, nil
	case other.kind == script && c.kind != script && c.kind != plain:
		return true, nil // a framework's own form goes before a script
	case c.kind == script && other.kind == script:
		return c.main == other.main && path.Ext(c.path) != ".zip" && path.Ext(other.path) == ".zip", nil
	case c.kind == script && other.kind == plain && c.main == other.main:
		whole, err := a.whole(other, c)
		return !whole, err
	case c.kind == plain && other.kind == script && c.main == other.main:
		return a.whole(c, other)
	}
	for entry := range strings.FieldsSeq(c.manifest.get("Class-Path")) {
		if path.Join(path.Dir(c.path), entry) == other.path {
			return true, nil
		}
	}
	more, longer := strings.CutPrefix(strings.TrimSuffix(c.path, path.Ext(c.path)), strings.TrimSuffix(other.path, path.Ext(other.path)))
	return longer && path.Ext(c.path) == path.Ext(other.path) && whole.MatchString(more), nil
}

// whole reports whether a jar has, or finds, the libraries of the distribution that starts the same class.
func (a *Artifact) whole(jar, distribution candidate) (bool, error) {
	if jar.manifest.get("Class-Path") != "" {
		return true, nil
	}
	opened, err := openFile(a.app, jar.path)
	if err != nil {
		return false, err
	}
	return distribution.library != "" && opened.has(distribution.library), opened.close()
}

// noStart returns the error of an app without anything to start.
func noStart(not []string, s Settings) error {
	if len(not) == 0 {
		return fault.Fault{ID: "java-artifact-nothing", What: "there is no jar, no WAR and no start script to start the app from",
			Do: "let the build make one, or name it in " + Variable}
	}
	do := "let the build write Main-Class into its META-INF/MANIFEST.MF"
	if s.Artifact == "" {
		do += ", or name what is started in " + Variable
	}
	if len(not) == 1 {
		return fault.Fault{ID: "java-main-class", What: "the manifest of " + not[0] + " has no Main-Class", Do: do}
	}
	return fault.Fault{ID: "java-main-class", What: "none of these jars has a Main-Class in its manifest: " + list(not), Do: do}
}

// maxListed is how many paths a message names.
const maxListed = 10

// list names paths in a message.
func list(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return strings.Join(names[:maxListed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
