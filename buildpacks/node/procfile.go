package node

import (
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
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

// launchEnv returns the variables of the layer start by the names that they have in it: those of frameworks and of the
// script, which are for all processes, and "web/NAME" for those that the Procfile sets for web. The script sets its own last.
func (d decision) launchEnv() (map[string]string, error) {
	variables := framework.EnvOf(d.Manifest.Has)
	for name, value := range d.start.variables {
		if value != "" || variables[name] == "" {
			variables[name] = value
		}
	}
	web, _, err := d.web()
	if err != nil || d.start.elsewhere {
		return variables, err
	}
	for name, value := range web.Variables {
		if _, last := d.start.variables[name]; last {
			continue
		}
		delete(variables, name)
		variables["web/"+name] = value
		if d.Reload {
			variables["no-reload/"+name] = value
		}
	}
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
