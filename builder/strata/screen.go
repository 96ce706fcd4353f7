package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/strata-buildpacks/strata/builder/platform/build"
)

// screen shows progress on stderr: one line that is redrawn on a terminal,
// plain lines elsewhere.
type screen struct {
	mu       sync.Mutex
	quiet    bool
	terminal bool
	drawn    bool // a line is on the terminal that the next one replaces
	kept     tail // what was not shown, for when the build fails
	last     time.Time
	files    map[string][2]int64 // downloads so far
}

func newScreen(quiet bool) *screen {
	return &screen{quiet: quiet, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// Write shows what the buildpacks print.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return s.kept.Write(p)
	}
	s.erase()
	return stderr.Write(p)
}

func (s *screen) phase(p build.Phase) {
	if p.Took == 0 {
		s.draw(p.Name + " …")
		return
	}
	s.line(fmt.Sprintf("%-8s %6.2f s", p.Name, p.Took.Seconds()))
}

func (s *screen) note(text string) { s.line(text) }

// downloads shows bytes: on a terminal one bar for all files, ten times a second; elsewhere a line when a file is whole.
func (s *screen) downloads(name string, done, total int64) {
	if !s.terminal {
		if done == total && total > 0 {
			s.line(fmt.Sprintf("fetched %s, %s", name, megabytes(total)))
		}
		return
	}
	s.mu.Lock()
	if s.files == nil {
		s.files = map[string][2]int64{}
	}
	if s.files[name] = [2]int64{done, total}; total == 0 && done == 0 {
		delete(s.files, name)
	}
	text := bar(s.files)
	due := time.Since(s.last) > 100*time.Millisecond
	if due {
		s.last = time.Now()
	}
	s.mu.Unlock()
	if due {
		s.draw(text)
	}
}

// barWidth is in characters; with the numbers behind it a bar fits a terminal of 80.
const barWidth = 30

// bar draws how much of all files is there; each has its bytes so far and its bytes in all.
func bar(files map[string][2]int64) string {
	var done, total int64
	for _, f := range files {
		done += f[0]
		total += max(f[0], f[1])
	}
	full := int(barWidth * done / max(total, 1))
	bar := strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full)
	return fmt.Sprintf("fetching [%s] %s of %s, %d files", bar, megabytes(done), megabytes(total), len(files))
}

// line prints a line that stays.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return
	}
	s.erase()
	fmt.Fprintln(stderr, text)
}

// draw prints a line that the next one replaces; nothing when stderr is not a terminal.
func (s *screen) draw(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet || !s.terminal {
		return
	}
	s.erase()
	fmt.Fprint(stderr, text)
	s.drawn = true
}

func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *screen) erase() {
	if s.drawn {
		_, _ = io.WriteString(os.Stderr, "\r\x1b[K")
		s.drawn = false
	}
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.2f MB", float64(bytes)/1e6) }
