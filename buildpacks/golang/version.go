package golang

import (
	"fmt"
	goversion "go/version"
	"runtime"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// chooseVersion decides on the Go release.
func chooseVersion(dir, variable string, m modules, l lock.Lock) (version.Choice, error) {
	file, err := version.File(dir, ".go-version")
	if err != nil {
		return version.Choice{}, err
	}
	ask := version.First(version.Ask{Text: variable, From: "BP_GO_VERSION"}, file, askToolchain(m), askGoLine(m))
	tool := version.Tool{
		Title: "Go", ID: goID, Arch: runtime.GOARCH, Lock: l, Default: "default", Like: "1.26.8, or 1.26 for the newest known patch",
		Read: func(text string) []version.Range { return readGo(text, l) },
	}
	chosen, err := tool.Choose(ask)
	if err != nil {
		return version.Choice{}, err
	}
	if m.Go != "" && older(chosen.Version, m.Go) {
		return version.Choice{}, fault.Fault{
			ID:   "go-version-too-old",
			What: fmt.Sprintf("%s asks for Go %s, but %s needs at least %s", ask.From, chosen.Version, m.File, m.Go),
			Do:   "raise " + ask.From + " or lower the go line",
		}
	}
	return chosen, nil
}

// askToolchain returns what the toolchain line asks for. As in the go command, one that is below the go line says nothing.
func askToolchain(m modules) version.Ask {
	if m.Go != "" && older(m.Toolchain, m.Go) {
		return version.Ask{}
	}
	return version.Ask{Text: m.Toolchain, From: "toolchain line of " + m.File}
}

// askGoLine returns what the go line asks for, which is a minimum. A program written for one Go may not run when the next one
// compiles it, so the minor version stays while it is locked.
func askGoLine(m modules) version.Ask {
	enough := func(v string) bool { return !older(v, m.Go) }
	needs := fmt.Sprintf("; %s needs at least %s", m.File, m.Go)
	return version.Ask{Text: m.Go, From: "go line of " + m.File, Ranges: []version.Range{
		{Allows: func(v string) bool { return enough(v) && sameMinor(v, m.Go) }, Reason: "newest locked patch" + needs},
		{Allows: enough, Reason: "default" + needs},
		{Else: firstOf(m.Go)},
	}}
}

// readGo reads what a person writes for a Go release: 1.26.3, go1.26.3, 1.26, 1.26.*, 1.*.
func readGo(text string, l lock.Lock) []version.Range {
	text = strings.TrimPrefix(text, "go")
	if text == "1.*" || text == "1" || text == "*" {
		return version.Exactly(l.Default[goID])
	}
	v, wild := strings.CutSuffix(text, ".*")
	switch minor := isMinor(v); {
	case !goversion.IsValid("go"+v) || wild && !minor:
		return nil
	case minor:
		return []version.Range{{Allows: func(known string) bool { return sameMinor(known, v) }, Else: firstOf(v)}}
	}
	return version.Exactly(v)
}

// firstOf returns the first release of a minor version, which is 1.21.0 since that one and was 1.20 before. Any other version
// stays as it is.
func firstOf(v string) string {
	if isMinor(v) && !older(v, "1.21") {
		return v + ".0"
	}
	return v
}

func isMinor(v string) bool { return goversion.Lang("go"+v) == "go"+v }

func sameMinor(a, b string) bool { return goversion.Lang("go"+a) == goversion.Lang("go"+b) }

// older reports whether a version is older than another one. No version is older than any.
func older(a, b string) bool { return goversion.Compare("go"+a, "go"+b) < 0 }
