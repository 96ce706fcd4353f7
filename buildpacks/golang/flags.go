package golang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// option is one flag for the go command, or a word that is none.
type option struct {
	name  string   // without dashes, "" for a word that is no flag
	value string   // what is after "=", or the next word; "" when there is none
	words []string // as they are written
}

// flags are the flags of BP_GO_BUILD_FLAGS, in their order.
type flags []option

// switches are the flags of go build that take no next word for their value (go help build).
var switches = []string{
	"a", "asan", "buildvcs", "cover", "i", "json", "linkshared", "modcacherw", "msan", "n", "race", "trimpath", "v", "work", "x",
}

// parseFlags reads flags as the go command does: -name=value, -name and a value in the next word, and each with two dashes.
func parseFlags(words []string) flags {
	var all flags
	for i := 0; i < len(words); i++ {
		o := option{words: words[i : i+1]}
		if word, ok := strings.CutPrefix(words[i], "-"); ok {
			var joined bool
			o.name, o.value, joined = strings.Cut(strings.TrimPrefix(word, "-"), "=")
			if !joined && !slices.Contains(switches, o.name) && i+1 < len(words) {
				o.value, o.words = words[i+1], words[i:i+2]
				i++
			}
		}
		all = append(all, o)
	}
	return all
}

// last returns the value of a flag that counts, which is the last one.
func (f flags) last(name string) string {
	last := ""
	for _, o := range f {
		if o.name == name {
			last = o.value
		}
	}
	return last
}

// tags returns the build tags among the flags.
func (f flags) tags() []string {
	return strings.FieldsFunc(f.last("tags"), func(r rune) bool { return r == ',' || r == ' ' })
}

// without returns the flags except those of a name.
func (f flags) without(name string) flags {
	return slices.DeleteFunc(slices.Clone(f), func(o option) bool { return o.name == name })
}

// words returns the flags as they are written.
func (f flags) words() []string {
	var words []string
	for _, o := range f {
		words = append(words, o.words...)
	}
	return words
}

// linker returns all flags for the linker in one, with those of BP_GO_BUILD_LDFLAGS last: the go command takes the last -ldflags
// alone. Those of BP_GO_BUILD_FLAGS have the quotes of the go command already.
func (f flags) linker(ldflags []string) (string, error) {
	own := strings.TrimSpace(f.last("ldflags"))
	if own != "" && own[0] != '-' { // a pattern of packages is before the flags
		return "", fault.Fault{ID: "go-flag", What: fmt.Sprintf("BP_GO_BUILD_FLAGS has -ldflags=%q, which is no list of flags", own),
			Do: "give the linker's flags in BP_GO_BUILD_LDFLAGS"}
	}
	more, err := joinFlags(ldflags)
	all := slices.DeleteFunc([]string{"-s -w", own, more}, func(text string) bool { return text == "" })
	return strings.Join(all, " "), err
}

// joinFlags quotes words as the go command splits -ldflags: in single or double quotes, without escapes.
func joinFlags(words []string) (string, error) {
	var quoted []string
	for _, w := range words {
		switch {
		case !strings.ContainsAny(w, " \t\n\r'\"") && w != "":
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
	{"CGO_ENABLED", []string{"0"}, "packages that need cgo are compiled with it; BP_GO_CGO says more"},
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
func (f flags) check(libc bp.Libc, cgo string) error {
	refuse := func(flag, why, do string) error {
		return fault.Fault{ID: "go-flag", What: fmt.Sprintf("BP_GO_BUILD_FLAGS has %s, %s", flag, why), Do: do}
	}
	for _, o := range f {
		on, err := strconv.ParseBool(o.value)
		on = on || err != nil // a switch without a value is on
		switch o.name {
		case "o", "C":
			return refuse("-"+o.name, "which the buildpack decides", "leave it out")
		case "n":
			if on {
				return refuse("-n", "with which nothing is compiled", "leave it out; BP_LOG_LEVEL=debug shows the commands")
			}
		case "race", "msan", "asan":
			if on {
				return refuse("-"+o.name, "which needs cgo",
					"leave it out, and test with it where a C compiler is: go test -"+o.name+" ./...")
			}
		case "buildmode":
			if o.value == "pie" && libc == bp.Static && cgo != cgoStatic {
				return refuse("-buildmode=pie", "whose binaries need a dynamic loader that the static run image does not have",
					"leave it out, set BP_GO_CGO=static, which links them without one, or build for the run image glibc")
			}
			if o.value != "pie" && o.value != "exe" && o.value != "default" {
				return refuse("-buildmode="+o.value, "which does not give a program", "leave it out")
			}
		}
	}
	return nil
}
