package golang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// merged returns the settings with the linker flags of BP_GO_BUILD_FLAGS before those of BP_GO_BUILD_LDFLAGS: the go command takes
// one -ldflags, the last, and ours has -s -w.
func (s settings) merged() (settings, error) {
	var flags []string
	linker := ""
	for i := 0; i < len(s.Flags); i++ {
		name, value, joined := strings.Cut(s.Flags[i], "=")
		if name != "-ldflags" && name != "--ldflags" {
			flags = append(flags, s.Flags[i])
			continue
		}
		if i+1 < len(s.Flags) && !joined {
			i++
			value = s.Flags[i]
		}
		linker = strings.TrimSpace(value)
	}
	words, err := shell.Split(linker)
	if err != nil || linker != "" && linker[0] != '-' { // a pattern of packages is before the flags
		return s, fault.Fault{ID: "go-flag", What: fmt.Sprintf("BP_GO_BUILD_FLAGS has -ldflags=%q, which is no list of flags", linker), Err: err,
			Do: "give the linker's flags in BP_GO_BUILD_LDFLAGS"}
	}
	s.Flags, s.LDFlags = flags, slices.Concat(words, s.LDFlags)
	return s, nil
}

// substitutes are variables of the go command that a build sets itself, values that say the same, and what to use instead.
var substitutes = []struct {
	name string
	same []string
	do   string
}{
	{"GOFLAGS", []string{"-mod=readonly", "-mod=vendor", "-trimpath", "-buildvcs=auto"}, "give flags in BP_GO_BUILD_FLAGS"},
	{"CGO_ENABLED", []string{"0"}, "programs are compiled without cgo, so use packages in pure Go"},
	{"GOOS", []string{"linux"}, "programs are compiled for the image, which is linux"},
	{"GOARCH", nil, "programs are compiled for the architecture of the run image"},
	{"GOTOOLCHAIN", []string{"local", "auto", "path"}, "ask for a release in BP_GO_VERSION"},
	{"GOWORK", []string{"off"}, "name the folders of modules in BP_GO_WORK_USE"},
	{"GO111MODULE", []string{"on", "auto"}, "every app is built as a module"},
}

// warnSubstitutes warns of what is set for the go command and does not reach it.
func warnSubstitutes(env config.Environment, target bp.Target, log *report.Log) {
	for _, s := range substitutes {
		value := env[s.name]
		if value == "" || slices.Contains(s.same, value) || s.name == "GOARCH" && value == target.Arch {
			continue
		}
		log.Warn("%s=%s is not used: %s", s.name, value, s.do)
	}
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
		case "n":
			return refuse("-n", "with which nothing is compiled", "leave it out; BP_LOG_LEVEL=debug shows the commands")
		case "race", "msan", "asan":
			if f != "-"+name+"=false" {
				return refuse("-"+name, "which needs cgo", "leave it out, and test with it where a C compiler is: go test -"+name+" ./...")
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
