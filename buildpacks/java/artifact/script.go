package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// started is what a start script says. The scripts are those that Gradle's plugin application, Maven's Appassembler and sbt's Native
// Packager write; all set one variable to the class path, and name the class behind it or in a variable.
type started struct {
	main      string
	classPath []string // relative to the distribution
	options   []string // of Java
	args      []string // of the class
}

var (
	// afterPath matches the class that a script starts: the first word behind the class path that is no option.
	afterPath = regexp.MustCompile(`\s-(?:cp|classpath|-class-path)\s+\S+\s+(?:-\S+\s+)*([A-Za-z_]\w*(?:\.\w+(?:\$\w+)*)*)(?:\s|$)`)
	// mainClass matches the variable that sbt's scripts have it in.
	mainClass = regexp.MustCompile(`(?m)^declare -[ar] app_mainclass=[("]*([\w.$]+)[)"]*\s*$`)
	// pathVariable matches where a script sets the class path.
	pathVariable = regexp.MustCompile(`(?m)^\s*(?:declare -r )?(?:CLASSPATH|app_classpath)=(\S+)\s*$`)
	// repository matches where a script of the Appassembler says what folder libraries are in.
	repository = regexp.MustCompile(`(?m)^\s*REPO="?\$\{?BASEDIR\}?"?/(\S+?)"?\s*$`)
	// defaultOptions matches the options that a script has.
	defaultOptions = regexp.MustCompile(`(?m)^\s*DEFAULT_JVM_OPTS='(.*)'\s*$`)
	// ownOptions matches the options that a script of the Appassembler has, between those of users and the class path.
	ownOptions = regexp.MustCompile(`(?m)^\s*exec "\$JAVACMD" \$JAVA_OPTS\s+(.*?)\s*-classpath\s`)
	// home matches a variable that holds the folder of the distribution, or that of its libraries, at the beginning of a path.
	home = regexp.MustCompile(`^"?\$\{?(APP_HOME|BASEDIR|app_home|lib_dir|REPO)\}?"?/`)
)

// readScript reads a start script, and reports whether it is one of a program in Java.
func readScript(text string) (started, bool) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	var s started
	for _, pattern := range []*regexp.Regexp{mainClass, afterPath} {
		if found := pattern.FindStringSubmatch(text); found != nil && s.main == "" {
			s.main = found[1]
		}
	}
	libraries := "lib"
	if found := repository.FindStringSubmatch(text); found != nil {
		libraries = found[1]
	}
	for _, found := range pathVariable.FindAllStringSubmatch(text, -1) {
		value := strings.Trim(found[1], `"`)
		if strings.Contains(value, "$CLASSPATH") {
			continue
		}
		var paths []string
		for entry := range strings.SplitSeq(value, ":") {
			at := home.FindStringSubmatch(entry)
			if at == nil {
				continue // what users may put before it
			}
			rest := strings.ReplaceAll(strings.TrimPrefix(entry, at[0]), `"`, "")
			if at[1] == "lib_dir" || at[1] == "REPO" {
				rest = libraries + "/" + rest
			}
			if rest = path.Clean(rest); rest != "." && filepath.IsLocal(rest) {
				paths = append(paths, rest)
			}
		}
		if len(paths) > 0 {
			s.classPath = paths
		}
	}
	for _, pattern := range []*regexp.Regexp{defaultOptions, ownOptions} {
		found := pattern.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		words, err := shell.Split(found[1])
		if err != nil {
			return s, false
		}
		words = slices.DeleteFunc(words, func(word string) bool { return strings.Contains(word, "$") }) // of folders that are elsewhere
		s.options = append(s.options, words...)
	}
	return s, s.main != "" && len(s.classPath) > 0
}

// IsScript reports whether a file of the app's folder is a start script of a program in Java.
func IsScript(app, file string) (bool, error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return false, err
	}
	defer root.Close()
	text, err := tree.ReadIn(root, file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	_, is := readScript(string(text))
	return is, err
}

// distribution has the start scripts of a folder, or of an archive of one, by their paths.
type distribution struct {
	prefix  string // the folder within it that has all, "name/", "" for itself
	names   []string
	scripts map[string]started
}

// readDistribution finds the start scripts of a distribution: those of the first folder bin that has any.
func readDistribution(a *archive) (distribution, error) {
	d := distribution{scripts: map[string]started{}}
	for _, m := range a.members {
		parts := strings.Split(m.Name, "/")
		if len(parts) < 2 || len(parts) > 3 || parts[len(parts)-2] != "bin" || path.Ext(m.Name) == ".bat" || m.Size > 1<<20 {
			continue
		}
		prefix := strings.TrimSuffix(m.Name, "bin/"+path.Base(m.Name))
		if len(d.names) > 0 && prefix != d.prefix || !slices.ContainsFunc(a.members, func(l member) bool {
			return strings.HasPrefix(l.Name, prefix) && path.Ext(l.Name) == ".jar" && !strings.HasPrefix(l.Name, prefix+"bin/")
		}) {
			continue
		}
		text, err := m.small()
		if err != nil {
			return d, jarFault(m.String(), "it cannot be read", err)
		}
		if s, ok := readScript(string(text)); ok {
			d.prefix, d.names, d.scripts[m.Name] = prefix, append(d.names, m.Name), s
		}
	}
	slices.Sort(d.names)
	return d, nil
}

