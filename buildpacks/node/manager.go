package node

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// manager is what differs between package managers.
type manager struct {
	name    string   // the command, and its name in packageManager
	title   string   // as people write it
	locked  []string // arguments of the install that the lockfile decides
	loose   []string // arguments of the install without a lockfile
	example string   // of a version
	update  string   // the command that makes a lockfile
}

var (
	npm   = &manager{name: "npm", title: "npm", locked: []string{"ci"}, loose: []string{"install"}, example: "npm@11.6.0", update: "npm install"}
	pnpm  = &manager{name: "pnpm", title: "pnpm", locked: []string{"install", "--frozen-lockfile"}, loose: []string{"install", "--no-frozen-lockfile"}, example: "pnpm@10.12.1", update: "pnpm install"}
	yarn  = &manager{name: "yarn", title: "Yarn", locked: []string{"install", "--frozen-lockfile", "--non-interactive"}, loose: []string{"install", "--non-interactive"}, example: "yarn@1.22.22", update: "yarn install"}
	berry = &manager{name: "yarn", title: "Yarn", locked: []string{"install", "--immutable"}, loose: []string{"install", "--no-immutable"}, example: "yarn@4.9.2", update: "yarn install"}
	bun   = &manager{name: "bun", title: "Bun", locked: []string{"install", "--frozen-lockfile"}, loose: []string{"install"}, example: "bun@1.2.20", update: "bun install"}
)

// npmLockfile is the lockfile that npm makes.
const npmLockfile = "package-lock.json"

// managers are the package managers by the names of their lockfiles. A yarn.lock may be of either Yarn.
var managers = map[string]*manager{
	"npm-shrinkwrap.json": npm, "package-lock.json": npm, "yarn.lock": yarn, "pnpm-lock.yaml": pnpm, "bun.lock": bun, "bun.lockb": bun,
}

// asked is the value of packageManager: "pnpm@10.12.1+sha512.HEX", of which the hash may be missing.
type asked struct {
	of      *manager
	version string
	hash    string // "sha512.HEX"
}

const managerField = "packageManager of package.json"

var managerSyntax = regexp.MustCompile(`^(npm|pnpm|yarn|bun)@([0-9][^+]*)(?:\+([a-z0-9]+\.[0-9a-f]+))?$`)

func readManager(field string) (asked, error) {
	if field == "" {
		return asked{}, nil
	}
	name, _, _ := strings.Cut(field, "@")
	known := map[string]*manager{"npm": npm, "pnpm": pnpm, "yarn": yarn, "bun": bun}[name]
	if known == nil {
		return asked{}, fault.Fault{ID: "node-manager", What: fmt.Sprintf("%s is %q, which is not a package manager of this buildpack", managerField, field), Do: "use npm, pnpm, yarn or bun"}
	}
	parts := managerSyntax.FindStringSubmatch(field)
	if parts == nil {
		return asked{}, fault.Fault{ID: "node-manager-version", What: fmt.Sprintf("%s is %q, which is not a name, @ and a version", managerField, field), Do: "write it like " + known.example}
	}
	v, err := semver.StrictNewVersion(parts[2])
	if err != nil {
		return asked{}, fault.Fault{ID: "node-manager-version", What: fmt.Sprintf("%s is %q, which has no exact version", managerField, field), Do: "write it like " + known.example}
	}
	if known == yarn && v.Major() > 1 {
		known = berry
	}
	return asked{known, v.String(), parts[3]}, nil
}

// chooseManager decides on the package manager and its release: packageManager, or else the lockfile's, or else npm.
func (d *decision) chooseManager() error {
	of := managers[d.Lockfile]
	wanted, err := readManager(d.Base.PackageManager)
	if err != nil {
		return err
	}
	if of == yarn {
		if of, d.format, err = yarnOf(filepath.Join(d.Root, d.Lockfile)); err != nil {
			return err
		}
	}
	if wanted.of != nil && of != nil && wanted.of.name != of.name {
		return project.LockfilesFault(fmt.Sprintf("%s asks for %s, and %s is a lockfile of %s", managerField, wanted.of.title, d.Lockfile, of.title))
	}
	d.manager = npm
	switch {
	case wanted.of != nil:
		d.manager, d.using = wanted.of, choice{Version: wanted.version, Reason: managerField}
	case of != nil:
		d.manager = of
	}
	if d.manager == berry {
		if err := d.readYarnSettings(); err != nil {
			return err
		}
	}
	if d.Project, err = d.WithLocal(d.manager != npm); err != nil {
		return err
	}
	if d.using.Version == "" {
		return d.newestManager()
	}
	return d.checkHash(wanted.hash)
}

// focuses tells whether the package manager itself takes away what is only for development: Yarn from 4 on.
func (d decision) focuses() bool { return d.manager == berry && d.berryMajor() >= 4 }

// checkHash compares the hash in packageManager with the locked one, or keeps it for a release that is not locked. It is
// the hash of the package's archive for npm, Yarn 1, and pnpm before version 12; others cannot be compared.
func (d *decision) checkHash(told string) error {
	digits, sha512 := strings.CutPrefix(told, "sha512.")
	name := d.manager.packageName(d.using.Version, d.arch)
	if told == "" || d.yarn.Path != "" {
		return nil
	}
	sum, err := hex.DecodeString(digits)
	if !sha512 || err != nil || name != d.manager.name {
		d.unchecked = true
		return nil
	}
	d.hash = "sha512-" + base64.StdEncoding.EncodeToString(sum)
	if r, locked := d.lock.Find(d.manager.id(), goarch(d.arch), d.using.Version); locked && r.Hash != d.hash {
		return fault.Fault{ID: "node-manager-hash", What: fmt.Sprintf("%s has another hash of %s %s than lock.toml", managerField, d.manager.title, d.using.Version), Do: "find out where it comes from, or leave the hash out"}
	}
	return nil
}

