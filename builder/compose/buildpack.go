package compose

import (
	"path"
	"strings"

	"github.com/strata-buildpacks/strata/builder/registries"
)

// suiteBinary is the multi-call binary that every buildpack's bin/detect and bin/build are links to. It is in the
// folder bin of the builder's first buildpack, with the other programs.
const suiteBinary = "suite"

// buildpacksDir is where a builder has its buildpacks (Platform API, "Buildpacks Directory Layout").
const buildpacksDir = "cnb/buildpacks"

// buildpack is one buildpack.toml: as it is in the builder, and the part that
// the builder's labels repeat (Buildpack API, buildpack.toml).
type buildpack struct {
	API     string     `toml:"api"`
	Info    info       `toml:"buildpack"`
	Targets []Target   `toml:"targets"`
	Stacks  []stackRef `toml:"stacks"`
	Order   []Group    `toml:"order"` // of a composite, which has nothing else

	uri        string // its folder, relative to builder.toml
	written    string // the version in its folder, whose patch does not count
	source     []byte
	registries registries.List
}

// info is what a builder tells about each of its buildpacks. A licence's names
// have capitals in the label, because pack writes them so.
type info struct {
	ID          string   `toml:"id,omitempty" json:"id,omitempty"`
	Name        string   `toml:"name,omitempty" json:"name,omitempty"`
	Version     string   `toml:"version,omitempty" json:"version,omitempty"`
	Description string   `toml:"description,omitempty" json:"description,omitempty"`
	Homepage    string   `toml:"homepage,omitempty" json:"homepage,omitempty"`
	Keywords    []string `toml:"keywords,omitempty" json:"keywords,omitempty"`
	ExecEnv     []string `toml:"exec-env,omitempty" json:"exec-env,omitempty"`
	Licenses    []struct {
		Type string `toml:"type"`
		URI  string `toml:"uri,omitempty"`
	} `toml:"licenses,omitempty" json:"licenses,omitempty"`
	ClearEnv bool `toml:"clear-env,omitempty" json:"clear-env,omitempty"`
}

// stackRef is what a buildpack may say besides its targets, for platforms that know none.
type stackRef struct {
	ID     string   `toml:"id" json:"id"`
	Mixins []string `toml:"mixins" json:"mixins,omitempty"`
}

// composite reports whether the buildpack is an order of others.
func (b buildpack) composite() bool { return len(b.Order) > 0 }

// layer are the entries of the buildpack's layer, in pack's order.
func (b buildpack) layer(files []entry) []entry {
	id := buildpacksDir + "/" + folderName(b.Info.ID)
	dir := id + "/" + b.Info.Version
	entries := []entry{folder(id), folder(dir)}
	for _, f := range files {
		f.name = dir + "/" + f.name
		entries = append(entries, f)
	}
	return entries
}

// files are the files of a buildpack's folder in the order of their names. suite is where its two executables lead, which
// are links; programs are those in its own folder bin. A composite has no executables.
func (b buildpack) files(suite string, programs ...entry) []entry {
	if b.composite() {
		return []entry{file("buildpack.toml", 0o644, b.source)}
	}
	files := []entry{folder("bin"), symlink("bin/build", 0o755, suite), symlink("bin/detect", 0o755, suite)}
	for _, program := range programs {
		files = append(files, file("bin/"+program.name, 0o755, program.data))
	}
	return append(files, file("buildpack.toml", 0o644, b.source))
}

// linked are the files of a buildpack beside the buildpack first, which has the programs.
func (b buildpack) linked(first buildpack) []entry {
	return b.files(path.Join("../../..", folderName(first.Info.ID), first.Info.Version, "bin", suiteBinary))
}

// folderName is what an id is called where it names a folder (Platform API, "Buildpacks Directory Layout").
func folderName(id string) string { return strings.ReplaceAll(id, "/", "_") }
