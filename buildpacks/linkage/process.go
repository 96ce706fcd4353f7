package linkage

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// problem is why a process cannot start, as a clause without its subject, and what to do.
type problem struct{ what, do string }

// checkProcesses stops the build if a process cannot start, or if there is none.
func checkProcesses(log *report.Log, i image, processes []bp.Launched) error {
	if len(processes) == 0 {
		return fault.Fault{
			ID: "linkage-no-process", What: "no buildpack says how to start the app, so nothing could start its image",
			Do: `add a Procfile with the line "web: PROGRAM", where PROGRAM is in the image`,
		}
	}
	var first error
	for _, p := range processes {
		found, open := i.check(p)
		if open != "" {
			log.Bullet("%s starts %s, which may be in what cannot be looked at", describe(p), open)
		}
		if found == nil {
			continue
		}
		if first == nil {
			log.Heading("These processes cannot start")
			first = fault.Fault{ID: "linkage-process", What: describe(p) + " " + found.what, Do: found.do}
		}
		log.Bullet("%s", describe(p))
		log.Bullet("  it     %s", found.what)
		log.Bullet("  do     %s", found.do)
	}
	return first
}

// describe returns the name of a process and who gave it.
func describe(p bp.Launched) string {
	from := p.From
	if from == "" {
		from = p.Buildpack
	}
	return fmt.Sprintf("process %s (%s)", p.Type, from)
}

// check looks for all that a process needs to start. Open is a program that cannot be looked for.
func (i image) check(p bp.Launched) (found *problem, open string) {
	s := start{i, i.app, i.app} // the launcher looks for a program before it enters another folder
	if len(p.Command) == 0 {
		return s.shell()
	}
	if p.WorkingDir != "" {
		s.dir = s.in(p.WorkingDir)
	}
	words := append(slices.Clone(p.Command), p.Args...)
	list := launchhelper.Commands(words)
	if len(list) == 1 && len(list[0].Words) > 0 && list[0].Words[0] == shell.Quote(words[0]) {
		return s.command(words)
	}
	if found, open = s.command(words[:1]); found != nil || open != "" {
		return found, open
	}
	setsPath := func(words []shell.Word) bool {
		return slices.ContainsFunc(words, func(w shell.Word) bool { return strings.HasPrefix(string(w), "PATH=") })
	}
	for _, c := range list {
		in := start{i, s.in(c.Dir), s.in(c.Dir)}
		in.open = in.open || setsPath(c.Variables)
		if words := literals(c.Words); len(words) > 0 && !slices.Contains(shell.Builtins, words[0]) {
			if found, open = in.command(words); found != nil || open != "" {
				return found, open
			}
		}
		i.open = i.open || len(c.Words) > 0 && c.Words[0] == "export" && setsPath(c.Words[1:])
	}
	return nil, ""
}

// launcherShell is the program that the launcher starts with the text of a process.
const launcherShell = "/bin/bash"

// shell looks for the shell of a process that is a text.
func (s start) shell() (p *problem, open string) {
	f, open := s.program(launcherShell)
	if f.place != nowhere || slices.Contains(s.given, launcherShell) {
		return nil, open
	}
	return &problem{
		"is a text for " + launcherShell + ", which the image does not have",
		"take a version of the buildpack for the Buildpack API 0.9 or later, or name " + launcherShell +
			" in BP_LINKAGE_PROGRAMS if nobody starts this process",
	}, ""
}

// literals returns the words before the first that stands for a variable.
func literals(words []shell.Word) []string {
	var all []string
	for _, word := range words {
		text, literal := word.Literal()
		if !literal {
			break
		}
		all = append(all, text)
	}
	return all
}

// start is where a command of a process starts.
type start struct {
	image
	dir  string
	from string // where a program with a relative path is looked for, too
}

// in returns the path of a word in the image.
func (s start) in(word string) string { return shell.Within(s.dir, word) }

// command looks for the program, the interpreter that its first line names, and the file of a script.
func (s start) command(words []string) (p *problem, open string) {
	if f := s.resolve(s.dir); f.place == nowhere || f.place == there && !f.mode.IsDir() {
		return &problem{"starts in the folder " + s.dir + ", which the image does not have", "see whether the build makes it"}, ""
	}
	f, open := s.program(words[0])
	switch {
	case open != "" || slices.Contains(s.given, words[0]):
		return nil, open
	case f.place == nowhere:
		return s.absent(words), ""
	case f.place == there:
		p = s.startable(f, words[0])
	}
	if p == nil {
		p = s.script(words)
	}
	return p, ""
}

// program looks for a program, on PATH or at its path.
func (s start) program(name string) (f found, open string) {
	if !strings.Contains(name, "/") {
		f, unsure := s.search(name)
		if unsure {
			open = name
		}
		return f, open
	}
	f = s.resolve(s.in(name))
	if f.place == there && s.dir != s.from && !path.IsAbs(name) {
		f = s.resolve(path.Join(s.from, name))
	}
	if f.place == runImage {
		switch {
		case s.programs == nil:
			return f, name
		case !slices.Contains(s.programs, f.path) && !strings.HasPrefix(f.path, "/cnb/"):
			f.place = nowhere
		}
	}
	return f, ""
}

// maxFirstLine is how much of a file the kernel reads to find its interpreter.
const maxFirstLine = 256

// startable returns why the kernel would not start a file.
func (s start) startable(f found, word string) *problem {
	starts := "starts " + word + ", "
	switch {
	case f.mode.IsDir():
		return &problem{starts + "which is a folder", "name a program"}
	case !f.mode.IsRegular():
		return &problem{starts + "which is no file", "name a program"} // a pipe would wait for somebody who writes
	case f.mode&0o111 == 0 && nodes[path.Ext(word)] && s.has("node"):
		return &problem{starts + "which is no program", "write node " + word}
	case f.mode&0o111 == 0:
		do := fmt.Sprintf("give it the mode: chmod +x %[1]s, and with git: git update-index --chmod=+x %[1]s", word)
		return &problem{starts + "which nobody may execute", do}
	}
	content, err := head(f.path, maxFirstLine)
	if err != nil || bytes.HasPrefix(content, []byte("\x7fELF")) {
		return nil // whoever cannot read it may still execute it
	}
	line, script := bytes.CutPrefix(content, []byte("#!"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	switch {
	case !script || len(words) == 0:
		return &problem{starts + "which is neither a program nor a script whose first line names an interpreter", "name a program"}
	case bytes.HasSuffix(line, []byte("\r")):
		return &problem{starts + "whose first line ends with a carriage return", "save it with the line ends of Unix"}
	}
	return s.interpreter(words, word)
}

// interpreter looks for the program of a first line, and for the one that env would start.
func (s start) interpreter(line []string, word string) *problem {
	f, open := s.program(s.in(line[0]))
	name := path.Base(line[0])
	missing := f.place == nowhere
	if name == "env" {
		for _, arg := range line[1:] {
			if !strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") {
				name = arg
				f, unsure := s.search(name)
				missing = missing || f.place == nowhere && !unsure
				break
			}
		}
	}
	if !missing || open != "" || slices.Contains(s.given, line[0]) {
		return nil
	}
	what := fmt.Sprintf("starts %s, whose first line asks for %s, which the image does not have", word, strings.Join(line, " "))
	switch {
	case slices.Contains(shells, name):
		return &problem{what, "write the program that it starts, with its arguments"}
	case s.has(name):
		return &problem{what, "write " + name + " " + word}
	}
	return &problem{what, "start another program"}
}
