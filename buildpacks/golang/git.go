package golang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// repository is what git says of the app's folder.
type repository struct {
	State   string             // what goes into the binaries of it, "" if nothing does
	Why     string             // why nothing does; "" when there is no repository
	Filters config.Environment // for git: no program that the repository names is started
}

// readRepository asks git what the go command will ask.
func readRepository(ctx context.Context, dir string, env config.Environment, log *report.Log) repository {
	info, err := os.Lstat(filepath.Join(dir, ".git"))
	if err != nil {
		return repository{}
	}
	if !info.IsDir() {
		return repository{Why: "a worktree or submodule, whose repository is elsewhere"}
	}
	ask := func(args ...string) (string, error) {
		out, err := command.Output(ctx, command.Command{Path: "git", Args: args, Dir: dir, Env: env.List(), Log: log, Silent: true})
		return string(out), err
	}
	var filters []string
	named, err := ask("config", "--name-only", "--get-regexp", `^filter\.`)
	for name := range strings.Lines(named) { // it fails if there are none
		filters = append(filters, strings.TrimSpace(name))
	}
	r := repository{Filters: config.Environment{}}
	if err == nil {
		r.Filters = env.WithoutFilters(filters)
		env = env.With(r.Filters)
	}
	var state strings.Builder
	// The index is listed and not hashed, because it holds the times of files. The last two are what the go command asks.
	for _, args := range [][]string{
		{"rev-parse", "HEAD"}, {"ls-files", "--stage"}, {"show-ref", "--tags", "--dereference"},
		{"log", "-1", "--format=%H:%ct"}, {"status", "--porcelain"},
	} {
		out, err := ask(args...)
		switch {
		case err != nil && args[0] == "show-ref": // it fails when there are no tags
		case err != nil:
			r.Why = words(err)
			return r
		case args[0] == "status" && out != "" && len(filters) > 0:
			r.Why = "git has filters, such as that of LFS, and does not know without them what has changed"
			return r
		case args[0] != "status": // the source says what it does
			state.WriteString(out)
		}
	}
	exclude, err := tree.ReadFile(filepath.Join(dir, ".git", "info", "exclude"))
	if err == nil {
		state.Write(exclude)
	}
	r.State = state.String()
	return r
}

// words returns what git said when it failed.
func words(err error) string {
	if failed := (*command.Error)(nil); errors.As(err, &failed) && len(failed.Tail) > 0 {
		return fmt.Sprintf("git says %q", failed.Tail[0])
	}
	return "git cannot be asked"
}
