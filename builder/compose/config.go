package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Config is builder.toml: the part of pack's schema that the suite uses. A key
// outside it is an error, as it is for pack.
type Config struct {
	Description string         `toml:"description"`
	Order       []Group        `toml:"order"`
	Buildpacks  []BuildpackRef `toml:"buildpacks"`
	Lifecycle   struct {
		Version string `toml:"version"`
	} `toml:"lifecycle"`
	Build struct {
		Image string `toml:"image"`
	} `toml:"build"`
	Run     RunImages `toml:"run"`
	Targets []Target  `toml:"targets"`
}

// Group is one alternative of the order; the first whose members all pass
// detection builds the app.
type Group struct {
	Group []GroupRef `toml:"group" json:"group"`
}

// GroupRef names one buildpack of a group. An empty version means the only one
// on the builder.
type GroupRef struct {
	ID       string `toml:"id" json:"id"`
	Version  string `toml:"version,omitempty" json:"version,omitempty"`
	Optional bool   `toml:"optional,omitempty" json:"optional,omitempty"`
}

// BuildpackRef says where a buildpack is: URI is a folder relative to
// builder.toml, whose buildpack.toml must carry this ID and Version, unless they are empty. The members of a composite
// need no reference where they are in folders beside it.
type BuildpackRef struct {
	ID      string `toml:"id,omitempty"`
	Version string `toml:"version,omitempty"`
	URI     string `toml:"uri"`
}

// RunImages are the images an app may be put on; the first is the default. It
// is the content of /cnb/run.toml too (Platform API, run.toml).
type RunImages struct {
	Images []RunImage `toml:"images" json:"images"`
}

// RunImage is a run image's reference and where else the same image is.
type RunImage struct {
	Image   string   `toml:"image" json:"image"`
	Mirrors []string `toml:"mirrors" json:"mirrors"`
}

// Target is a platform, in Go's names ("linux", "amd64"). An empty Arch is any.
type Target struct {
	OS      string   `toml:"os" json:"os"`
	Arch    string   `toml:"arch" json:"arch"`
	Variant string   `toml:"variant,omitempty" json:"variant,omitempty"`
	Distros []Distro `toml:"distros,omitempty" json:"distros,omitempty"`
}

// Distro is a distribution that a target is limited to.
type Distro struct {
	Name    string `toml:"name,omitempty" json:"name,omitempty"`
	Version string `toml:"version,omitempty" json:"version,omitempty"`
}

// ReadConfig reads a builder.toml and checks what can be checked without the
// files that it names. Errors are fault.Faults with the ID "builder-config".
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Fault{
			ID: "builder-config", What: "the builder's configuration cannot be read", Err: err,
			Do: "name the builder.toml of a checkout with --config",
		}
	}
	wrong := func(what string, err error) (Config, error) {
		return Config{}, fault.Fault{
			ID: "builder-config", What: filepath.Base(path) + what, Err: err,
			Do: "correct the file",
		}
	}
	var c Config
	meta, err := toml.Decode(string(data), &c)
	if err != nil {
		return wrong(" is not valid TOML", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return wrong(fmt.Sprintf(" has the unknown key %q", unknown[0].String()), nil)
	}
	if missing := c.missing(); len(missing) > 0 {
		return wrong(" lacks "+strings.Join(missing, ", "), nil)
	}
	return c, nil
}

// missing lists the keys without which no builder can be made.
func (c Config) missing() []string {
	var out []string
	for _, need := range []struct {
		key string
		has bool
	}{
		{"order", len(c.Order) > 0},
		{"buildpacks", len(c.Buildpacks) > 0},
		{"lifecycle.version", c.Lifecycle.Version != ""},
		{"build.image", c.Build.Image != ""},
		{"run.images", len(c.Run.Images) > 0},
	} {
		if !need.has {
			out = append(out, need.key)
		}
	}
	for i, b := range c.Buildpacks {
		if b.URI == "" {
			out = append(out, fmt.Sprintf("uri of buildpacks[%d]", i))
		}
	}
	for i, r := range c.Run.Images {
		if r.Image == "" {
			out = append(out, fmt.Sprintf("image of run.images[%d]", i))
		}
	}
	return out
}

// supports reports whether one of the targets is the platform; no targets means
// that all are. As for pack, distributions count only when the platform has one
// and its version: a build image that declares none builds for all run images.
func supports(targets []Target, os, arch string, distro Distro) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(t Target) bool {
		return t.OS == os && (t.Arch == "" || t.Arch == arch) &&
			(len(t.Distros) == 0 || distro.Name == "" || distro.Version == "" || slices.Contains(t.Distros, distro))
	})
}
