package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What the command prints. Names of files, answers of registries and logs of builds come from others, and steer no terminal. Only the
// programs of `strata run` and `strata debug` have it for themselves.
var stdout, stderr io.Writer = printed{os.Stdout}, printed{os.Stderr}

// printed is a writer that shows control characters as text.
type printed struct{ to io.Writer }

func (p printed) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.to, printable(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// color matches what sets colours and styles (ECMA-48, "SGR").
var color = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// printable writes out what would steer a terminal: control characters except line breaks and tabs, marks that change the direction
// of text, separators of lines, and bytes that are no UTF-8. Colours are left out, and so is the first half of "\r\n".
func printable(text string) string {
	if !strings.ContainsFunc(text, steers) && utf8.ValidString(text) {
		return text
	}
	text = color.ReplaceAllString(strings.ReplaceAll(text, "\r\n", "\n"), "")
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func steers(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// tail keeps the end of what is written to it.
type tail struct {
	kept    []byte
	dropped int // bytes before
}

// maxTail is the number of bytes that a tail shows at least, if it was given as many. It keeps at most twice as many.
const maxTail = 1 << 20

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) { //nolint:unparam // io.Writer has the error
	t.kept = append(t.kept, p[max(0, len(p)-maxTail):]...)
	t.dropped += max(0, len(p)-maxTail)
	if drop := len(t.kept) - maxTail; drop > maxTail {
		t.dropped += drop
		t.kept = append(t.kept[:0], t.kept[drop:]...)
	}
	return len(p), nil
}

// show writes what was kept, and says what was not.
func (t *tail) show(w io.Writer) {
	if t.dropped > 0 {
		fmt.Fprintf(w, "… %s before this are not kept; build without --quiet to see them\n", megabytes(int64(t.dropped)))
	}
	fmt.Fprintf(w, "%s", t.kept)
}
