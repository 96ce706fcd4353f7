package project

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
)

// with returns the manifest with scripts that another file has, except those that package.json has itself.
func (m Manifest) with(file string, scripts map[string]string) Manifest {
	all, files := map[string]string{}, map[string]string{}
	maps.Copy(all, m.Scripts)
	maps.Copy(files, m.Files)
	for name, text := range scripts {
		if all[name] == "" && text != "" {
			all[name], files[name] = text, file
		}
	}
	m.Scripts, m.Files = all, files
	return m
}

// FileOf returns the file that has a script.
func (m Manifest) FileOf(script string) string {
	if file := m.Files[script]; file != "" {
		return file
	}
	return ManifestFile
}

// withTasks returns the project with the tasks of moon and the targets of Nx among the scripts of its packages.
func (p Project) withTasks() (Project, error) {
	var err error
	if p.nx, err = p.readNx(); err != nil {
		return p, err
	}
	for dir, m := range p.manifests {
		if m, err = p.byMoon(dir, m); err != nil {
			return p, err
		}
		if one, found := p.nx.find(dir); found && dir != "." {
			m = m.with(one.file, p.nx.scripts(p.Root, one, "", dir))
		}
		p.manifests[dir] = m
	}
	p.Manifest = p.manifests[p.From()]
	if root, found := p.manifests["."]; found {
		p.Base = root
	}
	return p, nil
}

// run returns how a build runs a script that package.json does not have: by a shell, where it is more than a program.
func (s Script) run() Script {
	s.Made = true
	simple, ok := listOf(s.Command).Simple()
	if !ok || simple.Dir != "" || len(simple.Words) == 0 {
		s.Words = []string{"sh", "-c", s.Command}
		return s
	}
	s.Words = simple.Words[Runner(simple.Words):]
	for _, name := range slices.Sorted(maps.Keys(simple.Variables)) {
		s.Env = append(s.Env, name+"="+simple.Variables[name])
	}
	return s
}

// Files of moon: the one of a workspace, those of all, and the one that is there where moon runs tasks.
const (
	moonFile  = "moon.yml"
	moonTasks = ".moon/tasks.yml"
	moonRoot  = ".moon/workspace.yml"
)

// byMoon returns the manifest of a folder with the tasks of moon (moonrepo.dev, "moon.yml").
func (p Project) byMoon(dir string, m Manifest) (Manifest, error) {
	if _, err := os.Stat(filepath.Join(p.Root, moonRoot)); err != nil {
		return m, nil
	}
	for _, name := range []string{path.Join(dir, moonFile), moonTasks} {
		file, err := ReadYAML(filepath.Join(p.Root, name))
		if err != nil {
			return m, err
		}
		tasks, scripts := file.Object("tasks"), map[string]string{}
		for task := range tasks {
			scripts[task] = moonTask(tasks, task, nil)
		}
		m = m.with(name, scripts)
	}
	return m, nil
}

// ofMoon matches what stands for something else in a task of moon.
var ofMoon = regexp.MustCompile(`@\w+\(|\$(project|workspace|task|target|language|date|time)\w*`)

// moonTask returns the command line of a task after those of the same workspace that it depends on, "" for one that moon alone can run.
func moonTask(tasks fields.Object, name string, seen []string) string {
	t := tasks.Object(name)
	words := append(commandOf(t, "command"), commandOf(t, "args")...)
	line := strings.Join(words, " ")
	for _, variable := range slices.Sorted(maps.Keys(t.Texts("env"))) {
		line = variable + "=" + singleQuoted(t.Texts("env")[variable]) + " " + line
	}
	if script := t.Text("script"); script != "" {
		line = script
	}
	if len(words) == 0 && t.Text("script") == "" || ofMoon.MatchString(line) || slices.Contains(seen, name) {
		return ""
	}
	lines := []string{}
	for _, need := range t.List("deps") {
		need = strings.TrimPrefix(need, "~:")
		if before := moonTask(tasks, need, append(slices.Clone(seen), name)); before != "" {
			lines = append(lines, before)
		}
	}
	return strings.Join(append(lines, line), " && ")
}

// commandOf returns a field that is a command line, or a list of its words, as a shell reads them.
func commandOf(o fields.Object, name string) []string {
	if text := o.Text(name); text != "" {
		return []string{text}
	}
	var words []string
	for _, word := range o.List(name) {
		words = append(words, singleQuoted(word))
	}
	return words
}

// plainWord matches words that a shell reads as they are.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

func singleQuoted(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
