package run

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// appDir is the folder of an app in its image.
const appDir = "/workspace"

var (
	// refusal is what programs say of a file that they may not write. Databases say it in their own words.
	refusal = regexp.MustCompile(`(?i)\bEACCES\b|permission denied|unable to open database file|attempt to write a readonly database`)
	// otherwise is what is refused for another reason: a port, a socket, a program.
	otherwise = regexp.MustCompile(`(?i)\b(listen|bind|connect|dial|exec|spawn)\b`)
	// shellless is what programs say of a shell that is not there.
	shellless = regexp.MustCompile(`(?i)/bin/(ba)?sh\b.*(ENOENT|no such file|not found)|no such file or directory\b.*/bin/(ba)?sh\b`)
	// absolute finds paths that begin at the root.
	absolute = regexp.MustCompile(`(?:^|[\s'"=(:\[])(/[^\s'",:;)\]]+)`)
)

// ownFolder reports whether a line says that the app may not write to its own folder.
func ownFolder(line string) bool {
	if !refusal.MatchString(line) || otherwise.MatchString(line) {
		return false
	}
	for _, match := range absolute.FindAllStringSubmatch(line, -1) {
		if match[1] != appDir && !strings.HasPrefix(match[1], appDir+"/") {
			return false
		}
	}
	return true
}

// Watch returns a writer that passes on what an app says. It gives the cause to note when the app says that it may not write
// to its own folder, or that there is no shell.
func Watch(w io.Writer, note func(text string)) io.Writer { return &watched{passed: w, note: note} }

type watched struct {
	passed io.Writer
	note   func(text string)
	line   []byte // begun, at most maxLine
}

// maxLine is how much of a line is looked at, in bytes.
const maxLine = 4 << 10

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.passed.Write(p)
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		w.line = append(w.line, line[:min(len(line), maxLine-len(w.line))]...)
		if ended {
			switch line := string(w.line); {
			case ownFolder(line):
				w.note(fmt.Sprintf("the app may not write to its folder %s (%.200q); name what it writes to in BP_WRITABLE_FOLDERS when "+
					"you build it, or let it write below /tmp", appDir, strings.TrimSpace(line)))
			case shellless.MatchString(line):
				w.note(fmt.Sprintf("the app starts a shell (%.200q), and the image has none; let it start programs without one, or build it "+
					"with --run-image strata/run-glibc-debug:13, which has a shell", strings.TrimSpace(line)))
			}
			w.line = w.line[:0]
		}
		rest = after
	}
	return n, err
}
