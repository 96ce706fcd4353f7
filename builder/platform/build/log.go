package build

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine is the size in bytes of the longest line of a phase that is shown as a whole. A longer one is shown in parts.
const maxLine = 64 << 10

// lines hands on what is written to it, line by line or in parts of a long line.
type lines struct {
	show    func(line []byte) error
	pending []byte
}

func (l *lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), maxLine-len(l.pending))]
		end := bytes.IndexByte(part, '\n') + 1
		if end > 0 {
			part = part[:end]
		}
		l.pending, rest = append(l.pending, part...), rest[len(part):]
		if end == 0 && len(l.pending) < maxLine {
			break
		}
		if err := l.flush(end == 0); err != nil {
			return len(p) - len(rest), err
		}
	}
	return len(p), nil
}

// flush hands on what is pending. Of a part of a line it keeps the beginning of a character back.
func (l *lines) flush(part bool) error {
	end := len(l.pending)
	if part {
		end = wholeCharacters(l.pending)
	}
	err := l.show(l.pending[:end])
	l.pending = append(l.pending[:0], l.pending[end:]...)
	return err
}

// wholeCharacters returns the length of a text without the character at its end whose rest is missing.
func wholeCharacters(text []byte) int {
	for i := len(text) - 1; i >= 0 && i > len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRune(text[i:]) {
				break
			}
			return i
		}
	}
	return len(text)
}

// close hands on a last line that does not end.
func (l *lines) close() error {
	if len(l.pending) == 0 {
		return nil
	}
	return l.flush(false)
}

// buildpackLog drops the lifecycle's closing lines from a log. The buildpack has said why it failed, and "ERROR: failed to
// build" adds nothing.
func buildpackLog(w io.Writer) *lines {
	return &lines{show: func(line []byte) error {
		if bytes.HasPrefix(line, []byte("ERROR: failed to build")) || bytes.HasPrefix(line, []byte("Timer: ")) {
			return nil
		}
		_, err := w.Write(line)
		return err
	}}
}

// lastLine keeps the last line that is not empty.
func lastLine(last *string) *lines {
	return &lines{show: func(line []byte) error {
		if text := strings.TrimSpace(string(line)); text != "" {
			*last = strings.TrimPrefix(text, "ERROR: ")
		}
		return nil
	}}
}
