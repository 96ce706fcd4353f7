package golang

import (
	"cmp"
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// network matches the lines in which the go command says that it cannot fetch a module.
var network = regexp.MustCompile(`dial tcp|connection re(fused|set)|no such host|i/o timeout|TLS handshake|x509: |: 5\d\d [A-Z]|` +
	`: 40[01347] [A-Z]|: 410 Gone|GOPROXY=off|GOPROXY list is not the empty string|terminal prompts disabled|could not read Username`)

// noSpace matches what the C library and Go call a full disk.
var noSpace = regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`)

// explain turns a failure of the go command into the line that ends the build. The command's own words are in the log already.
func (g *compiler) explain(ctx context.Context, err error) error {
	var failed *command.Error
	if err == nil || !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	for _, line := range failed.Tail {
		if noSpace.MatchString(line) {
			return fault.DiskFull(errors.New(strings.TrimSpace(line)), g.buildCache, g.modCache, os.TempDir())
		}
		if network.MatchString(line) {
			p, _ := parseProxies(g.env["GOPROXY"])
			return fault.Fault{
				ID:   "go-modules-fetch",
				What: "modules cannot be fetched from GOPROXY (" + cmp.Or(p.String(), "no proxy") + ")",
				Err:  errors.New(strings.TrimPrefix(strings.TrimSpace(line), "go: ")),
				Do:   "check the network, GOPROXY and GOPRIVATE, or vendor the modules",
			}
		}
	}
	if g.native != nil {
		if what, packages := debian.Lacking(strings.Join(failed.Tail, "\n")); what != "" {
			return g.withCommands(ctx, g.lacking(what, packages), g.blamed(failed.Tail))
		}
	}
	mistakes := mistakes()
	for _, line := range failed.Tail {
		for _, known := range mistakes {
			if m := known.line.FindStringSubmatch(line); m != nil {
				known.What = known.line.ReplaceAllString(m[0], known.What)
				own := func(of member) bool { return of.Path != "" && inside(of.Path, m[2]) }
				if len(m) > 2 && known.ID != "go-embed" && slices.ContainsFunc(g.finder.members, own) {
					known.What, known.Do = m[1]+" imports "+m[2]+", which the app does not have", "commit that folder, or make it first"
				}
				if _, bare := g.finder.bare(); bare && strings.HasPrefix(known.ID, "go-mod") {
					known.Do = "run go mod init and go mod tidy, and commit go.mod and go.sum"
				}
				return g.withCommands(ctx, known.Fault, g.blamed(failed.Tail))
			}
		}
	}
	blamed := g.blamed(failed.Tail)
	if i := slices.IndexFunc(blamed, func(name string) bool { return slices.Contains(g.suspects, name) }); i >= 0 {
		name := blamed[i]
		return g.withCommands(ctx, fault.Fault{
			ID: "go-cgo", What: "package " + name + " needs cgo: it does not compile without",
			Do: "set BP_GO_CGO=static, or use a package in pure Go",
		}, []string{name})
	}
	return g.withCommands(ctx, fault.Fault{
		ID: "go-build", What: "the app does not build", Do: "see the go command's words above",
	}, blamed)
}

// mistake is what lines of the go command say that have a next step of their own.
type mistake struct {
	line *regexp.Regexp
	fault.Fault
}

// mistakes returns all that are known. Most builds never need them.
func mistakes() []mistake {
	return []mistake{
		{regexp.MustCompile(`^(\S+\.go:\d+):\d+: pattern (.+): (?:no matching files found|cannot embed directory .*)$`), fault.Fault{
			ID: "go-embed", What: "$1 embeds $2, and there is no such file",
			Do: "build the front end or run go generate first, and leave the result in the app's folder"}},
		{regexp.MustCompile(`^(\S+\.go:\d+):\d+: no required module provides package (\S+?)[;:].*$`), fault.Fault{
			ID: "go-mod-tidy", What: "$1 imports $2, which no required module has", Do: "run go mod tidy and commit go.mod and go.sum"}},
		{regexp.MustCompile(`^(?:\S+: )*((?:missing go\.sum entry|updates to go\.mod needed|malformed go\.sum).*?)(?:; to add.*)?$`), fault.Fault{
			ID: "go-mod-tidy", What: "go.mod or go.sum is not complete: $1", Do: "run go mod tidy and commit go.mod and go.sum"}},
		{regexp.MustCompile(`^(\S+\.go:\d+):\d+: cannot find module providing package (\S+): import lookup.*$`), fault.Fault{
			ID: "go-mod-vendor", What: "$1 imports $2, which the folder vendor does not have", Do: "run go mod vendor and commit the folder vendor",
		}},
		{regexp.MustCompile(`^go: inconsistent vendoring.*$`), fault.Fault{
			ID: "go-mod-vendor", What: "vendor/modules.txt and go.mod say different things", Do: "run go mod vendor and commit the folder vendor"}},
	}
}

// position matches the folder of a file at the beginning of a line of the go command.
var position = regexp.MustCompile(`^(?:\./)?((?:[^\s:]+/)?)[^\s:/]+\.go:\d+`)

// blamed returns the import paths of packages that the go command complains of: "# path", "package path", below it "imports path: reason",
// or "folder/file.go:1:2".
func (g *compiler) blamed(lines []string) []string {
	var found []string
	for _, line := range lines {
		path, ok := strings.CutPrefix(line, "# ")
		if !ok {
			path, ok = strings.CutPrefix(line, "package ")
		}
		if !ok {
			path, ok = strings.CutPrefix(line, "\timports ")
		}
		if at := position.FindStringSubmatch(line); at != nil {
			path, ok = g.finder.importPath(cmp.Or(strings.TrimSuffix(at[1], "/"), ".")), true
		}
		if words := strings.Fields(path); ok && len(words) > 0 {
			found = append(found, strings.TrimSuffix(words[0], ":"))
		}
	}
	return found
}

// withCommands adds to a fault which of several programs the packages are linked into, and how to leave these out.
func (g *compiler) withCommands(ctx context.Context, f fault.Fault, culprits []string) error {
	if len(g.targets) < 2 || len(culprits) == 0 {
		return f
	}
	var bad, good []string
	for _, t := range g.targets {
		args := slices.Concat([]string{"list", "-e", "-f", `{{.ImportPath}} {{join .Deps " "}}`}, g.flags.words(), []string{t.Package})
		out, err := command.Output(ctx, g.command(args))
		if err != nil {
			return f
		}
		linked := func(path string) bool { return slices.Contains(strings.Fields(string(out)), path) }
		if slices.ContainsFunc(culprits, linked) {
			bad = append(bad, t.Package)
		} else {
			good = append(good, t.Package)
		}
	}
	if len(bad) > 0 && len(good) > 0 {
		f.What += " (in " + enumerate(bad) + ")"
		f.Do += ", or leave that program out: BP_GO_TARGETS=" + strings.Join(good, ":")
	}
	return f
}
