package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain €\ttext\n":                  "plain €\ttext\n",
		"\x1b[1;31mred\x1b[0m":             "red",
		"\x1b]0;title\a\x1b[2J\x1b[1A":     `\u001b]0;title\u0007\u001b[2J\u001b[1A`,
		"99%\r100%\r\ndone\r\n":            "99%\\u000d100%\ndone\n",
		"a\bb\x7fc\x00":                    `a\u0008b\u007fc\u0000`,
		"\u009b31mC1 \x9b31m":              `\u009b31mC1 \x9b31m`,
		"abc\u202egpj.exe\u2066\u200f":     `abc\u202egpj.exe\u2066\u200f`,
		"one\u2028two \u00a0\u3000 \ufffd": "one\\u2028two \u00a0\u3000 \ufffd",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestAllIsPrinted looks for code that prints around the writers that show control characters.
func TestAllIsPrinted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	around := regexp.MustCompile(`os\.Std(out|err)`)
	// Programs have the terminal for themselves, the screen knows whether there is one, and erases a line of its own.
	may := []string{"printed.go", "run.go", "ask.go", "screen.go"}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := around.Find(content); found != nil && !strings.HasSuffix(file, "_test.go") && !slices.Contains(may, file) {
			t.Errorf("%s has %q; print to stdout or stderr", file, found)
		}
	}
}

// TestTail writes more than is kept, in small pieces and in one.
func TestTail(t *testing.T) {
	t.Parallel()
	all := bytes.Repeat([]byte("0123456789abcde\n"), 5*maxTail/16)
	for _, size := range []int{1000, len(all)} {
		var log tail
		for rest := all; len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := log.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			if len(log.kept) > 2*maxTail+size {
				t.Fatalf("keeps %d bytes", len(log.kept))
			}
		}
		if len(log.kept) < maxTail || log.dropped+len(log.kept) != len(all) || !bytes.HasSuffix(all, log.kept) {
			t.Errorf("in pieces of %d bytes: %d dropped, %d kept of %d", size, log.dropped, len(log.kept), len(all))
		}
		var shown bytes.Buffer
		log.show(&shown)
		if !strings.Contains(shown.String(), "are not kept") || !bytes.HasSuffix(shown.Bytes(), log.kept) {
			t.Errorf("shows %.100q", shown.String())
		}
	}
}
