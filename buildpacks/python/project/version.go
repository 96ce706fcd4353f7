package project

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// Asks returns what asks for a version of Python, the first in precedence first: .python-version, pyproject.toml and other manifests,
// runtime.txt, files of version managers, the lockfile. Of each, the project's folder goes before the app's. A single version goes
// before the ranges above it if they allow it: they say with what the app works, and it says with what it is run.
func (p Project) Asks() ([]version.Ask, error) {
	asks, err := inFolders(p, func(dir string) (version.Ask, error) { return version.File(dir, ".python-version") })
	if err != nil {
		return nil, err
	}
	pipfile, err := p.toml(p.within("Pipfile"))
	if err != nil {
		return nil, err
	}
	lock := fields.Object{}
	if slices.Contains([]string{uvLock, pylock, "poetry.lock", "pdm.lock"}, p.File) {
		if lock, err = p.toml(p.within(p.File)); err != nil {
			return nil, err
		}
	}
	add := func(o fields.Object, field, file string) {
		asks = append(asks, version.Ask{Text: o.Text(field), From: field + " of " + file})
	}
	add(p.Manifest.Object("project"), "requires-python", manifestFile)
	add(pipfile.Object("requires"), "python_full_version", "Pipfile")
	add(pipfile.Object("requires"), "python_version", "Pipfile")
	add(p.tool("poetry").Object("dependencies"), "python", manifestFile)
	add(p.tool("poetry").Object("dependencies").Object("python"), "version", manifestFile)
	more, err := inFolders(p, func(dir string) (version.Ask, error) { return version.File(dir, "runtime.txt") },
		func(dir string) (version.Ask, error) { return version.Manager(dir, "python") })
	if err != nil {
		return nil, err
	}
	asks = append(asks, more...)
	add(lock, "requires-python", p.File)
	add(lock.Object("metadata"), "python-versions", p.File)
	add(lock.Object("metadata"), "requires_python", p.File)
	return settled(slices.DeleteFunc(asks, func(a version.Ask) bool { return strings.TrimSpace(a.Text) == "" })), nil
}

// inFolders returns what files ask for in the project's folder, the workspace's and the app's.
func inFolders(p Project, reads ...func(dir string) (version.Ask, error)) (asks []version.Ask, err error) {
	for _, read := range reads {
		for _, dir := range slices.Compact([]string{p.Dir, p.Root, p.App}) {
			ask, err := read(dir)
			if err != nil {
				return nil, err
			}
			asks = append(asks, ask)
		}
	}
	return asks, nil
}

// settled returns asks with the first single version in front, if all ranges before it allow it.
func settled(asks []version.Ask) []version.Ask {
	at := slices.IndexFunc(asks, func(a version.Ask) bool { return implementation.MatchString(strings.TrimSpace(a.Text)) })
	if at < 1 {
		return asks
	}
	one := implementation.FindStringSubmatch(strings.TrimSpace(asks[at].Text))[1]
	for _, before := range asks[:at] {
		if ranges := Python(before.Text); ranges == nil || !ranges[0].Allows(one) {
			return asks
		}
	}
	return slices.Concat(asks[at:at+1], asks[:at], asks[at+1:])
}

// implementation matches what version files may have before a version of CPython, and after it.
var implementation = regexp.MustCompile(`^(?i:cpython|python)?[-@]?(\d[\w.+]*?)(?:[-+](?:linux|macos|windows|x86_64|aarch64)[\w.-]*)?$`)

