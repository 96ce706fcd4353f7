package manager

import (
	"cmp"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Chosen is the package manager of an app, and the release of it.
type Chosen struct {
	Manager
	Release   Release
	Project   project.Project // with the folders of the app that packages come from
	Unchecked bool            // packageManager tells a hash that cannot be compared
}

// Release is a release of a package manager.
type Release struct {
	version.Choice
	Hash string // of its archive, as packageManager tells it; "" if it tells none that can be compared
}

// Bun returns the release of Bun that runs the app: the package manager's where that is Bun, or else the newest that is asked for.
func (c Chosen) Bun(l Locks) (Release, error) {
	if c.Tool().ID == bunTool.ID {
		return c.Release, nil
	}
	newest, err := newestBun(c.Project, l)
	return Release{Choice: newest}, err
}

// Locks are the releases that may be chosen, and what they have to run on.
type Locks struct {
	lock.Lock
	Arch string // as Node.js calls it
	Node string // the release of Node.js that package managers run on

	asked string // the range that packageManager names; "" for none
}

// Choose decides on the package manager of a project, and its release: packageManager, or else the lockfile's, or else npm.
func Choose(p project.Project, l Locks) (Chosen, error) {
	of, err := ofLockfile(p)
	if err != nil {
		return Chosen{}, err
	}
	asked, err := readField(p.Base.PackageManager, of)
	if err != nil {
		return Chosen{}, err
	}
	if asked.tool.Name != "" && of.Name != "" && asked.tool.Name != of.Name {
		return Chosen{}, project.LockfilesFault(
			fmt.Sprintf("%s asks for %s, and %s is a lockfile of %s", field, asked.tool.Title, p.Lockfile, of.Title))
	}
	tool := npmTool
	switch {
	case asked.tool.Name != "":
		tool = asked.tool
	case of.Name != "":
		tool = of
	}
	if p, err = p.WithLocal(!tool.Links); err != nil {
		return Chosen{}, err
	}
	m, err := tool.open(&app{in: p, tool: tool, arch: l.Arch})
	if err != nil {
		return Chosen{}, err
	}
	c := Chosen{Manager: m, Project: p}
	switch own := m.Own(); {
	case own != "":
		c.Release.Choice = version.Choice{
			Version: strings.TrimSuffix(strings.TrimPrefix(filepath.Base(own), "yarn-"), ".cjs"), Reason: "yarnPath of .yarnrc.yml",
		}
	case asked.version != "":
		c.Release.Choice = version.Choice{Version: asked.version, Reason: field}
		c.Release.Hash, c.Unchecked, err = asked.check(l)
	default:
		l.asked = asked.allowed
		c.Release.Choice, err = m.newest(l)
	}
	c.Manager = m.at(c.Release.Version)
	return c, err
}

// asked is the value of packageManager: "pnpm@10.12.1+sha512.HEX", of which the hash may be missing, or less than that: "pnpm@10".
type asked struct {
	tool    Tool
	version string
	hash    string // "sha512.HEX"
	allowed string // a range, where there is no version
}

const field = "packageManager of package.json"

// exact matches a release and its hash.
var exact = regexp.MustCompile(`^v?([0-9][^+]*)(?:\+([a-z0-9]+\.[0-9a-f]+))?$`)

// readField reads packageManager. Of two package managers with a name, the lockfile's counts, or else the release decides.
func readField(text string, of Tool) (asked, error) {
	name, release, _ := strings.Cut(strings.TrimSpace(text), "@")
	if name == "" {
		return asked{}, nil
	}
	tools := Tools()
	i := slices.IndexFunc(tools, func(t Tool) bool { return t.Name == name })
	if i < 0 {
		what := fmt.Sprintf("%s is %q, which is not a package manager of this buildpack", field, text)
		return asked{}, fault.Fault{ID: "node-manager", What: what, Do: "use npm, pnpm, yarn or bun"}
	}
	a := asked{tool: tools[i]}
	if parts := exact.FindStringSubmatch(release); parts != nil {
		if v, err := semver.StrictNewVersion(parts[1]); err == nil {
			a.version, a.hash = v.String(), parts[2]
		}
	}
	if a.version == "" && !slices.Contains(tags, release) {
		a.allowed = release
	}
	if version.Semantic(cmp.Or(a.allowed, "*")) == nil {
		what := fmt.Sprintf("%s is %q, which is not a name, @ and a version", field, text)
		return asked{}, fault.Fault{ID: "node-manager-version", What: what, Do: "write it like " + a.tool.Example}
	}
	if berry := a.tool.Name == berryTool.Name && (release == "berry" || release == "stable" || firstNumber(release) > 1); berry {
		a.tool = berryTool
	}
	if a.version == "" && of.Name == a.tool.Name {
		a.tool = of
	}
	return a, nil
}

// tags are names of releases that are the newest one.
var tags = []string{"", "latest", "stable", "berry", "classic"}

// firstNumber returns the first number of a range, 0 if there is none.
func firstNumber(text string) int {
	number, _ := strconv.Atoi(numberIn.FindString(text)) // an empty text is none
	return number
}

var numberIn = regexp.MustCompile(`[0-9]{1,9}`)

// check compares the hash in packageManager with the locked one, and returns it for a release that is not locked. It is the hash of
// the package's archive for npm, Yarn 1, and pnpm before version 12. Others cannot be compared.
func (a asked) check(l Locks) (hash string, unchecked bool, err error) {
	if a.hash == "" {
		return "", false, nil
	}
	digits, is := strings.CutPrefix(a.hash, "sha512.")
	sum, err := hex.DecodeString(digits)
	if !is || err != nil || a.tool.Package(a.version, l.Arch) != a.tool.Name {
		return "", true, nil
	}
	if len(sum) != sha512.Size {
		what := fmt.Sprintf("%s has a hash sha512 of %d digits instead of %d", field, len(digits), 2*sha512.Size)
		return "", false, fault.Fault{ID: "node-manager-hash", What: what, Do: "copy all of it, or leave the hash out"}
	}
	hash = "sha512-" + base64.StdEncoding.EncodeToString(sum)
	if r, locked := l.Find(a.tool.ID, GoArch(l.Arch), a.version); locked && r.Hash != hash {
		what := fmt.Sprintf("%s has another hash of %s %s than lock.toml", field, a.tool.Title, a.version)
		return "", false, fault.Fault{ID: "node-manager-hash", What: what, Do: "find out where it comes from, or leave the hash out"}
	}
	return hash, false, nil
}

// ofLockfile returns the package manager whose lockfile an app has, an empty one without a lockfile. A yarn.lock may be of either
// Yarn.
func ofLockfile(p project.Project) (Tool, error) {
	for _, tool := range Tools() {
		if !slices.Contains(tool.lockfiles, p.Lockfile) {
			continue
		}
		if p.Lockfile == yarnLockfile {
			data, err := p.ReadLockfile()
			if err != nil {
				return Tool{}, err
			}
			if format, err := berryFormat(data); format > 0 || err != nil {
				return berryTool, err
			}
		}
		return tool, nil
	}
	return Tool{}, nil
}

// newestOf returns the newest release that a range allows and that runs on the chosen Node.js. Why says where the range is from.
func (a *app) newestOf(l Locks, allowed, why string) (version.Choice, error) {
	if l.asked != "" {
		why = strings.Trim(field+" is "+l.asked+"; "+why, "; ")
	}
	why = cmp.Or(why, "runs on Node.js "+l.Node)
	found := l.NewestOn(a.tool, allowed)
	if found == "" {
		return version.Choice{}, fault.Fault{
			ID: "node-too-old", What: fmt.Sprintf("no locked %s that fits (%s) runs on Node.js %s", a.tool.Title, why, l.Node),
			Do: "ask for a newer Node.js, or for an exact version in packageManager",
		}
	}
	return version.Choice{Version: found, Reason: why}, nil
}

// NewestOn returns the newest release of a package manager that a range allows and that runs on the release of Node.js, "" for
// none. A release is left to those who name it if the lock does not say what it runs on.
func (l Locks) NewestOn(t Tool, allowed string) string {
	wanted, asked := version.Semantic(allowed), version.Semantic(cmp.Or(l.asked, "*"))
	found, _ := l.Newest(t.ID, GoArch(l.Arch), func(v string) bool {
		runsOn := version.Semantic(cmp.Or(l.Requires.Of(t.ID, v), "<0"))
		return wanted(v) && asked(v) && runsOn(l.Node)
	})
	return found.Version
}

// GoArch returns Go's name of an architecture by Node.js' name.
func GoArch(arch string) string { return map[string]string{"x64": "amd64", "arm64": "arm64"}[arch] }

// Semantic reads a range of versions as package.json has them. It returns nil for what is none.
func Semantic(text string) []version.Range {
	allows := version.Semantic(text)
	if allows == nil {
		return nil
	}
	return []version.Range{{Allows: allows}}
}
