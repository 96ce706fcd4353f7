package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// A descriptor has to be read in seconds, whoever wrote it.
const (
	maxDots   = 2000
	maxBraces = 200
)

// about is what a project says of itself: it is checked, and then no part of a build.
type about struct {
	SchemaVersion    string         `toml:"schema-version"`
	ID               string         `toml:"id"`
	Name             string         `toml:"name"`
	Version          string         `toml:"version"`
	Authors          []string       `toml:"authors"`
	DocumentationURL string         `toml:"documentation-url"`
	SourceURL        string         `toml:"source-url"`
	Licenses         []license      `toml:"licenses"`
	Metadata         map[string]any `toml:"metadata"`
}

type license struct {
	Type string `toml:"type"`
	URI  string `toml:"uri"`
}

type variable struct {
	Name  string `toml:"name"`
	Value string `toml:"value"`
}

type buildpack struct {
	ID      string `toml:"id"`
	Version string `toml:"version"`
	URI     string `toml:"uri"`
	Script  script `toml:"script"`
}

type script struct {
	API    string `toml:"api"`
	Inline string `toml:"inline"`
	Shell  string `toml:"shell"`
}

type addition struct {
	Group []buildpack `toml:"group"`
}

// common are the keys that [io.buildpacks] of schema 0.2 and [build] of schema 0.1 share.
type common struct {
	Builder string   `toml:"builder"`
	Include []string `toml:"include"`
	Exclude []string `toml:"exclude"`
	Pre     addition `toml:"pre"`
	Post    addition `toml:"post"`
}

type schema01 struct {
	Project  about          `toml:"project"`
	Metadata map[string]any `toml:"metadata"`
	Build    struct {
		common
		Buildpacks []buildpack `toml:"buildpacks"`
		Env        []variable  `toml:"env"`
	} `toml:"build"`
}

type schema02 struct {
	Project about `toml:"_"`
	IO      struct {
		Buildpacks struct {
			common
			Group []buildpack `toml:"group"`
			Build struct {
				Env []variable `toml:"env"`
			} `toml:"build"`
			Env struct { // where pack looked for them first
				Build []variable `toml:"build"`
			} `toml:"env"`
		} `toml:"buildpacks"`
	} `toml:"io"`
}

// parse reads the text of a descriptor.
func (d *Descriptor) parse(text string) error {
	// The time that the library takes for nested tables grows with the cube of their depth, most with braces.
	if strings.Count(text, ".")+strings.Count(text, "[") > maxDots || strings.Count(text, "{") > maxBraces {
		return d.wrong("has more than %d dots and brackets, or more than %d braces", maxDots, maxBraces)
	}
	var head struct {
		Project struct {
			SchemaVersion string `toml:"schema-version"`
		} `toml:"_"`
	}
	meta, err := toml.Decode(text, &head)
	if err != nil {
		return d.notTOML(err)
	}
	switch version := head.Project.SchemaVersion; version {
	case "":
		if meta.IsDefined("io", "buildpacks") {
			return fault.Fault{
				ID:   "project-without-version",
				What: d.file + " has [io.buildpacks] but no schema-version, without which it counts for nothing",
				Do:   `write schema-version = "0.2" below [_]`,
			}
		}
		d.ignored(`it has no schema-version and is read as 0.1; write schema-version = "0.2" below [_]`)
		return d.parse01(text)
	case "0.1":
		return d.parse01(text)
	case "0.2":
		return d.parse02(text)
	default:
		return fault.Fault{
			ID:   "project-version",
			What: fmt.Sprintf("%s has the schema-version %q", d.file, version),
			Do:   "write it in 0.2 or 0.1",
		}
	}
}

func (d *Descriptor) parse01(text string) error {
	var s schema01
	meta, err := toml.Decode(text, &s)
	if err != nil {
		return d.notTOML(err)
	}
	d.unknown(meta, "0.1", func(key toml.Key) bool {
		return key[0] == "project" || key[0] == "build" || len(key) > 1 && key[0] == "io" && key[1] == "buildpacks"
	})
	d.env = s.Build.Env
	return d.take(s.Project, s.Build.common, s.Build.Buildpacks)
}