// Python reads what a person writes for versions of Python: 3.13, 3.13.5, python-3.12.1, 3.12.*, and ranges as PEP 440 and Poetry have
// them, such as ">=3.11,<3.14", "~=3.11" and "^3.11 || 3.14.*". It returns nil for any other text. A version without an operator, and
// one after "==", is also each version that begins with it: nobody means 3.13.0 alone by 3.13.
func Python(text string) []version.Range {
	if one := implementation.FindStringSubmatch(strings.TrimSpace(text)); one != nil {
		text = one[1]
	}
	var any []func([]int) bool
	for alternative := range strings.SplitSeq(strings.ReplaceAll(text, "||", "|"), "|") {
		all := conditions(alternative)
		if all == nil {
			return nil
		}
		any = append(any, func(v []int) bool {
			return !slices.ContainsFunc(all, func(holds func([]int) bool) bool { return !holds(v) })
		})
	}
	return []version.Range{{Allows: func(of string) bool {
		v, _, ok := release(of)
		return ok && slices.ContainsFunc(any, func(holds func([]int) bool) bool { return holds(v) })
	}}}
}

// condition matches one condition of a range, and parts what is between two.
var (
	condition = regexp.MustCompile(`^(===|~=|==|!=|<=|>=|<|>|\^|~|=)?\s*(\S+)$`)
	spaced    = regexp.MustCompile(`(=|<|>|\^|~)\s+`)
)

// conditions reads the conditions of a range that all have to hold, nil if it is none.
func conditions(text string) []func([]int) bool {
	var all []func([]int) bool
	for _, part := range strings.FieldsFunc(spaced.ReplaceAllString(text, "$1"), func(r rune) bool { return r == ',' || r == ' ' }) {
		found := condition.FindStringSubmatch(part)
		if found == nil {
			return nil
		}
		want, wild, ok := release(found[2])
		if !ok || wild && !slices.Contains([]string{"", "=", "==", "!=", "==="}, found[1]) {
			return nil
		}
		all = append(all, holds(found[1], want))
	}
	return all
}

// holds returns what reports whether a version is as an operator and a version say.
func holds(operator string, want []int) func([]int) bool {
	begins := func(v []int, n int) bool { return slices.Equal(v[:min(n, len(v))], want[:n]) }
	switch operator {
	case "!=":
		return func(v []int) bool { return !begins(v, len(want)) }
	case "<=":
		return func(v []int) bool { return compare(v, want) <= 0 }
	case ">=":
		return func(v []int) bool { return compare(v, want) >= 0 }
	case "<":
		return func(v []int) bool { return compare(v, want) < 0 }
	case ">":
		return func(v []int) bool { return compare(v, want) > 0 }
	case "^": // of Poetry: the same first number
		return func(v []int) bool { return compare(v, want) >= 0 && begins(v, 1) }
	case "~": // of Poetry: the same first two
		return func(v []int) bool { return compare(v, want) >= 0 && begins(v, min(2, len(want))) }
	case "~=": // all but the last
		return func(v []int) bool { return compare(v, want) >= 0 && begins(v, max(1, len(want)-1)) }
	}
	return func(v []int) bool { return begins(v, len(want)) }
}

// number matches a version: what comes after its numbers is of releases before and after it, which a range of Python's does not mean.
var number = regexp.MustCompile(`^v?(\d+(?:\.\d+)*)(\.\*)?(?:[-.]?(?:a|b|c|rc|alpha|beta|pre|dev|post)[-.]?\d*)*(?:\+[\w.]+)?$`)

// release returns the numbers of a version, and whether it is one of all that begin with them. "*" has no numbers.
func release(text string) (numbers []int, wild, ok bool) {
	if text == "*" {
		return nil, true, true
	}
	found := number.FindStringSubmatch(text)
	if found == nil {
		return nil, false, false
	}
	for part := range strings.SplitSeq(found[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false, false
		}
		numbers = append(numbers, n)
	}
	return numbers, found[2] != "", true
}

// compare compares versions by their numbers. Those that one of them lacks are 0.
func compare(a, b []int) int {
	pad := func(v []int) []int {
		return append(slices.Clone(v), make([]int, max(0, max(len(a), len(b))-len(v)))...)
	}
	return slices.Compare(pad(a), pad(b))
}
