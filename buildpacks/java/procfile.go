package java

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// startsOf is what a command of a Procfile starts of the app.
type startsOf struct {
	files []string // jars of a class path, or a jar, a WAR or a start script, as clean paths in the app's folder
	from  int      // the words that name it
	to    int
	main  bool // the jar's own main class
}

// runner matches the names of jars that serve a WAR, which their arguments name.
var runner = regexp.MustCompile(`^(webapp|jetty)-runner.*\.jar$`)

// starts returns what a command starts: java -jar FILE, java -cp FILES MAIN, or a start script in a folder bin, by itself or by a shell.
func starts(c shell.Command) (startsOf, bool) {
	texts := make([]string, len(c.Words))
	for i, word := range c.Words {
		texts[i], _ = word.Literal()
	}
	if len(texts) == 0 || texts[0] == "" {
		return startsOf{}, false
	}
	at := func(file string) string {
		if path.IsAbs(file) {
			return path.Clean(file)
		}
		return path.Join(c.Dir, file)
	}
	if program := path.Base(texts[0]); program != "java" {
		script := startsOf{to: 1, main: true}
		if len(texts) > 1 && slices.Contains([]string{"sh", "bash", "dash"}, program) {
			script.to = 2
		}
		file := at(texts[script.to-1])
		script.files = []string{file}
		return script, path.Base(path.Dir(file)) == "bin" && !path.IsAbs(file)
	}
	for i, option := range texts[:len(texts)-1] {
		value := texts[i+1]
		switch {
		case value == "":
		case option == "-jar":
			if last := at(texts[len(texts)-1]); runner.MatchString(path.Base(value)) && path.Ext(last) == ".war" {
				return startsOf{files: []string{last}, from: i, to: len(texts), main: true}, true
			}
			return startsOf{files: []string{at(value)}, from: i, to: i + 2, main: true}, true
		case slices.Contains([]string{"-cp", "-classpath", "--class-path"}, option):
			s := startsOf{from: i, to: i + 2}
			for file := range strings.SplitSeq(value, ":") {
				s.files = append(s.files, at(file))
			}
			return s, true
		}
	}
	return startsOf{}, false
}

// named returns the jar, the WAR or the start script that the Procfile's process web starts, if the app's folder has it: it says which one
// is meant.
func named(app string) (string, error) {
	processes, err := procfile.Read(app)
	if err != nil {
		return "", nil //nolint:nilerr // whoever starts the processes says it
	}
	for _, p := range processes {
		list, err := p.List()
		if err != nil || p.Type != "web" {
			continue
		}
		for _, c := range list {
			s, found := starts(c)
			if !found || len(s.files) != 1 || !filepath.IsLocal(s.files[0]) {
				continue
			}
			look := there
			if ext := path.Ext(s.files[0]); ext != ".jar" && ext != ".war" {
				look = artifact.IsScript
			}
			if is, err := look(app, s.files[0]); is || err != nil {
				return s.files[0], err
			}
		}
	}
	return "", nil
}

// there reports whether the app's folder has a file.
func there(app, file string) (bool, error) {
	_, err := os.Stat(filepath.Join(app, filepath.FromSlash(file)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// procfile returns the processes of the Procfile that start what the build has placed, and the entries of those that others start.
func (b build) procfile(start artifact.Start, java []string, where []string) (processes []bp.Process, unmet []string, err error) {
	asked, err := procfile.Asked(b.BuildContext)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range asked {
		list, err := p.List()
		if err != nil {
			return nil, nil, err
		}
		changed := false
		for i, c := range list {
			s, found := starts(c)
			if !found {
				continue
			}
			if kept, err := s.kept(b.AppDir); kept || err != nil {
				if err != nil {
					return nil, nil, err
				}
				continue
			}
			if !s.is(start) {
				return nil, nil, fault.Fault{ID: "java-procfile-file", Do: "name it in " + artifact.Variable + ", or remove the line",
					What: fmt.Sprintf("Procfile line %d starts %s, and the image has %s instead", p.Line, strings.Join(s.files, ":"),
						cmp.Or(start.Script, start.Artifact))}
			}
			list = slices.Clone(list)
			list[i].Words, list[i].Dir, changed = s.replace(c.Words, start, java, where), "", true
		}
		if !changed {
			unmet = append(unmet, p.Entry())
			continue
		}
		from := fmt.Sprintf("Procfile line %d", p.Line)
		b.Log.Decision("Starts "+p.Type, start.Main, from)
		processes = append(processes, bp.Process{
			Type: p.Type, Command: launchhelper.Run(b.BuildContext, list), From: from, Default: p.Type == "web",
		})
	}
	return processes, unmet, nil
}

// kept reports whether all files are in the image where they were, or will be: those of the app's folder that stay, and all outside of it.
func (s startsOf) kept(app string) (bool, error) {
	for _, file := range s.files {
		if path.IsAbs(file) {
			continue
		}
		is, err := there(app, strings.TrimSuffix(file, "/*"))
		if !is || err != nil {
			return false, err
		}
	}
	return true, nil
}

// is reports whether the files are what the image starts: the artifact, perhaps with libraries beside it, a file in it, or the start script
// that was read.
func (s startsOf) is(start artifact.Start) bool {
	return slices.ContainsFunc(s.files, func(file string) bool {
		if start.Script != "" {
			// A distribution may be read of a zip, and be unpacked in another folder.
			return file == start.Script || path.Ext(start.Artifact) == ".zip" && path.Base(file) == path.Base(start.Script)
		}
		return file == start.Artifact || path.Ext(file) == ".jar" && path.Dir(file) == start.Artifact
	})
}

// replace returns the words by which the image starts what words start. Options of the user come after those of the app.
func (s startsOf) replace(words []shell.Word, start artifact.Start, java, where []string) []shell.Word {
	quoted := func(texts []string) (all []shell.Word) {
		for _, text := range texts {
			all = append(all, shell.Quote(text))
		}
		return all
	}
	var main []shell.Word
	if s.main {
		main = quoted(append([]string{start.Main}, start.Args...))
	}
	own, rest := slices.Clone(words[min(1, s.from):s.from]), words[s.to:]
	if s.from == 0 { // a start script, which takes Java's options too
		for len(rest) > 0 && (strings.HasPrefix(string(rest[0]), "-D") || strings.HasPrefix(string(rest[0]), "-J")) {
			own, rest = append(own, shell.Word(strings.TrimPrefix(string(rest[0]), "-J"))), rest[1:]
		}
	}
	return slices.Concat(quoted(java), own, quoted(where), main, rest)
}
