package golang

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// traced makes the linker print the files that it reads.
const traced = "-Wl,-t"

// linkerOutput is what the linker says.
type linkerOutput struct {
	log      *report.Log
	archives []string            // static libraries that were read
	asks     map[string][]string // functions of glibc that work otherwise in a static program, with those that call them
	held     []string            // lines that belong to the next one
	within   string              // the function that the next line is about
}

var (
	inFunction = regexp.MustCompile("^\\S*ld: .*: in function `(.+)':$")
	asksGlibc  = regexp.MustCompile(`warning: Using '(\w+)' in statically linked applications requires`)
	fileRead   = regexp.MustCompile(`^\(?/?\S+\.(?:o|a|so[.0-9]*)\)?(?:\(\S+\))?$`)
	unfound    = regexp.MustCompile(`cannot find -l(\S+?):?(?: |$)`)
	undefined  = regexp.MustCompile("undefined reference to `(.+)'")
	noStatic   = regexp.MustCompile("attempted static link of dynamic object `(.+)'")
	hostLinker = regexp.MustCompile(`link: running \S+ failed`)
)

// skip reads a line of the go command, and reports whether it is for nobody to read.
func (o *linkerOutput) skip(line string) bool {
	asked := asksGlibc.FindStringSubmatch(line)
	within := inFunction.FindStringSubmatch(line)
	switch {
	case asked != nil:
		if o.asks == nil {
			o.asks = map[string][]string{}
		}
		if name := asked[1]; !slices.Contains(o.asks[name], o.within) {
			o.asks[name] = append(o.asks[name], o.within)
		}
		o.held = nil
		return true
	case fileRead.MatchString(line):
		if strings.HasSuffix(line, ".a") && !slices.Contains(o.archives, line) {
			o.archives = append(o.archives, line)
		}
		return true
	case within != nil:
		o.within = within[1]
		fallthrough
	case strings.HasPrefix(line, "# "):
		o.held = append(o.held, line)
		return true
	}
	if len(o.held) > 0 && o.log != nil {
		stream := o.log.Stream()
		_, err := stream.Write([]byte(strings.Join(o.held, "\n") + "\n"))
		if errors.Join(err, stream.Close()) != nil {
			return false // the log is gone, which the next line meets
		}
	}
	o.held = nil
	return false
}

// careful are functions of OpenSSL and librdkafka that open libraries for features that a program can do without, and say so when one is
// used.
var careful = regexp.MustCompile(`^(dlfcn_\w+|win32_\w+|rd_dl\w*|rd_kafka_plugin\w*|DSO_\w+)$`)

// opens returns a function that opens libraries by name and whose program needs them, "" if there is none.
func (o *linkerOutput) opens() string {
	for _, name := range o.asks["dlopen"] {
		if !careful.MatchString(name) {
			return name
		}
	}
	return ""
}

// note says what of glibc works otherwise in the program.
func (o *linkerOutput) note() {
	var names []string
	for name := range o.asks {
		if name != "dlopen" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		o.log.Bullet("C looks up names by /etc/hosts, DNS and /etc/passwd alone: %s", strings.Join(names, ", "))
	}
}

// unlinked returns why the linker could not link, "" if err says something else.
func (o *linkerOutput) unlinked(err error) string {
	var failed *command.Error
	if !errors.As(err, &failed) || !slices.ContainsFunc(failed.Tail, hostLinker.MatchString) {
		return ""
	}
	for _, known := range []struct {
		line *regexp.Regexp
		text string
	}{
		{unfound, "there is no static library of %s"}, {noStatic, "%s is there only as a shared library"},
		{undefined, "%s is in no static library"},
	} {
		for _, line := range failed.Tail {
			if m := known.line.FindStringSubmatch(line); m != nil {
				return fmt.Sprintf(known.text, filepath.Base(m[1]))
			}
		}
	}
	return "see the linker's words above"
}

// splitFlags splits -ldflags as the go command does (cmd/internal/quoted).
func splitFlags(text string) []string {
	var words []string
	for {
		text = strings.TrimLeft(text, " \t\n\r")
		if text == "" {
			return words
		}
		end := " \t\n\r"
		if text[0] == '\'' || text[0] == '"' {
			end, text = text[:1], text[1:]
		}
		at := strings.IndexAny(text, end)
		if at < 0 {
			at = len(text)
		}
		words = append(words, text[:at])
		text = text[min(at+1, len(text)):]
	}
}

// cutFlag returns words for the linker without a flag and its value, and the words of its last value.
func cutFlag(words []string, name string) (rest, value []string) {
	for i := 0; i < len(words); i++ {
		flag, text, joined := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(words[i], "-"), "-"), "=")
		if flag != name || words[i] == flag {
			rest = append(rest, words[i])
			continue
		}
		if !joined && i+1 < len(words) {
			i++
			text = words[i]
		}
		value = splitFlags(text)
	}
	return rest, value
}
