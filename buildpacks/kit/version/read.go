package version

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// File returns what a file with one version asks for, such as .node-version: its first line, without what "#" and
// the rest of the line say. Lines with nothing else are passed over. A file that is not there asks for nothing.
func File(dir, name string) (Ask, error) {
	text, err := read(dir, name)
	for line := range words(text) {
		return Ask{Text: strings.Join(line, " "), From: name}, nil
	}
	return Ask{}, err
}

// miseFiles are where mise reads the tools of a project, the first in precedence first (mise.jdx.dev, "Configuration").
var miseFiles = []string{
	"mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml",
}

// Manager returns what the files of the version managers mise and asdf ask for: mise.toml and its other names, then .tool-versions.
// The names are those that the managers have for a tool, such as node and nodejs.
func Manager(dir string, names ...string) (Ask, error) {
	for _, file := range miseFiles {
		ask, err := mise(dir, file, names)
		if err != nil || ask.Text != "" {
			return ask, err
		}
	}
	const file = ".tool-versions"
	text, err := read(dir, file)
	for line := range words(text) {
		if len(line) > 1 && slices.Contains(names, line[0]) { // further versions are for when the first is not installed
			return managed(line[1], line[0]+" of "+file), nil
		}
	}
	return Ask{}, err
}

// mise returns what a file of mise asks for.
func mise(dir, file string, names []string) (Ask, error) {
	text, err := read(dir, file)
	if err != nil || text == "" {
		return Ask{}, err
	}
	var settings struct {
		Tools map[string]any `toml:"tools"`
	}
	if err := toml.Unmarshal([]byte(text), &settings); err != nil {
		return Ask{}, fault.Fault{ID: "version-file-syntax", What: "reading " + file, Err: err, Do: "correct the file"}
	}
	for _, name := range names {
		value := settings.Tools[name]
		if value == nil {
			value = settings.Tools["core:"+name]
		}
		if list, is := value.([]any); is && len(list) > 0 {
			value = list[0]
		}
		if table, is := value.(map[string]any); is {
			value = table["version"]
		}
		switch v := value.(type) {
		case nil:
		case string:
			return managed(v, name+" of "+file), nil
		default:
			return Ask{}, fault.Fault{
				ID: "version-file-value", Do: `write the version in quotes: ` + name + ` = "1.2.3"`,
				What: fmt.Sprintf("%s has %v for %s, which is no text", file, v, name),
			}
		}
	}
	return Ask{}, nil
}

// managed returns what a version manager's word asks for. "system" leaves it to whoever runs the program.
func managed(text, from string) Ask {
	if text == "system" {
		return Ask{}
	}
	return Ask{Text: strings.TrimPrefix(text, "prefix:"), From: from}
}

// read returns the content of a file, without a byte order mark. It is "" if there is no file.
func read(dir, name string) (string, error) {
	data, err := tree.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil
}

// words yields the words of each line that has some, without what "#" and the rest of the line say.
func words(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "#")
			if fields := strings.Fields(line); len(fields) > 0 && !yield(fields) {
				return
			}
		}
	}
}

// Semantic reads a range of semantic versions as npm has them, such as "^22.12 || >=24", and returns what reports whether a
// version is in it; nil if the text is no range.
func Semantic(text string) func(version string) bool {
	asked, err := semver.NewConstraint(text)
	if err != nil {
		return nil
	}
	return func(version string) bool {
		v, err := semver.NewVersion(version)
		return err == nil && asked.Check(v)
	}
}
