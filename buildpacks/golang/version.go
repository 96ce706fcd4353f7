package golang

import (
	"fmt"
	goversion "go/version"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// newest returns the newest patch of a minor version such as "1.24" that is known somewhere else than in the lock.
type newest func(minor string) (string, error)

// chooseVersion decides on the Go release.
func chooseVersion(dir, variable string, m modules, l lock.Lock, patch newest) (version.Choice, error) {
	file, err := version.File(dir, ".go-version")
	if err != nil {
		return version.Choice{}, err
	}
	manager, err := version.Manager(dir, "go", "golang")
	if err != nil {
		return version.Choice{}, err
	}
	ask := version.First(
		version.Ask{Text: variable, From: "BP_GO_VERSION"},
		version.Ask{Text: m.Heroku, From: "heroku goVersion line of " + m.File},
		file, manager, askLine(m, m.Toolchain, "toolchain line"), askLine(m, m.Go, "go line"),
	)
	tool := version.Tool{
		Title: "Go", ID: goID, Arch: runtime.GOARCH, Lock: l, Default: "default", Like: "1.26.8, or 1.26 for the newest known patch",
		Read: func(text string) []version.Range { return readGo(text, l) },
	}
	chosen, err := tool.Choose(ask)
	if err != nil {
		return version.Choice{}, err
	}
	if chosen, err = patched(chosen, ask, l, patch); err != nil {
		return version.Choice{}, err
	}
	if m.Go != "" && older(chosen.Version, m.Go) {
		return version.Choice{}, fault.Fault{
			ID:   "go-version-too-old",
			What: fmt.Sprintf("%s asks for Go %s, but %s needs at least %s", ask.From, chosen.Version, m.File, m.Go),
			Do:   "raise " + ask.From + " or lower the go line",
		}
	}
	if older(chosen.Version, oldestBuilt) {
		return version.Choice{}, fault.Fault{
			ID:   "go-version-too-old",
			What: fmt.Sprintf("%s asks for Go %s, which builds no modules as they are built here", ask.From, chosen.Version),
			Do:   "ask for " + oldestBuilt + " or newer: a newer Go compiles what an older one does",
		}
	}
	return chosen, nil
}

// oldestBuilt is the first Go with all flags that a build cannot do without: -trimpath, and caches that can be deleted.
const oldestBuilt = "1.14"

// patched returns the newest patch of a minor version that is not locked, if the choice is that.
func patched(chosen version.Choice, ask version.Ask, l lock.Lock, patch newest) (version.Choice, error) {
	if _, locked := l.Find(goID, runtime.GOARCH, chosen.Version); locked || !isMinor(chosen.Version) {
		return chosen, nil
	}
	minor, least := chosen.Version, ask.Text // what is no minimum is the minor version, however it is written
	if ask.Ranges == nil {
		least = minor
	}
	found, err := patch(minor)
	switch {
	case err != nil && isMinor(least):
		return chosen, fault.Fault{
			ID: "go-list", What: fmt.Sprintf("%s is %s, and its newest patch is not known", ask.From, ask.Text), Err: err,
			Do: "check the network and GOPROXY, or ask for all of a version, such as " + l.Default[goID],
		}
	case err != nil || found != "" && older(found, least):
		return version.Choice{Version: least, Reason: ask.From}, nil
	case found == "":
		return chosen, fault.Fault{
			ID: "go-version-unknown", What: fmt.Sprintf("%s is %s, and there is no Go %s for linux/%s", ask.From, ask.Text, minor, runtime.GOARCH),
			Do: "ask for a release that there is, such as " + l.Default[goID],
		}
	}
	return version.Choice{Version: found, Reason: fmt.Sprintf("newest patch that GOPROXY lists; %s is %s", ask.From, ask.Text)}, nil
}

// askLine returns what the go or toolchain line asks for, which is a minimum. A program written for one Go may not run when the next
// one compiles it, so the minor version stays while it is locked, and in a toolchain line if it is not. As in the go command, a
// toolchain line that is below the go line says nothing.
func askLine(m modules, text, line string) version.Ask {
	if m.Go != "" && older(text, m.Go) {
		return version.Ask{}
	}
	enough := func(v string) bool { return !older(v, text) }
	needs := fmt.Sprintf("; %s needs at least %s", m.File, text)
	ranges := []version.Range{
		{Allows: func(v string) bool { return enough(v) && sameMinor(v, text) }, Reason: "newest locked patch" + needs},
		{Allows: enough, Reason: "default" + needs},
		{Else: minorOf(text)},
	}
	if line == "toolchain line" {
		ranges = slices.Delete(ranges, 1, 2)
	}
	return version.Ask{Text: text, From: line + " of " + m.File, Ranges: ranges}
}

// readGo reads what a person writes for a Go release: 1.26.3, go1.26.3, ~1.26.3, 1.26, 1.26.*, 1.*, latest.
func readGo(text string, l lock.Lock) []version.Range {
	text = strings.TrimPrefix(text, "go")
	if text == "1.*" || text == "1" || text == "*" || text == "latest" || text == "stable" {
		return version.Exactly(l.Default[goID])
	}
	if least, patch := strings.CutPrefix(text, "~"); patch && goversion.IsValid("go"+least) {
		return []version.Range{{Allows: func(v string) bool { return sameMinor(v, least) && !older(v, least) }, Else: minorOf(least)}}
	}
	v, wild := strings.CutSuffix(text, ".*")
	switch minor := isMinor(v); {
	case !goversion.IsValid("go"+v) || wild && !minor:
		return nil
	case minor:
		return []version.Range{{Allows: func(known string) bool { return sameMinor(known, v) }, Else: v}}
	}
	return version.Exactly(v)
}

// minorOf returns the minor version of a release, and a candidate for one as it is.
func minorOf(v string) string {
	if lang := strings.TrimPrefix(goversion.Lang("go"+v), "go"); v == lang || strings.HasPrefix(v, lang+".") {
		return lang
	}
	return v
}

func isMinor(v string) bool { return goversion.Lang("go"+v) == "go"+v }

func sameMinor(a, b string) bool { return goversion.Lang("go"+a) == goversion.Lang("go"+b) }

// older reports whether a version is older than another one. No version is older than any.
func older(a, b string) bool { return goversion.Compare("go"+a, "go"+b) < 0 }
