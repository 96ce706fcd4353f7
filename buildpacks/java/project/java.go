package project

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// age is a release of Java by its first number, and where it is named.
type age struct {
	major int // 0: none
	from  string
}

// ages are the releases of Java that a build can have.
type ages struct {
	least, exact age
	most         age // the newest that a tool of the build knows
}

// minimum raises the least release to one that is written as "17" or "1.8".
func (a *ages) minimum(text, from string) {
	if major := javaMajor(text); major > a.least.major {
		a.least = age{major, from}
	}
}

// ceiling lowers the newest release.
func (a *ages) ceiling(major int, from string) {
	if major > 0 && (a.most.major == 0 || major < a.most.major) {
		a.most = age{major, from}
	}
}

// only sets the release that the build is for, if none is set.
func (a *ages) only(text, from string) {
	if major := javaMajor(text); major > 0 && a.exact.major == 0 {
		a.exact = age{major, from}
	}
}

// javaRelease matches a release of Java as compilers take it.
var javaRelease = regexp.MustCompile(`^(?:1\.)?([1-9][0-9]?)$`)

// javaMajor returns the release of a text, 0 if it is none.
func javaMajor(text string) int {
	found := javaRelease.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil {
		return 0
	}
	major, _ := strconv.Atoi(found[1]) // one or two digits
	return major
}

// asks returns what all of this asks for. A ceiling that leaves nothing is passed over: the build says then what is wrong.
func (a ages) asks() []version.Ask {
	within := func(least, most int) version.Range {
		return version.Range{Allows: func(v string) bool {
			first, _, _ := strings.Cut(v, ".") // Java has four numbers
			major, err := strconv.Atoi(first)
			return err == nil && major >= least && (most == 0 || major <= most)
		}}
	}
	switch {
	case a.exact.major > 0:
		return []version.Ask{{Text: strconv.Itoa(a.exact.major), From: a.exact.from,
			Ranges: []version.Range{other(within(a.exact.major, a.exact.major), a.exact.major)}}}
	case a.least.major == 0 && a.most.major == 0:
		return nil
	case a.most.major == 0:
		return []version.Ask{{Text: strconv.Itoa(a.least.major), From: a.least.from, Ranges: []version.Range{
			reason(within(a.least.major, 0), fmt.Sprintf("%s is %d", a.least.from, a.least.major)), {Else: strconv.Itoa(a.least.major)}}}}
	}
	known := fmt.Sprintf("%s knows Java up to %d", a.most.from, a.most.major)
	ask := version.Ask{Text: strconv.Itoa(max(a.least.major, 1)), From: a.least.from,
		Ranges: []version.Range{reason(within(a.least.major, a.most.major), known), within(a.least.major, 0)}}
	if a.least.major > 0 {
		ask.Ranges = append(ask.Ranges, version.Range{Else: strconv.Itoa(a.least.major)})
	}
	if ask.From == "" {
		ask.Text, ask.From = strconv.Itoa(a.most.major), a.most.from
	}
	return []version.Ask{ask}
}

// other returns a range with the release that is asked for where there is none of it.
func other(r version.Range, major int) version.Range {
	r.Else = strconv.Itoa(major)
	return r
}

func reason(r version.Range, text string) version.Range {
	r.Reason = text
	return r
}

// known are the newest releases of Java that releases of tools can run with or compile with, the newest tools first. What is newer than the
// first line of a tool has no limit.
var known = map[string][]struct {
	below string // releases before this one
	java  int
}{
	// Spring Boot names the releases that it is tested with; it also says which Lombok and Byte Buddy there are.
	"Spring Boot": {{"3.5.0-0", 24}, {"3.4.0-0", 23}, {"3.3.0-0", 22}, {"3.2.0-0", 21}},
	"Gradle": {
		{"9.1.0-0", 24}, {"8.14.0-0", 23}, {"8.10.0-0", 22}, {"8.8.0-0", 21}, {"8.5.0-0", 20}, {"8.3.0-0", 19}, {"7.6.0-0", 18}, {"7.5.0-0", 17},
		{"7.3.0-0", 16},
	},
	"Lombok": {{"1.18.40-0", 24}, {"1.18.38-0", 23}, {"1.18.30-0", 20}},
	"Kotlin": {{"2.3.0-0", 24}, {"2.1.20-0", 23}, {"2.0.0-0", 21}},
	"sbt":    {{"1.11.0-0", 24}, {"1.9.0-0", 20}},
}

// newest returns the newest release of Java that a release of a tool knows, 0 for no limit.
func newest(tool, release string) int {
	v, err := semver.NewVersion(strings.TrimSuffix(strings.TrimSuffix(release, ".RELEASE"), ".Final"))
	if err != nil {
		return 0
	}
	java := 0
	for _, line := range known[tool] {
		if v.LessThan(semver.MustParse(line.below)) {
			java = line.java
		}
	}
	return java
}
