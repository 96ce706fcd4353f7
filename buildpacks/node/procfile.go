package node

import (
	"maps"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// packageManagers are the package managers of Node.js, which no run image has.
var packageManagers = []string{"npm", "npx", "pnpm", "pnpx", "yarn"}

// scriptOf returns the script of package.json that a command has a package manager run, and nothing else with it; "" for
// other commands.
func scriptOf(words []string) string {
	if len(words) < 2 || !slices.Contains([]string{"npm", "pnpm", "yarn"}, words[0]) {
		return ""
	}
	rest := words[1:]
	switch {
	case rest[0] == "run" || rest[0] == "run-script":
		rest = rest[1:]
	case words[0] == "npm" && rest[0] != "start":
		return "" // a command of npm's own
	}
	if len(rest) != 1 || strings.HasPrefix(rest[0], "-") {
		return ""
	}
	return rest[0]
}

// web returns the command of the process web, and whether the build plan asks this buildpack to start it. Only a script
// is started here, without the package manager.
func (d decision) web() (command shell.Command, asked bool, err error) {
	i := slices.IndexFunc(d.asked, func(p procfile.Process) bool { return p.Type == "web" })
	if i < 0 {
		return shell.Command{}, false, nil
	}
	command, err = d.asked[i].Simple()
	return command, true, err
}

// given returns the variables that the Procfile and the script set for what starts here.
func (d decision) given() (map[string]string, error) {
	web, _, err := d.web()
	if err != nil || d.start.elsewhere {
		return d.start.variables, err
	}
	variables := map[string]string{}
	maps.Copy(variables, web.Variables)
	maps.Copy(variables, d.start.variables) // the script sets them last
	return variables, nil
}

// unmet returns the entries of the build plan that are left to strata/procfile.
func (d decision) unmet() []string {
	var names []string
	for _, p := range d.asked {
		if p.Type != "web" || d.start.elsewhere {
			names = append(names, p.Entry())
		}
	}
	return names
}
