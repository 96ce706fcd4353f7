package fleet

import (
	"cmp"
	_ "embed"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
)

// Language is a language of an app with the version that is in the image.
type Language struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Ended is the last day of maintenance of this line, "2025-04-30", or of the oldest line that is known if this one is older. It is empty
	// if nobody has said one.
	Ended string `json:"ended,omitempty"`
	State string `json:"state"` // Maintained, Past or Unknown
	// Newest is what a build would take of the same line, if that is known and newer.
	Newest string `json:"newest,omitempty"`
	// Rebase is whether `strata rebase --runtimes` puts a newer one under the app, without a build.
	Rebase bool `json:"rebase,omitempty"`
}

// What is known of the maintenance of a language.
const (
	Maintained = "maintained"
	Past       = "ended"
	Unknown    = "unknown"
)

// HasEnded reports whether nobody maintains the version any more.
func (l Language) HasEnded(now time.Time) bool {
	return l.Ended != "" && l.Ended < now.UTC().Format(time.DateOnly)
}

//go:embed ended.toml
var endedText string

// lines has the last day of maintenance of lines of versions, by a language's name and by what all versions of the line begin with.
var lines = sync.OnceValue(func() map[string]map[string]string {
	var all map[string]map[string]string
	if _, err := toml.Decode(endedText, &all); err != nil {
		panic(err) // it is compiled in, and a test reads it
	}
	return all
})

// language returns a version of a language with its last day.
func language(name, version string, now time.Time) Language {
	l := Language{Name: name, Version: version, Ended: lastDay(lines()[name], version), State: Unknown}
	switch {
	case l.HasEnded(now):
		l.State = Past
	case l.Ended != "":
		l.State = Maintained
	}
	return l
}

// lastDay returns the last day of a version's line: of the oldest line that is known for versions before it.
func lastDay(lines map[string]string, version string) string {
	if version == "" || len(lines) == 0 {
		return ""
	}
	for line := version; line != ""; {
		if day, found := lines[line]; found {
			return day
		}
		line = line[:max(strings.LastIndexByte(line, '.'), 0)]
	}
	oldest := slices.MinFunc(slices.Collect(maps.Keys(lines)), compareLines)
	if compareLines(version, oldest) < 0 {
		return lines[oldest]
	}
	return ""
}

// compareLines compares versions number by number. What is no number is the highest.
func compareLines(a, b string) int {
	number := func(part string) int {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return math.MaxInt
		}
		return n
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int { return cmp.Compare(number(x), number(y)) })
}
