package project

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
)

// Install returns what is to be installed.
func (p Project) Install() (Install, error) {
	in, err := p.install()
	if err != nil {
		return Install{}, err
	}
	if p.Built() {
		in.Itself = p.from()
	}
	if p.File != "" && !slices.Contains(in.Files, p.within(p.File)) {
		in.Files = append(in.Files, p.within(p.File))
	}
	if name := p.from(); len(p.Manifest) > 0 && !slices.Contains(in.Files, path.Join(name, manifestFile)) {
		in.Files = append(in.Files, path.Join(name, manifestFile))
	}
	return in, nil
}

func (p Project) install() (Install, error) {
	switch p.File {
	case "":
		return Install{Locked: true}, nil
	case uvLock:
		return p.uv()
	case manifestFile, "setup.py", "setup.cfg":
		return p.unlocked()
	}
	if p.Manager == Pip {
		if len(p.Groups)+len(p.Extras) > 0 {
			return Install{}, fault.Fault{ID: "python-group", Do: "name further files in BP_PIP_REQUIREMENT",
				What: "BP_PYTHON_GROUPS or BP_PYTHON_EXTRAS is set, and " + p.within(p.File) + " has neither groups nor extras"}
		}
		return p.requirements()
	}
	read := fields.TOML
	l := &locked{project: p}
	parse := map[string]func(fields.Object) error{"poetry.lock": l.poetry, "pdm.lock": l.pdm, "Pipfile.lock": l.pipenv,
		pylock: l.pylock}[p.File]
	if p.File == "Pipfile.lock" {
		read = fields.JSON
	}
	data, err := p.Read(p.within(p.File))
	if err != nil {
		return Install{}, err
	}
	lock, err := read(p.within(p.File), data)
	if err != nil {
		return Install{}, err
	}
	if err := p.checkGroups(lock); err != nil {
		return Install{}, err
	}
	if err := parse(lock); err != nil {
		return Install{}, err
	}
	return l.done(), nil
}

// checkGroups refuses groups and extras that the app does not have.
func (p Project) checkGroups(lock fields.Object) error {
	keys := func(o fields.Object) []string { return slices.Collect(maps.Keys(o)) }
	groups := append(keys(p.Manifest.Object("dependency-groups")), keys(p.tool("poetry").Object("group"))...)
	extras := append(keys(p.Manifest.Object("project").Object("optional-dependencies")), keys(lock.Object("extras"))...)
	switch p.File {
	case "Pipfile.lock":
		groups, extras = append(keys(lock), "dev", "packages", "dev-packages"), nil
	case "pdm.lock":
		groups = append(groups, lock.Object("metadata").List("groups")...)
		extras = append(extras, groups...)
	case pylock:
		groups, extras = append(groups, lock.List("dependency-groups")...), append(extras, lock.List("extras")...)
	case uvLock:
		if p.tool("uv")["dev-dependencies"] != nil {
			groups = append(groups, "dev")
		}
	case "setup.py", "setup.cfg":
		extras = p.Extras // its own to say
	}
	for _, of := range []struct {
		variable     string
		names, known []string
	}{{"BP_PYTHON_GROUPS", p.Groups, groups}, {"BP_PYTHON_EXTRAS", p.Extras, extras}} {
		for _, name := range of.names {
			if !slices.ContainsFunc(of.known, func(one string) bool { return Name(one) == Name(name) }) {
				return p.noGroup(fmt.Sprintf("%s names %q, which", of.variable, name), of.known)
			}
		}
	}
	return nil
}

func (p Project) noGroup(what string, known []string) error {
	do := "leave the variable off"
	if len(known) > 0 {
		slices.Sort(known)
		do = "name one of " + strings.Join(slices.Compact(known), ", ")
	}
	return fault.Fault{ID: "python-group", What: what + " " + p.within(p.File) + " does not have", Do: do}
}

