package project

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
)

// locked reads packages of a lockfile.
type locked struct {
	project Project
	groups  []string // that are wanted
	in      Install
}

// add adds a requirement, unless its marker never holds. Package is as the lockfile names it.
func (l *locked) add(r Requirement, name, version, marker string) error {
	r.From = l.project.within(l.project.File)
	if r.Spec == "" {
		if version == "" {
			return l.fault(name, "has no version")
		}
		r.Spec = name + "==" + version
	}
	r.Name = Name(name)
	slices.Sort(r.Hashes)
	r.Hashes = slices.Compact(r.Hashes)
	text, never, ok := simplify(marker, l.project.Extras, l.groups)
	r.Marker = text
	if wrong := r.wrong(); wrong != "" || !ok {
		if !ok {
			wrong = "has a marker that is none"
		}
		what := fmt.Sprintf("%s: the entry of %.100q %s", r.From, name, wrong)
		return fault.Fault{ID: "python-lock-entry", What: what, Do: "make the lockfile again"}
	}
	if !never {
		l.in.Requirements = append(l.in.Requirements, r)
	}
	return nil
}

// done returns what was read, in order of names.
func (l *locked) done() Install {
	slices.SortStableFunc(l.in.Requirements, func(a, b Requirement) int { return strings.Compare(a.Line(), b.Line()) })
	l.in.Requirements = slices.CompactFunc(l.in.Requirements, func(a, b Requirement) bool { return a.Line() == b.Line() })
	l.in.Locked = true
	return l.in
}

// source returns a requirement of git, an address, or a folder or archive of the app.
func (l *locked) source(name, kind, address, commit, folder string) (r Requirement, wrong string) {
	prefix := name + " @ "
	switch kind {
	case "git":
		if address = strings.TrimPrefix(address, "git+") + "@" + commit; folder != "" {
			address += "#subdirectory=" + folder
		}
		address = "git+" + address
	case "file", "directory", "path":
		prefix = ""
		if !strings.HasPrefix(address, "/") {
			address = "./" + address
		}
	}
	r.From = l.project.File
	return r.located(address, prefix, path.Dir(l.project.within(l.project.File)))
}

func (l *locked) fault(name, wrong string) error {
	return fault.Fault{ID: "python-lock-entry", Do: "make the lockfile again with a package that builds can reach",
		What: fmt.Sprintf("%s: the entry of %.100q %s", l.project.within(l.project.File), name, wrong)}
}

// hashesOf returns the hashes of files that have one in a field.
func hashesOf(files []fields.Object) []string {
	var all []string
	for _, file := range files {
		if found := file.Text("hash"); found != "" {
			all = append(all, found)
		}
		for kind, sum := range file.Texts("hashes") { // of pylock.toml
			all = append(all, kind+":"+sum)
		}
	}
	return all
}

func oldLock(file, has, command string) error {
	return fault.Fault{ID: "python-lock-old", What: file + " " + has + ", so it does not say which packages are for development alone",
		Do: "run " + command + ", and add the file"}
}

// poetry reads poetry.lock from version 2.1 on, in which packages say their groups.
func (l *locked) poetry(lock fields.Object) error {
	metadata := lock.Object("metadata")
	if v, _, ok := release(metadata.Text("lock-version")); !ok || compare(v, []int{2, 1}) < 0 {
		return oldLock(l.project.File, "was written by Poetry 1", `"poetry lock" of Poetry 2 or newer`)
	}
	l.groups = append([]string{"main"}, l.project.Groups...)
	for _, p := range lock.Objects("package") {
		groups := slices.DeleteFunc(p.List("groups"), func(g string) bool { return !l.wants(g) })
		marker := p.Text("markers")
		if of := p.Object("markers"); of != nil { // by group; one that is not there has none
			marker = ""
			for _, group := range groups {
				if one := of.Text(group); one == "" {
					marker = ""
					break
				} else if marker != "" {
					marker += " or (" + one + ")"
				} else {
					marker = "(" + one + ")"
				}
			}
		}
		if len(groups) == 0 || p.True("optional") && !strings.Contains(marker, "extra") {
			continue
		}
		r, wrong := Requirement{}, ""
		if s := p.Object("source"); s != nil && s.Text("type") != "legacy" { // which is a further index
			r, wrong = l.source(p.Text("name"), s.Text("type"), s.Text("url"), s.Text("resolved_reference"), s.Text("subdirectory"))
		}
		if wrong != "" {
			return l.fault(p.Text("name"), wrong)
		}
		if r.Hashes = hashesOf(p.Objects("files")); r.Git {
			r.Hashes = nil
		}
		if err := l.add(r, p.Text("name"), p.Text("version"), marker); err != nil {
			return err
		}
	}
	return nil
}

