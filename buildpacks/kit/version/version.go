// Package version chooses the version of a tool, from what is asked for and what the lock has.
//
// A language lists the places that may ask, in their order of precedence, and takes the First that does. Choose finds the
// release. A further place to ask is one more line in that list; File reads those that are files of their own.
package version

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// Ask is what one place asks for.
type Ask struct {
	Text string // as it is written there; nothing but space asks for nothing
	From string // the place: "BP_GO_VERSION", "engines.node of package.json"

	// Ranges are what the text means, where it means something else than it does elsewhere, such as a minimum.
	Ranges []Range
}

// First returns the first ask that asks for something, and the zero Ask if none does.
func First(asks ...Ask) Ask {
	for _, ask := range asks {
		if ask.Text = strings.TrimSpace(ask.Text); ask.Text != "" {
			return ask
		}
	}
	return Ask{}
}

// Range is a set of versions.
type Range struct {
	Allows func(version string) bool // reports whether a locked version is in it; nil: none is
	Else   string                    // the version to take if no locked one is in it; "": none
	Reason string                    // why, for the log; "": the place that asks, and what it says
}

// Exactly returns the range of one version, whether it is locked or not.
func Exactly(version string) []Range { return []Range{{Else: version}} }

// Choice is the version of a tool that a build uses.
type Choice struct {
	Version string // "24.21.0"
	Reason  string // where it was asked for, to print after the version
}

// Tool is what a version is chosen of.
type Tool struct {
	Title   string // as people write it: "Node.js"
	ID      string // in the lock
	Arch    string // as GOARCH has it
	Lock    lock.Lock
	Default string                    // why a version is taken that nobody asked for
	Like    string                    // how to write one: "24.21.0, 24 or ^22.12"
	Read    func(text string) []Range // what a text means; nil: it is no version
}

// Choose returns the first range's version that there is: the lock's default if it is in the range, or else the newest that is.
func (t Tool) Choose(ask Ask) (Choice, error) {
	if ask.Text == "" {
		return Choice{t.best(Range{Allows: func(string) bool { return true }}), t.Default}, nil
	}
	ranges := ask.Ranges
	if ranges == nil {
		ranges = t.Read(ask.Text)
	}
	if ranges == nil {
		return Choice{}, fault.Fault{
			ID:   t.ID + "-version-syntax",
			What: fmt.Sprintf("%s is %q, which is not a version of %s", ask.From, ask.Text, t.Title),
			Do:   "write it like " + t.Like,
		}
	}
	for _, r := range ranges {
		if v := t.best(r); v != "" {
			return Choice{v, cmp.Or(r.Reason, ask.reason(v))}, nil
		}
	}
	return Choice{}, fault.Fault{
		ID:   t.ID + "-version-unknown",
		What: fmt.Sprintf("%s is %s, and no known release of %s for %s is that", ask.From, ask.Text, t.Title, t.Arch),
		Do:   "ask for one that is, such as " + t.best(Range{Allows: func(string) bool { return true }}),
	}
}

// best returns the version that is taken of a range, "" for none.
func (t Tool) best(r Range) string {
	if r.Allows == nil {
		return r.Else
	}
	if v := t.Lock.Default[t.ID]; v != "" && r.Allows(v) {
		return v
	}
	newest, _ := t.Lock.Newest(t.ID, t.Arch, r.Allows)
	return cmp.Or(newest.Version, r.Else)
}

// reason returns where a version was asked for, and how, unless it was asked for by name.
func (a Ask) reason(version string) string {
	if strings.TrimLeftFunc(a.Text, unicode.IsLetter) == version {
		return a.From
	}
	return a.From + " is " + a.Text
}
