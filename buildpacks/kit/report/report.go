// Package report writes the build log: what a buildpack decides, what it does and how long that takes.
package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Columns of indentation of each kind of line.
const (
	indentHeading = "  "
	indentBody    = "    "
	indentStream  = "      "
	keyWidth      = 14
)

// Options are how a log looks. The zero value is plain text with real durations.
type Options struct {
	Color bool             // ANSI colours; the caller knows about terminals and NO_COLOR
	Debug bool             // whether Debug lines are written
	Now   func() time.Time // the clock of Phase; time.Now when nil
}

// Log is a build log. It may be used by several goroutines; each line is written whole.
type Log struct {
	mu      sync.Mutex
	w       io.Writer
	options Options
}

// New returns a log that writes to w.
func New(w io.Writer, options Options) *Log {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Log{w: w, options: options}
}

// Title writes the line that opens a buildpack's part of the log: its name and version.
func (l *Log) Title(name, version string) {
	l.line("", l.style("1;34", name)+" "+version)
}

// Heading writes the name of a group of lines.
func (l *Log) Heading(format string, args ...any) {
	l.line(indentHeading, l.style("1", fmt.Sprintf(format, args...)))
}

// Bullet writes one fact below a heading.
func (l *Log) Bullet(format string, args ...any) {
	l.line(indentBody, fmt.Sprintf(format, args...))
}

// Decision writes what was decided and why: "key  value (why)". An empty why leaves out the parentheses.
func (l *Log) Decision(key, value, why string) {
	text := fmt.Sprintf("%-*s %s", keyWidth, key, value)
	if why != "" {
		text += l.style("2", " ("+why+")")
	}
	l.line(indentBody, text)
}

// Warn writes a line that a person should act on, though the build goes on.
func (l *Log) Warn(format string, args ...any) {
	l.line(indentHeading, l.style("33", "warning: "+fmt.Sprintf(format, args...)))
}

// Debug writes a line only when debugging was asked for.
func (l *Log) Debug(format string, args ...any) {
	if l.options.Debug {
		l.line(indentBody, l.style("2", "debug: "+fmt.Sprintf(format, args...)))
	}
}

// Phase writes a heading and returns the function that ends the phase by writing how long it took.
func (l *Log) Phase(format string, args ...any) (done func()) {
	l.Heading(format, args...)
	start := l.options.Now()
	return func() {
		l.line(indentBody, l.style("2", "done in "+Duration(l.options.Now().Sub(start))))
	}
}

// Duration formats d for people: "0.4s", "12.3s", "2m05s".
func Duration(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
}

// Stream returns a writer for the output of a tool: every line is indented below the bullets, and written as soon as
// it is complete. Close writes a last line that has no line feed.
func (l *Log) Stream() io.WriteCloser {
	return &stream{log: l}
}

func (l *Log) line(indent, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The log is the only place to report a failure to write it.
	_, _ = io.WriteString(l.w, strings.TrimRight(indent+text, " ")+"\n")
}

func (l *Log) style(code, text string) string {
	if !l.options.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// stream cuts what is written to it into lines of a log.
type stream struct {
	log  *Log
	mu   sync.Mutex
	rest []byte
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		line, rest, found := strings.Cut(string(s.rest), "\n")
		if !found {
			return len(p), nil
		}
		s.log.line(indentStream, strings.TrimRight(line, "\r"))
		s.rest = []byte(rest)
	}
}

func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) > 0 {
		s.log.line(indentStream, string(s.rest))
		s.rest = nil
	}
	return nil
}
