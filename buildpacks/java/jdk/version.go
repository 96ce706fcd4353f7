package jdk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// VersionVariable is the variable in which a user asks for a version of Java.
const VersionVariable = "BP_JVM_VERSION"

// Choice is the JDK of a build, and why it is taken.
type Choice struct {
	JDK
	Reason string
}

// Choose returns the JDK that the first of these asks for: the user, the files of version managers, what else the app has. What the app's
// files ask for without a range is a minimum. The lock has vendors' archives.
func Choose(in bp.Workspace, known lock.Lock, app ...version.Ask) (Choice, error) {
	arch := in.Target.Arch
	if arch != runtime.GOARCH {
		return Choice{}, fault.Fault{ID: "java-cross", What: "runtimes for linux/" + arch + " are not linked on linux/" + runtime.GOARCH,
			Do: "build on a machine with linux/" + arch}
	}
	all, err := Debian(arch)
	if err != nil {
		return Choice{}, err
	}
	if len(all) == 0 {
		return Choice{}, fault.Fault{ID: "java-target", What: "there is no Java for linux/" + arch, Do: "build for linux/amd64 or linux/arm64"}
	}
	mirror, _, err := in.Config.Lookup(MirrorVariable)
	if err != nil {
		return Choice{}, err
	}
	c := choosing{debian: all, mirror: mirror}
	for _, r := range known.Releases {
		if r.ID == ID && r.Arch == arch {
			c.vendor = append(c.vendor, Vendored(r))
		}
	}
	ask, err := asked(in, app)
	if err != nil {
		return Choice{}, err
	}
	return c.choose(arch, ask)
}

// asked returns the first ask. What the user writes is exact; a file of a version manager says what developers have, so a newer fix of its
// release will do.
func asked(in bp.Workspace, app []version.Ask) (version.Ask, error) {
	user, _, err := in.Config.Lookup(VersionVariable)
	if err != nil {
		return version.Ask{}, err
	}
	asks := []version.Ask{{Text: user, From: VersionVariable}}
	for _, read := range []func() (version.Ask, error){
		func() (version.Ask, error) { return property(in.AppDir, ".sdkmanrc", "java") },
		func() (version.Ask, error) { return version.File(in.AppDir, ".java-version") },
		func() (version.Ask, error) { return property(in.AppDir, "system.properties", "java.runtime.version") },
		func() (version.Ask, error) { return version.Manager(in.AppDir, "java") },
	} {
		ask, err := read()
		if err != nil {
			return version.Ask{}, err
		}
		if ask.Text == "system" { // whoever runs the build decides
			continue
		}
		ask.Ranges = fixes(ask)
		asks = append(asks, ask)
	}
	for _, ask := range app {
		if ask.Ranges == nil {
			ask.Ranges = least(ask)
		}
		asks = append(asks, ask)
	}
	return version.First(asks...), nil
}

// property returns what a line NAME=VALUE of a file asks for.
func property(dir, file, name string) (version.Ask, error) {
	text, err := tree.ReadFile(filepath.Join(dir, file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return version.Ask{}, fmt.Errorf("reading %s: %w", file, err)
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, "=")
		if found && strings.TrimSpace(key) == name {
			value, _, _ = strings.Cut(value, "#")
			return version.Ask{Text: strings.TrimSpace(value), From: name + " of " + file}, nil
		}
	}
	return version.Ask{}, nil
}

// written matches a version as people, vendors and version managers write it: 21, 21.0.5, 17.*, 1.8, 8u392, temurin-21.0.5+11.0.LTS,
// 21.0.5-tem.
var written = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9_]*[-@])*(?:1\.)?([1-9][0-9]?)((?:\.[0-9]+)*)(u[0-9]+)?` +
	`(?:\.[*xX]|\+|[-+][A-Za-z0-9_.+-]+|\.[A-Za-z][A-Za-z0-9_.+-]*)?$`)

// read returns what a version is written as, with dots and without its vendor: "21.0.5", "8.0.392", "" for no version.
func read(text string) string {
	found := written.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	if found[3] != "" {
		return found[1] + ".0." + found[3][1:]
	}
	return found[1] + found[2]
}

// within reports whether a version is one, or one of a line that is written as a shorter one.
func within(line, v string) bool { return v == line || strings.HasPrefix(v, line+".") }

// fixes returns what a version in a developer's file means: it, or else the newest one of its release.
func fixes(ask version.Ask) []version.Range {
	line := read(ask.Text)
	if line == "" {
		return nil
	}
	release, _, _ := strings.Cut(line, ".")
	return []version.Range{
		{Allows: func(v string) bool { return within(line, v) }},
		{Allows: func(v string) bool { return within(release, v) }, Else: line,
			Reason: "newest fixes of what " + ask.From + " asks for: " + ask.Text},
	}
}

// least returns what a minimum means: the default, unless that is too old.
func least(ask version.Ask) []version.Range {
	line := read(ask.Text)
	if line == "" {
		return nil
	}
	enough := func(v string) bool { return slices.Compare(numbers(v), numbers(line)) >= 0 }
	return []version.Range{{Allows: enough, Reason: "default; " + ask.From + " needs at least " + ask.Text}, {Else: line}}
}

// numbers returns the numbers of a version.
func numbers(v string) []int {
	var all []int
	for part := range strings.SplitSeq(v, ".") {
		n, _ := strconv.Atoi(part) // a version here has nothing else
		all = append(all, n)
	}
	return all
}

// choosing is what there is to choose from.
type choosing struct {
	debian, vendor []JDK
	mirror         string
}

// choose returns the JDK that is asked for. Those of vendors count where a mirror has them, after those of Debian.
func (c choosing) choose(arch string, ask version.Ask) (Choice, error) {
	all := c.debian
	if c.mirror != "" {
		all = append(slices.Clone(all), c.vendor...)
	}
	known := lock.Lock{Default: map[string]string{ID: all[0].Version}}
	for _, j := range all {
		known.Releases = append(known.Releases, lock.Release{ID: ID, Version: j.Version, Arch: arch})
	}
	t := version.Tool{
		Title: "Java", ID: ID, Arch: arch, Lock: known, Default: "default", Like: "21, 17.* or 25.0.5",
		Read: func(text string) []version.Range {
			line := read(text)
			if line == "" {
				return nil
			}
			return []version.Range{{Allows: func(v string) bool { return within(line, v) }, Else: line}}
		},
	}
	chosen, err := t.Choose(ask)
	if err != nil {
		return Choice{}, err
	}
	at := slices.IndexFunc(all, func(j JDK) bool { return j.Version == chosen.Version })
	if at < 0 {
		return Choice{}, c.unknown(ask, chosen.Version)
	}
	return Choice{all[at], chosen.Reason}, nil
}

// unknown is the fault of a version that there is not.
func (c choosing) unknown(ask version.Ask, wanted string) error {
	var have []string
	for _, j := range c.debian {
		have = append(have, j.Version)
	}
	f := fault.Fault{ID: "java-version-unknown", What: ask.From + " asks for Java " + ask.Text + ", which Debian does not have",
		Do: "ask for " + strings.Join(have[:len(have)-1], ", ") + " or " + have[len(have)-1]}
	at := slices.IndexFunc(c.vendor, func(j JDK) bool { return within(wanted, j.Version) })
	switch {
	case at >= 0:
		f.Do += ", or name in " + MirrorVariable + " where Temurin's archives are, of which " + c.vendor[at].Version + " is known"
	case c.mirror != "":
		f.What += ", and no archive of Temurin that is known is that"
	}
	return f
}