// newestManager takes the newest release that reads the lockfile and runs on the chosen Node.js.
func (d *decision) newestManager() (err error) {
	if d.manager == bun {
		d.using, err = d.newestBun()
		return err
	}
	reads, why := "*", "runs on Node.js "+d.node.Version
	if d.Lockfile != "" {
		if reads, why, err = d.lockfileRange(); err != nil {
			return err
		}
	}
	version := newestOn(d.lock, d.manager, d.arch, reads, d.node.Version)
	if version == "" {
		return fault.Fault{ID: "node-too-old", What: fmt.Sprintf("no locked %s that fits (%s) runs on Node.js %s", d.manager.title, why, d.node.Version), Do: "ask for a newer Node.js, or for an exact version in packageManager"}
	}
	d.using = choice{Version: version, Reason: why}
	return nil
}

// lockfileRange returns the releases of the package manager that read the lockfile as it is, and why.
func (d *decision) lockfileRange() (reads, why string, err error) {
	switch d.manager {
	case pnpm:
		version, err := pnpmFormat(filepath.Join(d.Root, d.Lockfile))
		why = fmt.Sprintf("%s has version %s of the format", d.Lockfile, version)
		switch major, _, _ := strings.Cut(version, "."); {
		case err != nil:
			return "", "", err
		case version == "5.4":
			return "^7", why, nil
		case major == "6":
			return "^8", why, nil
		case major == "9":
			return ">=9", why, nil
		}
		return "", "", fault.Fault{ID: "node-lockfile-old", What: why + ", which no release of pnpm from 7 on writes", Do: "renew it with pnpm install"}
	case berry:
		why = fmt.Sprintf("%s has version %d of the format", d.Lockfile, d.format)
		if reads := berryFormats[d.format]; reads != "" {
			return reads, why, nil
		}
		if d.format > 10 {
			return ">=4", why, nil
		}
		return "", "", fault.Fault{ID: "node-lockfile-old", What: why + ", which no release of Yarn from 2.4 on writes", Do: "renew it with yarn install"}
	}
	return "*", "runs on Node.js " + d.node.Version, nil
}

// berryFormats are the releases of Yarn that write a version of the format; others would have to change the lockfile.
var berryFormats = map[int]string{4: "^2", 5: "~3.1", 6: "~3.8", 8: "~4.13", 9: "~4.14", 10: ">=4.15"}

// pnpmFormat reads lockfileVersion, which stands in the first lines of a pnpm-lock.yaml.
func pnpmFormat(file string) (string, error) {
	var head struct {
		Version string `yaml:"lockfileVersion"`
	}
	return head.Version, project.ReadYAML(file, &head)
}

// yarnOf tells by a yarn.lock which Yarn wrote it, and the version of its format from Yarn 2 on.
func yarnOf(file string) (*manager, int, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading yarn.lock: %w", err)
	}
	head := yarnMetadata.FindSubmatch(data)
	if head == nil {
		return yarn, 0, nil
	}
	version, err := strconv.Atoi(string(head[1]))
	return berry, version, err
}

var yarnMetadata = regexp.MustCompile(`(?m)^__metadata:\r?\n\s+version: "?([0-9]{1,4})`)

// yarnSettings are what a build reads of .yarnrc.yml.
type yarnSettings struct {
	Path   string `yaml:"yarnPath"`
	Linker string `yaml:"nodeLinker"`
}

// readYarnSettings reads how Yarn lays out packages, and which Yarn the app brings along.
func (d *decision) readYarnSettings() error {
	if err := project.ReadYAML(filepath.Join(d.Root, ".yarnrc.yml"), &d.yarn); err != nil {
		return err
	}
	switch d.yarn.Linker {
	case "node-modules", "pnpm":
	case "", "pnp":
		d.pnp = true
	default:
		return fault.Fault{ID: "node-linker", What: fmt.Sprintf(".yarnrc.yml has nodeLinker: %s, which is none of Yarn's", d.yarn.Linker), Do: "set nodeLinker to node-modules, pnpm or pnp and run yarn install"}
	}
	if d.yarn.Path == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(d.Root, d.yarn.Path)); !filepath.IsLocal(d.yarn.Path) || err != nil {
		return fault.Fault{ID: "node-yarn-path", What: fmt.Sprintf("yarnPath of .yarnrc.yml is %q, which is not a file of the app", d.yarn.Path), Do: "check the file in, or remove the line and set packageManager"}
	}
	d.using = choice{Version: strings.TrimSuffix(strings.TrimPrefix(filepath.Base(d.yarn.Path), "yarn-"), ".cjs"), Reason: "yarnPath of .yarnrc.yml"}
	return nil
}

// packageName returns the package of the registry that holds a release of the package manager.
func (m *manager) packageName(version, arch string) string {
	switch m {
	case berry:
		return "@yarnpkg/cli-dist"
	case bun: // the build for all processors, so that a build does not depend on the machine's
		return map[string]string{"x64": "@oven/bun-linux-x64-baseline", "arm64": "@oven/bun-linux-aarch64"}[arch]
	case pnpm:
		if v, err := semver.NewVersion(version); err == nil && v.Major() >= 12 { // a program for one architecture
			return "@pnpm/exe.linux-" + arch
		}
	}
	return m.name
}
