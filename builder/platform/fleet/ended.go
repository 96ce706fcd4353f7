package fleet

import (
	_ "embed"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
)

// Language is a language of an app with the version that is in the image.
type Language struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Ended   string `json:"ended,omitempty"` // the last day of maintenance of this line, "2025-04-30"; empty if nobody has said one
}

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
func language(name, version string) Language {
	l := Language{Name: name, Version: version}
	for line := version; ; {
		if day, found := lines()[name][line]; found {
			l.Ended = day
			return l
		}
		end := strings.LastIndexByte(line, '.')
		if end < 0 {
			return l
		}
		line = line[:end]
	}
}
