package registries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// OfMachine returns all settings of the machine. getenv reads its environment.
func (l List) OfMachine(ctx context.Context, getenv func(string) string) (map[string]string, error) {
	return l.settings(ctx, getenv, func(Registry) bool { return true })
}

// ForBuilder returns the settings that a builder keeps of the machine that it is made on. Addresses with a login are an
// error.
func (l List) ForBuilder(ctx context.Context, getenv func(string) string) (map[string]string, error) {
	env, err := l.OfMachine(ctx, getenv)
	if err != nil {
		return nil, err
	}
	for _, one := range l {
		for _, variable := range one.Variables {
			if hasLogin(env[variable]) {
				return nil, one.login(variable)
			}
		}
	}
	return env, nil
}

// ForBuild returns the settings of the machine that a build has besides those of its builder.
func (l List) ForBuild(ctx context.Context, getenv func(string) string) (map[string]string, error) {
	return l.settings(ctx, getenv, func(r Registry) bool { return r.AskEachBuild })
}

func (l List) settings(ctx context.Context, getenv func(string) string, asks func(Registry) bool) (map[string]string, error) {
	env := map[string]string{}
	for i, one := range l {
		if slices.ContainsFunc(l[:i], func(other Registry) bool {
			return slices.Equal(other.Ask, one.Ask) && slices.Equal(other.Variables, one.Variables)
		}) {
			continue // of another buildpack that runs the same package managers
		}
		for _, variable := range one.Variables {
			env[variable] = getenv(variable)
		}
		if len(one.Ask) == 0 || !asks(one) {
			continue
		}
		answers, err := one.ask(ctx)
		if err != nil {
			return nil, err
		}
		maps.Copy(env, answers)
	}
	maps.DeleteFunc(env, func(_, value string) bool { return value == "" })
	return env, nil
}

// ask returns what the command prints, nothing if there is no such command.
func (r Registry) ask(ctx context.Context) (map[string]string, error) {
	answers := map[string]string{}
	output, err := host.Command(ctx, r.Ask[0], r.Ask[1:]...).Output()
	failed := new(exec.ExitError)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, nil
	case errors.As(err, &failed) && r.Withheld != "" && bytes.Contains(failed.Stderr, []byte(r.Withheld)):
		return nil, r.login(r.Variables[0])
	case errors.As(err, &failed) && r.Missing != "" && bytes.Contains(failed.Stderr, []byte(r.Missing)):
		return nil, nil
	case err != nil:
		return nil, r.unanswered(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	if len(lines) != len(r.Variables) {
		return nil, r.unanswered(fmt.Errorf("it prints %d lines, not %d", len(lines), len(r.Variables)))
	}
	for i, variable := range r.Variables {
		if answers[variable] = strings.TrimSpace(lines[i]); answers[variable] == r.Unset {
			answers[variable] = ""
		}
	}
	return answers, nil
}

func (r Registry) unanswered(err error) error {
	return fault.Fault{
		ID:   "registries-ask",
		What: fmt.Sprintf("cannot ask this machine where packages come from: `%s`", strings.Join(r.Ask, " ")),
		Err:  err,
		Do:   "run it yourself, and correct the settings that it reads",
	}
}

// hasLogin reports whether there is an address with a user or a password in a list of them.
func hasLogin(addresses string) bool {
	for address := range strings.FieldsFuncSeq(addresses, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
		if u, err := url.Parse(address); err == nil && u.User != nil {
			return true
		}
	}
	return false
}

func (r Registry) login(variable string) error {
	return fault.Fault{ID: "builder-login", What: variable + " has an address with a login, which everybody who has the builder could read",
		Do: "set it without, and give the login to each build in a binding of type " + r.Binding}
}
