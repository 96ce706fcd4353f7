package golang

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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
	failed   bool                // the linker could not link
	stopped  bool                // and not for what it was to link
	why      [3]string           // the first line of each of reasons
}

var (
	inFunction = regexp.MustCompile("^\\S*ld: .*: in function `(.+)':$")
	asksGlibc  = regexp.MustCompile(`warning: Using '(\w+)' in statically linked applications requires`)
	fileRead   = regexp.MustCompile(`^\(?/?\S+\.(?:o|a|so[.0-9]*)\)?(?:\(\S+\))?$`)
	hostLinker = regexp.MustCompile(`link: running \S+ failed`)
	// stops matches how a linker ends that was killed or had no memory.
	stops = regexp.MustCompile(`(?i)terminated with signal (?:1|2|7|9|15)\b|(?:killed|terminated|interrupt|hangup|bus error) ` +
		`signal terminated|signal: (?:killed|terminated|interrupt|hangup|bus error)|memory exhausted|cannot allocate memory|input/output error`)
)

// reasons are what a linker says of what it lacks, the most telling first.
var reasons = [3]struct {
	line *regexp.Regexp
	text string
}{
	{regexp.MustCompile(`cannot find -l(\S+?):?(?: |$)`), "there is no static library of %s"},
	{regexp.MustCompile("attempted static link of dynamic object `(.+)'"), "%s is there only as a shared library"},
	{regexp.MustCompile("undefined reference to `(.+)'"), "%s is in no static library"},
}

// unknownReason stands for a failure that has none of the reasons.
const unknownReason = "see the linker's words above"

// skip reads a line of the go command, and reports whether it is for nobody to read.
func (o *linkerOutput) skip(line string) bool {
	o.learn(line)
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

// learn notes in a line why the linker failed. The go command says first that it did. All lines count: what a linker says may be long.
func (o *linkerOutput) learn(line string) {
	o.failed = o.failed || hostLinker.MatchString(line)
	if !o.failed {
		return
	}
	o.stopped = o.stopped || stops.MatchString(line) || noSpace.MatchString(line)
	for i, known := range reasons {
		if m := known.line.FindStringSubmatch(line); m != nil && o.why[i] == "" {
			o.why[i] = fmt.Sprintf(known.text, filepath.Base(m[1]))
		}
	}
}

// unlinked returns why the linker could not link, "" if it could, did not come to it, or was stopped.
func (o *linkerOutput) unlinked() string {
	if !o.failed || o.stopped {
		return ""
	}
	return cmp.Or(o.why[0], o.why[1], o.why[2], unknownReason)
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
