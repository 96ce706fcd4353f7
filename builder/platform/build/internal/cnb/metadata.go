package cnb

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// MetadataFile is where the build phase leaves Metadata, in the folder of layers.
const MetadataFile = "config/metadata.toml"

// Metadata is what a build says of an image (platform.md, "metadata.toml"). Without labels and slices, it is the content of
// BuildLabel.
type Metadata struct {
	Buildpacks []Member  `toml:"buildpacks" json:"buildpacks"`
	Labels     []Label   `toml:"labels" json:"-"`
	Launcher   Launcher  `toml:"-" json:"launcher"`
	Processes  []Process `toml:"processes" json:"processes"`
	Slices     []Slice   `toml:"slices" json:"-"`
	Default    string    `toml:"buildpack-default-process-type" json:"buildpack-default-process-type,omitempty"`
}

// Label is a label of an image.
type Label struct {
	Key   string `toml:"key"`
	Value string `toml:"value"`
}

// Launcher says which launcher starts the processes.
type Launcher struct {
	Version string `json:"version"`
	Source  struct {
		Git struct {
			Repository string `json:"repository"`
			Commit     string `json:"commit"`
		} `json:"git"`
	} `json:"source"`
}

// Process is a process that the launcher starts (buildpack.md, "launch.toml").
type Process struct {
	Type        string   `toml:"type" json:"type"`
	Command     Command  `toml:"command" json:"command"`
	Args        []string `toml:"args" json:"args"`
	Direct      bool     `toml:"direct" json:"direct"`
	Default     bool     `toml:"default" json:"default,omitempty"`
	BuildpackID string   `toml:"buildpack-id" json:"buildpackID"`
	WorkingDir  string   `toml:"working-dir" json:"working-dir,omitempty"`
	ExecEnv     []string `toml:"exec-env" json:"exec-env,omitempty"`
}

// Command is a program with the arguments that are always passed to it. Before Platform API 0.10 it was one text.
type Command []string

// UnmarshalTOML implements toml.Unmarshaler.
func (c *Command) UnmarshalTOML(data any) error {
	switch data := data.(type) {
	case string:
		*c = Command{data}
	case []any:
		*c = make(Command, len(data))
		for i, word := range data {
			text, isText := word.(string)
			if !isText {
				return fmt.Errorf("a word of a command is %v", word)
			}
			(*c)[i] = text
		}
	default:
		return fmt.Errorf("a command is %v", data)
	}
	return nil
}

// Slice is a part of the app that gets a layer of its own (buildpack.md, "launch.toml").
type Slice struct {
	Paths []string `toml:"paths"` // patterns of filepath.Match, below the app's folder
}

// ReadMetadata reads what the build phase left in a folder of layers. A build can write there, so what does not fit the group
// of buildpacks that the platform knows is a fault.
func ReadMetadata(layers *os.Root, group []Member) (Metadata, error) {
	var m Metadata
	err := readTOML(layers, MetadataFile, &m)
	if err == nil {
		err = m.check(group)
	}
	if err != nil {
		return m, fault.Fault{
			ID:   "build-metadata",
			What: "/layers/" + MetadataFile + " is not what the buildpacks of this build leave",
			Err:  err,
			Do:   "see whether a script of the app's build writes to /layers, which belongs to the buildpacks",
		}
	}
	return m, nil
}

func (m Metadata) check(group []Member) error {
	if !slices.Equal(m.Buildpacks, group) {
		return fmt.Errorf("it names the buildpacks %s, and those of the build are %s", names(m.Buildpacks), names(group))
	}
	for _, label := range m.Labels {
		if Reserved(label.Key) {
			return fmt.Errorf("it sets the label %q, which belongs to the platform", label.Key)
		}
	}
	for _, process := range m.Processes {
		if err := checkType(process.Type); err != nil {
			return err
		}
	}
	if m.Default != "" && !slices.ContainsFunc(m.Processes, func(p Process) bool { return p.Type == m.Default }) {
		return fmt.Errorf("its default process %q is none of its processes", m.Default)
	}
	return nil
}

// maxType is the length of the longest name of a process, in bytes. A process becomes a file of that name.
const maxType = 255

func checkType(name string) error {
	switch {
	case name == "":
		return errors.New("a process has no type")
	case name == "." || name == ".." || len(name) > maxType || strings.ContainsAny(name, "/><:|&\\\x00"):
		return fmt.Errorf("%.40q is no type for a process", name)
	}
	return nil
}

func names(group []Member) string {
	var all []string
	for _, one := range group {
		all = append(all, one.ID+"@"+one.Version)
	}
	return strings.Join(all, ", ")
}

// Label returns the content of BuildLabel.
func (m Metadata) Label() (string, error) {
	content, err := json.Marshal(m)
	return string(content), err
}