func (d *Descriptor) parse02(text string) error {
	var s schema02
	meta, err := toml.Decode(text, &s)
	if err != nil {
		return d.notTOML(err)
	}
	d.unknown(meta, "0.2", func(key toml.Key) bool {
		if key[0] == "_" {
			return len(key) < 2 || key[1] != "metadata"
		}
		// A table of somebody else has the name of a domain: the tables of 0.1 and a misspelt io.buildpacks are nobody's.
		return key[0] == "project" || key[0] == "build" || len(key) > 1 && key[0] == "io" && strings.HasPrefix(key[1], "buildpack")
	})
	if d.env = s.IO.Buildpacks.Build.Env; d.env == nil {
		d.env = s.IO.Buildpacks.Env.Build
	}
	return d.take(s.Project, s.IO.Buildpacks.common, s.IO.Buildpacks.Group)
}

// take checks what both schemas have and keeps it.
func (d *Descriptor) take(project about, c common, group []buildpack) error {
	if c.Include != nil && c.Exclude != nil {
		return fault.Fault{ID: "project-both-lists", What: d.file + " has both include and exclude", Do: "keep one of them"}
	}
	for _, l := range project.Licenses {
		if l.Type == "" && l.URI == "" {
			return d.wrong("has a license with neither type nor uri")
		}
	}
	d.Builder, d.include, d.exclude = c.Builder, c.Include, c.Exclude
	for _, list := range []struct {
		from []buildpack
		to   *[]string
	}{{group, &d.Buildpacks}, {c.Pre.Group, &d.Pre}, {c.Post.Group, &d.Post}} {
		for _, b := range list.from {
			name, err := d.buildpack(b)
			if err != nil {
				return err
			}
			*list.to = append(*list.to, name)
		}
	}
	if len(d.Buildpacks) > 0 && len(d.Pre)+len(d.Post) > 0 {
		d.Pre, d.Post = nil, nil
		d.ignored("pre and post are ignored, because it lists all buildpacks itself")
	}
	return nil
}

// buildpack is ID or ID@VERSION of a buildpack of the builder. The builder is what a build trusts: none comes from elsewhere.
func (d *Descriptor) buildpack(b buildpack) (string, error) {
	elsewhere := func(what string) error {
		return fault.Fault{
			ID:   "project-buildpack",
			What: d.file + " has " + what,
			Do:   "name a buildpack of the builder by its id, or put this one into a builder",
		}
	}
	name := b.ID
	for _, prefix := range []string{"urn:cnb:builder:", "from=builder:"} {
		if id, ok := strings.CutPrefix(b.URI, prefix); ok {
			name, b.URI = id, ""
		}
	}
	switch {
	case b.Script != script{}:
		return "", elsewhere(fmt.Sprintf("the buildpack %q as an inline script", b.ID))
	case b.URI != "":
		return "", elsewhere(fmt.Sprintf("the buildpack at %q", b.URI))
	case name == "":
		return "", d.wrong("has a buildpack without an id")
	case b.Version != "":
		return name + "@" + b.Version, nil
	}
	return name, nil
}

// unknown notes the keys that nothing reads among those that are the specification's to name.
func (d *Descriptor) unknown(meta toml.MetaData, version string, ours func(toml.Key) bool) {
	var keys []string
	last := ""
	for _, key := range meta.Undecoded() {
		name := key.String()
		if !ours(key) || last != "" && strings.HasPrefix(name, last+".") || slices.Contains(keys, name) {
			continue
		}
		keys, last = append(keys, name), name
	}
	if len(keys) > 0 {
		d.ignored("ignored, because schema %s does not have them: %s", version, strings.Join(keys, ", "))
	}
}

// notTOML says where the text is wrong.
func (d *Descriptor) notTOML(err error) error {
	if parse := (toml.ParseError{}); errors.As(err, &parse) {
		return fault.Fault{
			ID:   "project-invalid",
			What: fmt.Sprintf("%s is not valid TOML, line %d, column %d", d.file, parse.Position.Line, parse.Position.Col),
			Err:  errors.New(strings.TrimSuffix(parse.Message, ".")),
			Do:   "correct the file",
		}
	}
	// The rest is about types of Go.
	where, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), "): ")
	return d.wrong("has a value of the wrong type, %s)", where)
}
