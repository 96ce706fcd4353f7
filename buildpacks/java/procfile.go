package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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
	file string // jar or start script, as a clean path in the app's folder
	from int    // the words that name it
	to   int
	main bool // the jar's own main class
}

// starts returns what a command starts: java -jar FILE, java -cp FILE MAIN, or a start script in a folder bin.
func starts(words []shell.Word) (startsOf, bool) {
	if len(words) == 0 {
		return startsOf{}, false
	}
	program, literal := words[0].Literal()
	if !literal {
		return startsOf{}, false
	}
	if dir := path.Dir(program); path.Base(program) != "java" {
		return startsOf{file: path.Clean(program), to: 1, main: true}, path.Base(dir) == "bin" && !path.IsAbs(program)
	}
	for i, word := range words[:len(words)-1] {
		option, _ := word.Literal()
		file, literal := words[i+1].Literal()
		if slices.Contains([]string{"-jar", "-cp", "-classpath", "--class-path"}, option) {
			return startsOf{file: path.Clean(file), from: i, to: i + 2, main: option == "-jar"}, literal && !strings.Contains(file, ":")
		}
	}
	return startsOf{}, false
}

// named returns the jar that the Procfile's process web starts, if the app's folder has it: it says which one is meant.
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
			s, found := starts(c.Words)
			if !found || path.Ext(s.file) != ".jar" || !filepath.IsLocal(s.file) {
				continue
			}
			if is, err := there(app, s.file); is || err != nil {
				return s.file, err
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
			s, found := starts(c.Words)
			if !found {
				continue
			}
			if kept, err := there(b.AppDir, s.file); kept || err != nil {
				if err != nil {
					return nil, nil, err
				}
				continue
			}
			if !s.is(start) {
				return nil, nil, fault.Fault{ID: "java-procfile-file",
					What: fmt.Sprintf("Procfile line %d starts %s, and the image has %s instead", p.Line, s.file, start.Artifact),
					Do:   "name it in " + artifact.Variable + ", or remove the line"}
			}
			list = slices.Clone(list)
			list[i].Words, changed = s.replace(c.Words, start, java, where), true
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

// is reports whether a file is what the image starts: the artifact, a file in it, or the script beside its libraries.
func (s startsOf) is(start artifact.Start) bool {
	if path.Ext(s.file) != ".jar" {
		return strings.Contains(start.Kind, "script")
	}
	return s.file == start.Artifact || path.Dir(s.file) == start.Artifact
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
