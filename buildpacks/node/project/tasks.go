package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// Task is a command line that a program starts which starts several.
type Task struct {
	After string // as of a shell.Command
	Line  string
}

// tasks is what a command line of one of these programs says.
type tasks struct {
	together  bool // they start at the same time
	group     bool // the next one is the first of those that do
	always    bool // the next one runs if this one fails
	named     bool // they are names of scripts
	switching bool // -s and -p say how those behind them start
	list      []Task
}

// several has how the programs start several commands that need neither npm nor a shell for it.
var several = map[string]tasks{
	"npm-run-all": {named: true, switching: true}, "npm-run-all2": {named: true, switching: true},
	"run-s": {named: true}, "run-p": {named: true, together: true}, "concurrently": {together: true},
}

// Options of these programs that change what they print, what ends the others, or in which order, and those that take the next word.
var (
	taskOptions = regexp.MustCompile(`^(-[clnrsp]+|--(continue-on-error|print-(label|name)|race|silent|aggregate-output|` +
		`sequential|serial|parallel))$`)
	sideOptions = regexp.MustCompile(`^(-[krg]+|--(kill-others|kill-others-on-fail|raw|no-color|group|timings|pad-prefix)|` +
		`(--(names|prefix|prefix-colors|prefix-length|timestamp-format|name-separator|hide)|-[nctlp])=.*)$`)
	sideValues = regexp.MustCompile(`^(-[nctlp]|--(names|prefix|prefix-colors|prefix-length|timestamp-format|name-separator|hide))$`)
)

// Parse parses the text of a script. Stars in names of scripts are for the program that runs these.
func Parse(text string) (shell.Line, error) {
	line, err := shell.Parse(text)
	return line.Literally(slices.Collect(maps.Keys(several))...), err
}

// Several reports whether Tasks reads a command.
func Several(words []string) bool {
	_, found := several[words[0]]
	return found
}

// Tasks returns what a command starts with one of these programs, none for another program. The error says, as the end of a sentence, what
// cannot be told.
func (m Manifest) Tasks(words []string) ([]Task, error) {
	t, found := several[words[0]]
	if !found {
		return nil, nil
	}
	for i := 1; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--" && t.named:
			return nil, fmt.Errorf("has arguments for scripts behind --")
		case !strings.HasPrefix(word, "-"):
			if err := m.add(&t, word); err != nil {
				return nil, err
			}
		case t.named && taskOptions.MatchString(word):
			t.option(word)
		case !t.named && sideValues.MatchString(word):
			i++
		case t.named || !sideOptions.MatchString(word):
			return nil, fmt.Errorf("has the option %s", word)
		}
	}
	if len(t.list) == 0 {
		return nil, fmt.Errorf("names nothing to start")
	}
	t.list[0].After = ""
	return t.list, nil
}

// option reads an option of a program that runs scripts, or several of one letter.
func (t *tasks) option(word string) {
	letters := ""
	if !strings.HasPrefix(word, "--") {
		letters = word
	}
	t.always = t.always || word == "--continue-on-error" || strings.Contains(letters, "c")
	switch {
	case !t.switching:
	case word == "--parallel", strings.Contains(letters, "p"):
		t.together, t.group = true, true
	case word == "--sequential", word == "--serial", strings.Contains(letters, "s"):
		t.together = false
	}
}

// add adds what a word of a command names: a command line, a script or the scripts that match a pattern.
func (m Manifest) add(t *tasks, word string) error {
	name, rest, _ := strings.Cut(word, " ")
	if !t.named {
		runner, script, found := strings.Cut(name, ":")
		if !found || !slices.Contains([]string{"npm", "pnpm", "yarn", "bun", "node"}, runner) {
			t.start(word)
			return nil
		}
		name = script
	}
	names := []string{name}
	if strings.Contains(name, "*") {
		if names = m.matching(name, t.named); len(names) == 0 {
			return fmt.Errorf("names %s, which no script is called like", name)
		}
	}
	for _, name := range names {
		t.start(strings.TrimSpace("npm run " + name + " " + rest))
	}
	return nil
}

// start adds a command line.
func (t *tasks) start(line string) {
	after := shell.And
	switch {
	case t.together && !t.group:
		after = shell.With
	case t.always:
		after = shell.Then
	}
	t.list, t.group = append(t.list, Task{after, line}), false
}

// matching returns the names of scripts that a pattern matches, in the order of the file. Parts of names are between colons: where parts
// count, a star stands for one, and two stars for any.
func (m Manifest) matching(pattern string, parts bool) []string {
	star := ".*"
	if parts {
		star = "[^:]*"
	}
	expression := regexp.QuoteMeta(pattern)
	expression = strings.ReplaceAll(expression, `\*\*`, "\x00")
	expression = strings.ReplaceAll(strings.ReplaceAll(expression, `\*`, star), "\x00", ".*")
	matches := regexp.MustCompile("^" + expression + "$")
	return slices.DeleteFunc(m.scriptNames(), func(name string) bool { return !matches.MatchString(name) })
}

// scriptNames returns the names of the scripts in the order of the file.
func (m Manifest) scriptNames() []string {
	var names []string
	decoder := json.NewDecoder(bytes.NewReader(m.fields["scripts"]))
	_, err := decoder.Token() // what begins the object
	for err == nil && decoder.More() {
		var token json.Token
		var value json.RawMessage
		if token, err = decoder.Token(); err == nil {
			err = decoder.Decode(&value)
		}
		if name, _ := token.(string); m.Scripts[name] != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
