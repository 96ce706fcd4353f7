// Command testreport reads what `go test -json` prints, of one run or of
// several in a row, and prints what a person wants to see of it: go test's own
// line per package, every failure with its output, every skip with its reason,
// and what took long. It fails when a test failed and when none was run.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// slow is how many seconds a passing test may take before it gets a line of its own.
const slow = 10

// event is one line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Elapsed    float64
	Output     string
}

// report is what is known so far.
type report struct {
	out                     io.Writer
	pending                 map[string][]string // output of what is still running, by package and test
	passed, failed, skipped int
	broken                  bool // a package failed outside of its tests
}

func main() {
	r := &report{out: os.Stdout, pending: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if err := r.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

// read takes in all events. A line that is no event is go's own word and is passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if e.Test == "" {
			r.packageLine(e.Output)
			return
		}
		r.pending[key] = append(r.pending[key], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.broken = r.broken || e.Action == "fail"
			return
		}
		r.count(e.Action)
		if e.Action != "pass" || e.Elapsed >= slow {
			r.print(r.pending[key], e.Action == "pass")
		}
		delete(r.pending, key)
	}
}

// packageLine prints what go test prints of a package, without the PASS that says nothing more.
func (r *report) packageLine(line string) {
	if line != "PASS\n" && !strings.HasPrefix(line, "testing: warning: no tests to run") {
		fmt.Fprint(r.out, line)
	}
}

func (r *report) count(action string) {
	switch action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
	case "skip":
		r.skipped++
	}
}

// print writes a test's output without go test's notes on its progress; of a
// test that passed, its result alone.
func (r *report) print(lines []string, resultOnly bool) {
	for _, line := range lines {
		progress := strings.HasPrefix(line, "=== ")
		result := strings.HasPrefix(strings.TrimLeft(line, " "), "--- ")
		if !progress && (result || !resultOnly) {
			fmt.Fprint(r.out, line)
		}
	}
}

// close prints what a killed run left, and the sum.
func (r *report) close() error {
	for _, test := range slices.Sorted(maps.Keys(r.pending)) {
		r.print(r.pending[test], false)
	}
	fmt.Fprintf(r.out, "tests: %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	switch {
	case r.failed > 0:
		return fmt.Errorf("%d tests failed", r.failed)
	case r.broken:
		return errors.New("a package failed outside of its tests")
	case len(r.pending) > 0:
		return fmt.Errorf("%d tests did not end", len(r.pending))
	case r.passed == 0:
		return errors.New("no test was run")
	}
	return nil
}
