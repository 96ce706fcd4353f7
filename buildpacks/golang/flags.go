package golang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// flag reads the flag at the beginning of words: -name=value, or -name and the value in the next word. What is no flag has no name.
func flag(words []string) (name, value string, joined bool) {
	word, ok := strings.CutPrefix(words[0], "-")
	if !ok {
		return "", "", false
	}
	if name, value, joined = strings.Cut(strings.TrimPrefix(word, "-"), "="); !joined && len(words) > 1 {
		value = words[1]
	}
	return name, value, joined
}

// last returns the value of a flag that counts, which is the last one.
func (s settings) last(name string) string {
	last := ""
	for i := range s.Flags {
		if n, value, _ := flag(s.Flags[i:]); n == name {
			last = value
		}
	}
	return last
}

// merged returns the settings with all flags for the linker in one: the go command takes the last -ldflags alone. Those of
// BP_GO_BUILD_FLAGS have the quotes of the go command already.
func (s settings) merged() (settings, error) {
	own := strings.TrimSpace(s.last("ldflags"))
	if own != "" && own[0] != '-' { // a pattern of packages is before the flags
		return s, fault.Fault{ID: "go-flag", What: fmt.Sprintf("BP_GO_BUILD_FLAGS has -ldflags=%q, which is no list of flags", own),
			Do: "give the linker's flags in BP_GO_BUILD_LDFLAGS"}
	}
	var flags []string
	for i := 0; i < len(s.Flags); i++ {
		if name, _, joined := flag(s.Flags[i:]); name != "ldflags" {
			flags = append(flags, s.Flags[i])
		} else if !joined {
			i++
		}
	}
	more, err := joinFlags(s.LDFlags)
	all := slices.DeleteFunc([]string{"-s -w", own, more}, func(text string) bool { return text == "" })
	s.Flags, s.linker = flags, strings.Join(all, " ")
	return s, err
}

// joinFlags quotes words as the go command splits -ldflags: in single or double quotes, without escapes.
func joinFlags(words []string) (string, error) {
	var quoted []string
	for _, w := range words {
		switch {
		case !strings.ContainsAny(w, " \t\n'\"") && w != "":
		case !strings.Contains(w, "'"):
			w = "'" + w + "'"
		case !strings.Contains(w, `"`):
			w = `"` + w + `"`
		default:
			return "", fault.Fault{
				ID: "go-flag", Do: "use one kind",
				What: fmt.Sprintf("BP_GO_BUILD_LDFLAGS has %q, with both kinds of quotes, which the go command cannot take", w),
			}
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " "), nil
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
	for i := range s.Flags {
		switch name, value, joined := flag(s.Flags[i:]); name {
		case "o", "C":
			return refuse("-"+name, "which the buildpack decides", "leave it out")
		case "n":
			return refuse("-n", "with which nothing is compiled", "leave it out; BP_LOG_LEVEL=debug shows the commands")
		case "race", "msan", "asan":
			if !joined || value != "false" {
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
	return strings.FieldsFunc(s.last("tags"), func(r rune) bool { return r == ',' || r == ' ' })
}
