// Package golang is the buildpack strata/go. It compiles the main packages of Go modules into static binaries, and leaves nothing
// else of the modules in the image.
package golang

import (
	"fmt"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/go", Detect: Detect, Build: Build, Install: Install}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Version    string   `config:"BP_GO_VERSION"`
	Targets    []string `config:"BP_GO_TARGETS,list"`
	Flags      []string `config:"BP_GO_BUILD_FLAGS,argv"`
	LDFlags    []string `config:"BP_GO_BUILD_LDFLAGS,argv"`
	WorkUse    []string `config:"BP_GO_WORK_USE,list"`
	CgoCheck   bool     `config:"BP_GO_CGO_CHECK_ENABLED"`
	Unverified bool     `config:"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED"`
	Reload     bool     `config:"BP_LIVE_RELOAD_ENABLED"`
	KeepFiles  []string `config:"BP_KEEP_FILES,list"`
}

// check refuses flags that the buildpack sets itself, and flags whose binary does not start on the run image.
func (s settings) check(libc bp.Libc) error {
	refuse := func(flag, why, do string) error {
		return fault.Fault{ID: "go-flag", What: fmt.Sprintf("BP_GO_BUILD_FLAGS has %s, %s", flag, why), Do: do}
	}
	for i, f := range s.Flags {
		name, value, joined := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-"), "=")
		if !joined && i+1 < len(s.Flags) {
			value = s.Flags[i+1]
		}
		if !strings.HasPrefix(f, "-") {
			continue
		}
		switch name {
		case "o", "C":
			return refuse("-"+name, "which the buildpack decides", "leave it out")
		case "ldflags":
			if len(s.LDFlags) > 0 {
				return refuse("-ldflags", "and BP_GO_BUILD_LDFLAGS is set too", "use one of them")
			}
		case "buildmode":
			if value == "pie" && libc == bp.Static {
				return refuse("-buildmode=pie", "whose binaries need a dynamic loader that the static run image does not have",
					"leave it out, or build for the run image glibc")
			}
			if value != "pie" && value != "exe" && value != "default" {
				return refuse("-buildmode="+value, "which does not give a program", "leave it out")
			}
		}
	}
	return nil
}

// tags returns the build tags among the flags.
func (s settings) tags() []string {
	var tags []string
	for i, f := range s.Flags {
		name, value, joined := strings.Cut(f, "=")
		if name != "-tags" && name != "--tags" {
			continue
		}
		if !joined && i+1 < len(s.Flags) {
			value = s.Flags[i+1]
		}
		tags = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) // the last one counts
	}
	return tags
}
