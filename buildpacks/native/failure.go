package native

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// explain returns the fault of a step that failed.
func (b build) explain(ctx context.Context, j job, s step, err error) error {
	failed, ok := errors.AsType[*command.Error](err)
	if !ok || ctx.Err() != nil || !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	if err := known(j, s, failed.Tail); err != nil {
		return err
	}
	lines := failed.Tail
	if s.title == "configure" {
		lines = append(lines, b.lastProbe()...)
	}
	if b.Target.Foreign() {
		if err := b.started(s.title, lines); err != nil {
			return err
		}
	}
	if err := known(j, s, lines); err != nil {
		return err
	}
	return fault.Fault{ID: "native-build", What: s.title + " failed", Err: err, Do: "see its words in the log"}
}

// known returns the fault of a step whose words tell the reason, nil if they tell none.
func known(j job, s step, lines []string) error {
	for _, line := range lines {
		for _, c := range causes {
			if found := c.match.FindStringSubmatch(line); found != nil && (!c.static || j.static()) {
				return fault.Fault{ID: "native-" + c.id, What: fmt.Sprintf(c.what, s.title, found[1]), Do: c.do}
			}
		}
	}
	return nil
}

// lastProbe returns, and writes to the log, what the last program of configure that could not be built was told. It is in config.log.
func (b build) lastProbe() []string {
	text, err := tree.ReadFile(filepath.Join(b.AppDir, "config.log"))
	if err != nil {
		return nil // a script of the app's own writes none
	}
	before, _, found := strings.Cut(string(text), "## Cache variables. ##")
	end := strings.LastIndex(before, "\nconfigure: failed program was:")
	if !found || end < 0 {
		return nil
	}
	lines := strings.Split(before[:end], "\n")
	const shown = 8
	lines = lines[max(0, len(lines)-shown):]
	b.Log.Heading("config.log ends with")
	for _, line := range lines {
		b.Log.Bullet("%s", line)
	}
	return lines
}

// cause is a reason that the words of a builder tell.
type cause struct {
	id     string
	match  *regexp.Regexp
	static bool   // whether it is one for static programs alone
	what   string // with the step and what was found
	do     string
}

var causes = []cause{
	{"static", regexp.MustCompile(`cannot find -l(\S+?):? `), true,
		"%s found no static library of %s",
		"name the package of Debian with its .a file in " + debian.Variable + ", or set BP_NATIVE_LINK=dynamic"},
	{"library", regexp.MustCompile(`cannot find -l(\S+?):? `), false,
		"%s found no library %s", "name the package of Debian that has it in " + debian.Variable},
	{"header", regexp.MustCompile(`fatal error: ([^:]+): No such file or directory`), false,
		"%s found no header %s", "name the package of Debian that has it in " + debian.Variable + ", such as libevent-dev for event.h"},
}
