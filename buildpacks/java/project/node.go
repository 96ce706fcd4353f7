package project

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// installs are the goals of frontend-maven-plugin that the build stands in for.
var installs = []string{"install-node-and-npm", "install-node-and-yarn"}

// node adds what the plugins of a pom want of Node.js.
func (p *pom) node(n *Node) {
	own := &pom{root: p.root}
	for _, plugin := range own.plugins("exec-maven-plugin") {
		for _, e := range append(plugin.all("executions", "execution"), plugin) {
			name := e.at("configuration", "executable").text
			n.Wanted = n.Wanted || slices.Contains([]string{"node", "npm", "npx", "yarn"}, name)
		}
	}
	for _, plugin := range own.plugins("frontend-maven-plugin") {
		n.Wanted = true
		folder := path.Dir(p.file)
		for _, e := range append(plugin.all("executions", "execution"), plugin) {
			for _, goal := range e.all("goals", "goal") {
				if strings.HasPrefix(goal.text, "install-") && !slices.Contains(installs, goal.text) {
					n.Other = fmt.Sprintf("%.40q of %s", goal.text, p.file)
				}
			}
			c := e.at("configuration")
			if release := p.expand(c.at("nodeVersion").text); n.Ask.Text == "" && release != "" && !strings.Contains(release, "${") {
				n.Ask = version.Ask{Text: release, From: "nodeVersion of " + p.file}
			}
			if at := p.within(c.at("installDirectory").text); at != "" {
				folder = at
			}
		}
		if !slices.Contains(n.Folders, folder) {
			n.Folders = append(n.Folders, folder)
		}
	}
}

// within returns the path within the app of a path that a pom names, "" if it is none.
func (p *pom) within(text string) string {
	dir := path.Dir(p.file)
	text = strings.NewReplacer("${project.basedir}", ".", "${basedir}", ".", "${project.build.directory}", "target").Replace(p.expand(text))
	at := path.Join(dir, text)
	if text == "" || strings.Contains(text, "${") || path.IsAbs(text) || !filepath.IsLocal(at) {
		return ""
	}
	return at
}
