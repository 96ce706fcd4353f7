package manager

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

var npmTool = Tool{
	ID: "npm", Name: "npm", Title: "npm", Update: "npm install", Example: "npm@11.6.0", Links: true,
	Headers:   "npm_package_config_node_gyp_nodedir", // it warns of the other one
	lockfiles: []string{"npm-shrinkwrap.json", NPMLockfile},
	open:      func(a *app) (Manager, error) { return npm{a}, nil },
}

type npm struct{ *app }

func (n npm) at(string) Manager { return n }

// Args returns the arguments of a command.
func (n npm) Args(do Action) []string {
	switch do {
	case Rebuild:
		return []string{"rebuild"}
	case Resolve:
		return []string{"install", "--package-lock-only", "--save"}
	}
	return n.install(do, []string{"ci"}, []string{"install"})
}

// Env returns npm's settings. The registry is in the build's environment under the name that npm reads.
func (n npm) Env(cache, _ string) config.Environment {
	return config.Environment{
		"npm_config_cache": cache, "npm_config_include": "dev", "npm_config_audit": "false", "npm_config_fund": "false",
		"npm_config_update_notifier": "false", "npm_config_progress": "false", "npm_config_logs_max": "0",
		"npm_config_logs_dir": "~/", // is there when npm writes its report of a conflict
	}
}

// npmCache is the folder of an app that brings npm's cache along, as Paketo's buildpack has it.
const npmCache = "npm-cache"

// Offline returns npm's cache of the app.
func (n npm) Offline() (string, config.Environment, error) {
	dir := filepath.Join(n.in.Root, npmCache)
	if _, err := os.Stat(filepath.Join(dir, "_cacache")); err != nil {
		return "", nil, nil
	}
	return npmCache, config.Environment{"npm_config_cache": dir, "npm_config_prefer_offline": "true"}, nil
}

// NPMLockfile is the lockfile that npm makes.
const NPMLockfile = "package-lock.json"

// npmLock is a package-lock.json (npm's documentation, "package-lock.json").
type npmLock struct {
	Version  int
	Packages map[string]npmLocked // by path, from version 2 on: "node_modules/a/node_modules/b"; "" is the app
}

type npmLocked struct {
	Version   string
	Resolved  string
	Integrity string
	InBundle  bool
	Dev       bool
	Link      bool
	Bin       map[string]string
	Asks      []string // names of what it depends on

	Extraneous bool
}

// read reads the lockfile, nil if there is none.
func (n npm) read() (*npmLock, error) {
	data, err := n.in.ReadLockfile()
	if err != nil || data == nil {
		return nil, err
	}
	f, err := fields.JSON(n.in.Lockfile, data)
	if broken := new(fault.Fault); errors.As(err, broken) {
		broken.Do = "make it again with npm install"
		return nil, *broken
	}
	l := &npmLock{Packages: map[string]npmLocked{}}
	l.Version, _ = strconv.Atoi(f.Text("lockfileVersion")) // one that is no number is none
	packages := f.Object("packages")
	for at := range packages {
		p := packages.Object(at)
		if p == nil {
			continue
		}
		var asks []string
		for _, kind := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
			asks = slices.AppendSeq(asks, maps.Keys(p.Object(kind)))
		}
		l.Packages[at] = npmLocked{
			Version: p.Text("version"), Resolved: p.Text("resolved"), Integrity: p.Text("integrity"), InBundle: p.True("inBundle"),
			Dev: p.True("dev"), Link: p.True("link"), Bin: p.Texts("bin"), Asks: asks, Extraneous: p.True("extraneous"),
		}
	}
	return l, nil
}

// Lock finds packages without a hash, and programs. A package from a place that package.json does not name is a fault.
func (n npm) Lock() (Lock, error) {
	l, err := n.read()
	if err != nil || l == nil {
		return Lock{}, err
	}
	if l.Version < 1 {
		what := fmt.Sprintf("%s has version %d of the format, which no npm reads", n.in.Lockfile, l.Version)
		return Lock{}, fault.Fault{ID: "node-lockfile-old", What: what, Do: "renew it with npm install --package-lock-only"}
	}
	local := slices.Concat(n.in.Copied, n.in.Members)
	l.skipStale(local)
	if at := l.elsewhere(local); at != "" {
		what := fmt.Sprintf("%s takes %s from a place that package.json does not name", n.in.Lockfile, at)
		return Lock{}, fault.Fault{ID: "node-local", What: what, Do: "make it again with npm install"}
	}
	lock := Lock{Unhashed: l.unhashed()}
	if l.Version >= 2 {
		lock.Program = l.program
	}
	return lock, nil
}

// skipStale takes out what npm ci skips: what npm itself calls extraneous, and folders that are no part of the app any more.
func (l npmLock) skipStale(local []string) {
	maps.DeleteFunc(l.Packages, func(at string, p npmLocked) bool {
		return p.Extraneous || at != "" && !installed(at) && !slices.Contains(local, at)
	})
}

// elsewhere returns the path of a package that another one asks for and that comes from a folder or an archive of the app, which is
// none of the local ones; "" if there is none.
func (l npmLock) elsewhere(local []string) string {
	asked := map[string]bool{}
	for _, p := range l.Packages {
		for _, name := range p.Asks {
			asked[name] = true
		}
	}
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		p := l.Packages[at]
		file, archive := strings.CutPrefix(p.Resolved, "file:")
		if installed(at) && asked[nameAt(at)] && (p.Link || archive) && !slices.Contains(local, file) {
			return at
		}
	}
	return ""
}

// nameAt returns the name of the installed package at a path.
func nameAt(at string) string {
	return at[strings.LastIndex(at, project.ModulesDir+"/")+len(project.ModulesDir)+1:]
}

// installed reports whether a path is of a package that is installed and not a folder of the app.
func installed(at string) bool { return strings.Contains("/"+at, "/"+project.ModulesDir+"/") }

// hosted matches an address of git for which npm downloads an archive instead: nothing but the commit's name is known of it.
var hosted = regexp.MustCompile(`^git\+[^#]*[@/](?:github\.com|gitlab\.com|bitbucket\.org)[:/]`)

// vouched reports whether something vouches for a package: its own hash, that of the package that it is in, or that of the commit
// that is checked out. The app's own packages need none.
func (p npmLocked) vouched() bool {
	checkedOut := strings.HasPrefix(p.Resolved, "git") && !hosted.MatchString(p.Resolved)
	return p.Link || p.InBundle || p.Integrity != "" || checkedOut || strings.HasPrefix(p.Resolved, "file:")
}

func (l npmLock) unhashed() []string {
	var list []string
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		if p := l.Packages[at]; installed(at) && !p.vouched() {
			list = append(list, nameAt(at)+"@"+p.Version)
		}
	}
	return list
}

// program finds a program as Node.js does, in the folders from the asking one up to the root. As for npm, its file is in its package.
func (l npmLock) program(from, name string) (file string, dev, found bool) {
	for dir := from; ; dir = path.Dir(dir) {
		folder := path.Join(dir, project.ModulesDir) + "/"
		for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
			target, ok := l.Packages[at].Bin[name]
			if ok && strings.HasPrefix(at, folder) && strings.LastIndex(at, project.ModulesDir+"/") == len(folder)-len(project.ModulesDir)-1 {
				return path.Join(at, path.Join("/", target)), l.Packages[at].Dev, true
			}
		}
		if dir == "." {
			return "", false, false
		}
	}
}