// isDistribution reports whether a folder of the app's has a start script beside libraries.
func isDistribution(root *os.Root, name string) (bool, error) {
	for _, inner := range []string{"bin", "lib"} {
		if info, err := root.Stat(path.Join(name, inner)); err != nil || !info.IsDir() {
			return false, nil //nolint:nilerr // it is none
		}
	}
	a, err := openFolder(root, name)
	if err != nil {
		return false, err
	}
	d, err := readDistribution(a)
	return len(d.names) > 0 && d.prefix == "", errors.Join(err, a.close())
}

// layScript lays out a distribution.
func (a *Artifact) layScript(dist *archive, c candidate) error {
	d, err := readDistribution(dist)
	if err != nil {
		return err
	}
	name, err := d.main(c)
	if err != nil {
		return err
	}
	s := d.scripts[name]
	ini, err := dist.read(d.prefix + "conf/application.ini")
	if err != nil {
		return err
	}
	s.readOptions(string(ini))
	a.script, a.args = path.Join(c.path, name), s.args
	a.Kind, a.main, a.options = "start script "+name, s.main, s.options
	var all []file
	for _, one := range s.classPath {
		at, there := dist.index[d.prefix+one]
		inside := dist.under(d.prefix + one + "/")
		switch {
		case there:
			m := dist.members[at]
			all = append(all, file{member: m, layer: layerOf(one), to: one, onPath: true})
		case len(inside) > 0:
			to := path.Join("classes", one)
			all = append(all, file{layer: application, to: to, onPath: true, folder: true})
			for _, m := range inside {
				all = append(all, file{member: m, layer: application, to: path.Join(to, strings.TrimPrefix(m.Name, d.prefix+one+"/"))})
			}
		default:
			a.missing = append(a.missing, one)
		}
	}
	a.files = place(all)
	return a.ownLast(name)
}

// ownLast gives the library that has the class which is started to the application's layer: it is the app.
func (a *Artifact) ownLast(script string) error {
	class := strings.ReplaceAll(a.main, ".", "/") + ".class"
	for i, f := range a.files {
		if !f.isJar() {
			continue
		}
		jar, err := f.jar(a.spool)
		if err != nil {
			return err
		}
		a.open = append(a.open, jar)
		if jar.has(class) {
			a.files[i].layer = application
			return nil
		}
	}
	return fault.Fault{ID: "java-script-class", What: fmt.Sprintf("%s starts the class %s, which is in none of its libraries", script, a.main),
		Do: "build the distribution again, or name another file in " + Variable}
}

// classes returns the class that a distribution starts, and one of a library that is not the app's own, "" if there is none.
func (d distribution) classes(a *archive, c candidate, s *spool) (main, library string, err error) {
	name, err := d.main(c)
	if err != nil {
		return "", "", nil //nolint:nilerr // it is said when the distribution is the one to start
	}
	main = d.scripts[name].main
	for _, one := range d.scripts[name].classPath {
		at, found := a.index[d.prefix+one]
		if !found || path.Ext(one) != ".jar" {
			continue
		}
		jar, err := a.members[at].jar(s)
		if err != nil {
			return "", "", err
		}
		if !jar.has(strings.ReplaceAll(main, ".", "/") + ".class") {
			for _, m := range jar.members {
				if path.Ext(m.Name) == ".class" && !newerOnly.MatchString(m.Name) {
					library = m.Name
				}
			}
		}
		if err := jar.close(); err != nil || library != "" {
			return main, library, err
		}
	}
	return main, "", nil
}

// readOptions reads the file conf/application.ini of sbt's scripts: a line has an option of Java behind -J, a property, or an argument of
// the class.
func (s *started) readOptions(ini string) {
	for line := range strings.Lines(ini) {
		line = strings.TrimSpace(line)
		option, ofJava := strings.CutPrefix(line, "-J")
		switch {
		case line == "" || strings.HasPrefix(line, "#") || strings.Contains(line, "$"):
		case ofJava || strings.HasPrefix(line, "-D"):
			s.options = append(s.options, option)
		default:
			s.args = append(s.args, line)
		}
	}
}

// main returns the name of the script that the distribution is named after, or of the only one.
func (d distribution) main(c candidate) (string, error) {
	file := c.path
	if c.script != "" && slices.Contains(d.names, c.script) {
		return c.script, nil
	}
	folder := strings.TrimSuffix(path.Base(path.Join(file, d.prefix)), path.Ext(file))
	named := ""
	for _, name := range d.names {
		base := path.Base(name)
		if base == folder || strings.HasPrefix(folder, base+"-") && len(base) > len(path.Base(named)) {
			named = name
		}
		if base == folder {
			break
		}
	}
	switch {
	case named != "":
		return named, nil
	case len(d.names) == 1:
		return d.names[0], nil
	}
	return "", fault.Fault{ID: "java-artifact-several", What: "the distribution " + file + " has more than one start script: " + list(d.names),
		Do: "name one in " + Variable + ", as " + path.Join(file, d.names[0])}
}
