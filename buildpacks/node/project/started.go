package project

import (
	"path"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// byStart is what chose a workspace that the root starts.
const byStart = "script start of the root"

var (
	// ofWorkspace matches the words by which a command of a package manager, or Turborepo, is told a workspace.
	ofWorkspace = regexp.MustCompile(
		` (?:--workspace[= ]|-w[= ]?|workspace |--filter[= ]|-F[= ]?|--prefix[= ]|--cwd[= ]|-C |--dir[= ])(\S+)`)
	// starting matches a command, without these words, that runs the script start.
	starting = regexp.MustCompile(`^(?:npx )?(?:npm|pnpm|yarn|turbo)(?: run| run-script| -s| --silent)* start$`)
)

// WorkspaceIn returns what a command of a package manager calls the workspace that it is about, "" if it names none, and the command
// without it.
func WorkspaceIn(command string) (name, rest string) {
	at := ofWorkspace.FindStringSubmatchIndex(command)
	if at == nil {
		return "", command
	}
	return command[at[2]:at[3]], command[:at[0]] + command[at[1]:]
}

// Member returns the folder of a workspace by its folder or its name, "" if there is none.
func (p Project) Member(name string) string {
	for _, member := range p.Members {
		m, err := p.ReadManifest(member)
		if member == path.Clean(name) || err == nil && m.Name == name && name != "" {
			return member
		}
	}
	return ""
}

// started returns the folder of the workspace whose script start is all that the script start runs, "" if there is none. Where there is
// a Procfile, that says what starts.
func (p Project) started() (string, error) {
	scripts := p.Manifest.Scripts
	if scripts["start"] == "" || scripts["prestart"]+scripts["poststart"] != "" || len(p.Members) == 0 {
		return "", nil
	}
	processes, err := procfile.Read(p.App)
	if err != nil || len(processes) > 0 {
		return "", err
	}
	simple, ok := listOf(scripts["start"]).Simple() // package start says what is wrong with it
	name, rest := WorkspaceIn(strings.Join(simple.Words, " "))
	if !ok || len(simple.Variables) > 0 || !starting.MatchString(rest) || name != "" && simple.Dir != "" {
		return "", nil
	}
	member := p.Member(name + simple.Dir) // one of them is ""
	if member == "" {
		return "", nil
	}
	m, err := p.ReadManifest(member)
	if err != nil || m.Scripts["start"] == "" {
		return "", err
	}
	return member, nil
}