func (l *locked) wants(group string) bool {
	return slices.ContainsFunc(l.groups, func(g string) bool { return Name(g) == Name(group) })
}

// pdm reads pdm.lock, in which packages say their groups if it was told to write them.
func (l *locked) pdm(lock fields.Object) error {
	if !slices.Contains(lock.Object("metadata").List("strategy"), "inherit_metadata") {
		return oldLock(l.project.File, "was written without inherit_metadata", `"pdm lock --strategy inherit_metadata"`)
	}
	l.groups = slices.Concat([]string{"default"}, l.project.Groups, l.project.Extras)
	for _, p := range lock.Objects("package") {
		if !slices.ContainsFunc(p.List("groups"), l.wants) || len(p.List("extras")) > 0 { // there is one without them, too
			continue
		}
		r, wrong := Requirement{}, ""
		switch {
		case p.Text("git") != "":
			r, wrong = l.source(p.Text("name"), "git", p.Text("git"), p.Text("revision"), p.Text("subdirectory"))
		case p.Text("path") != "":
			r, wrong = l.source(p.Text("name"), "path", p.Text("path"), "", "")
		case p.Text("url") != "":
			r, wrong = l.source(p.Text("name"), "url", p.Text("url"), "", "")
		}
		if wrong != "" {
			return l.fault(p.Text("name"), wrong)
		}
		if r.Hashes = hashesOf(p.Objects("files")); r.Git {
			r.Hashes = nil
		}
		if err := l.add(r, p.Text("name"), p.Text("version"), p.Text("marker")); err != nil {
			return err
		}
	}
	return nil
}

// pipenv reads Pipfile.lock. Its groups are the categories of the Pipfile.
func (l *locked) pipenv(lock fields.Object) error {
	l.groups = append([]string{"default"}, l.project.Groups...)
	for _, group := range l.groups {
		packages := lock.Object(map[string]string{"packages": "default", "dev-packages": "develop", "dev": "develop"}[group])
		if packages == nil {
			packages = lock.Object(group)
		}
		for _, name := range slices.Sorted(maps.Keys(packages)) {
			p := packages.Object(name)
			r, wrong := Requirement{}, ""
			switch {
			case p.Text("git") != "":
				r, wrong = l.source(name, "git", p.Text("git"), p.Text("ref"), p.Text("subdirectory"))
			case p.Text("path") != "":
				r, wrong = l.source(name, "path", p.Text("path"), "", "")
			case p.Text("file") != "":
				r, wrong = l.source(name, "url", p.Text("file"), "", "")
			}
			if wrong != "" {
				return l.fault(name, wrong)
			}
			if r.Hashes = p.List("hashes"); r.Git {
				r.Hashes = nil
			}
			if err := l.add(r, name, strings.TrimPrefix(p.Text("version"), "=="), p.Text("markers")); err != nil {
				return err
			}
		}
	}
	return nil
}

// pylock reads pylock.toml (PEP 751) without its addresses of an index.
func (l *locked) pylock(lock fields.Object) error {
	if version := lock.Text("lock-version"); !strings.HasPrefix(version, "1.") {
		return fault.Fault{ID: "python-lock-old", Do: "write it again with a tool that writes version 1.0",
			What: fmt.Sprintf("%s is of version %q, and only 1.0 is known", l.project.File, version)}
	}
	l.groups = slices.Concat(lock.List("default-groups"), l.project.Groups)
	for _, p := range lock.Objects("packages") {
		r, wrong := Requirement{}, ""
		switch vcs, dir, archive := p.Object("vcs"), p.Object("directory"), p.Object("archive"); {
		case vcs != nil:
			address := vcs.Text("url")
			r, wrong = l.source(p.Text("name"), vcs.Text("type"), address, vcs.Text("commit-id"), vcs.Text("subdirectory"))
			if vcs.Text("type") != "git" {
				wrong = "needs " + vcs.Text("type") + ", which builds do not have"
			}
		case dir != nil:
			r, wrong = l.source(p.Text("name"), "directory", dir.Text("path"), "", "")
		case archive != nil && archive.Text("path") != "":
			r, wrong = l.source(p.Text("name"), "file", archive.Text("path"), "", "")
			r.Hashes = hashesOf([]fields.Object{archive})
		case archive != nil:
			r, wrong = l.source(p.Text("name"), "url", archive.Text("url"), "", "")
			r.Hashes = hashesOf([]fields.Object{archive})
		default:
			r.Hashes = hashesOf(append(p.Objects("wheels"), p.Object("sdist")))
		}
		if wrong != "" {
			return l.fault(p.Text("name"), wrong)
		}
		if err := l.add(r, p.Text("name"), p.Text("version"), p.Text("marker")); err != nil {
			return err
		}
	}
	return nil
}
