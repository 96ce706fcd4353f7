// Package argv knows the package managers of Node.js by their command lines.
package argv

import (
	"slices"
	"strings"
)

// Managers are the package managers of Node.js, which no run image has.
var Managers = []string{"npm", "npx", "pnpm", "pnpx", "yarn"}

// Script returns the script of package.json that a command has a package manager run, and nothing else with it; "" for other commands.
func Script(words []string) string {
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