// unlocked reads pyproject.toml or setup.py alone, whose packages are resolved in each build.
func (p Project) unlocked() (Install, error) {
	if err := p.checkGroups(nil); err != nil {
		return Install{}, err
	}
	in := Install{Notes: []string{p.within(p.File) + ` names no versions, so two builds may install other packages; "uv lock" writes them`}}
	about := p.Manifest.Object("project")
	if sources := p.tool("uv").Object("sources"); len(sources) > 0 || about == nil && p.tool("poetry") != nil && !p.hasPackage() {
		command := `"uv lock"`
		if len(sources) == 0 {
			command = `"poetry lock"`
		}
		return Install{}, fault.Fault{ID: "python-unlocked", Do: "run " + command + ", and add the file",
			What: p.within(p.File) + " has packages that its own tool alone finds, and the app has no lockfile"}
	}
	if p.File != manifestFile || about == nil || slices.Contains(about.List("dynamic"), "dependencies") {
		in.Extras = p.Extras // the project itself says what it needs
		return in, nil
	}
	texts := about.List("dependencies")
	for _, extra := range p.Extras {
		for name := range about.Object("optional-dependencies") {
			if Name(name) == Name(extra) {
				texts = append(texts, about.Object("optional-dependencies").List(name)...)
			}
		}
	}
	for _, group := range p.Groups {
		texts = append(texts, p.group(group, 0)...)
	}
	for _, text := range texts {
		r, wrong := requirement(text, p.from(), p.within(p.File))
		if wrong != "" {
			return Install{}, fault.Fault{ID: "python-requirement", Do: "write it as flask>=3 or flask==3.1.0",
				What: fmt.Sprintf("%s: %.100q %s", r.From, text, wrong)}
		}
		if r.Spec != "" && !slices.ContainsFunc(in.Requirements, func(o Requirement) bool { return o.Line() == r.Line() }) {
			in.Requirements = append(in.Requirements, r)
		}
	}
	return in, nil
}

// maxIncludes is how deep groups may include each other.
const maxIncludes = 20

// group returns the requirements of a dependency group and of those that it includes (PEP 735).
func (p Project) group(name string, depth int) []string {
	var all []string
	groups := p.Manifest.Object("dependency-groups")
	for key := range groups {
		if Name(key) != Name(name) || depth > maxIncludes {
			continue
		}
		all = append(all, groups.List(key)...)
		for _, include := range groups.Objects(key) {
			all = append(all, p.group(include.Text("include-group"), depth+1)...)
		}
	}
	return all
}

// uv returns the arguments with which uv writes the requirements of uv.lock. What is for development alone, and the project, is left out.
func (p Project) uv() (Install, error) {
	if err := p.checkGroups(nil); err != nil {
		return Install{}, err
	}
	args := []string{"export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "--no-editable"}
	if p.Root != p.Dir {
		member, err := p.member()
		if err != nil {
			return Install{}, err
		}
		args = append(args, "--package", member)
	}
	for _, group := range p.Groups {
		args = append(args, "--group", group)
	}
	for _, extra := range p.Extras {
		args = append(args, "--extra", extra)
	}
	return Install{Export: args, Locked: true}, nil
}

// With returns what is to be installed with what uv wrote for Export.
func (p Project) With(in Install, exported []byte) (Install, error) {
	r := reader{project: p, in: in}
	r.in.Requirements = nil
	for _, line := range logical(string(exported)) {
		if err := r.line(line, p.within(p.File), p.within(p.File), false); err != nil {
			return Install{}, err
		}
	}
	r.in.Options, r.in.Wheels = nil, nil // a lock has addresses of indexes, the build has its own
	return r.in, nil
}

// member returns the name of the project as a member of the workspace whose uv.lock is in Root, "" if it is none.
func (p Project) member() (string, error) {
	lock, err := p.toml(p.within(uvLock))
	if err != nil {
		return "", err
	}
	for _, one := range lock.Objects("package") {
		source := one.Object("source")
		at := cmp.Or(source.Text("editable"), source.Text("virtual"), source.Text("directory"))
		if at != "" && path.Clean(at) == p.from() && nameOnly.MatchString(one.Text("name")) {
			return one.Text("name"), nil
		}
	}
	return "", nil
}

var nameOnly = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// Adding returns the step that adds a package to the app.
func (p Project) Adding(name string) string {
	switch p.Manager {
	case UV, Poetry, PDM:
		return fmt.Sprintf(`run "%s add %s"`, p.Manager, name)
	case Pipenv:
		return fmt.Sprintf(`run "pipenv install %s"`, name)
	}
	if p.File == manifestFile {
		return fmt.Sprintf("add %q to dependencies of %s", name, p.within(p.File))
	}
	return fmt.Sprintf("add the line %s to %s", name, cmp.Or(p.within(p.File), requirementsFile))
}
