package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// suiteBinary is the multi-call binary that every buildpack's bin/detect and bin/build are links to. It is in the
// folder bin of the builder's first buildpack, with the other programs.
const suiteBinary = "suite"

// buildpacksDir is where a builder has its buildpacks (Platform API, "Buildpacks Directory Layout").
const buildpacksDir = "cnb/buildpacks"

// buildpack is one buildpack.toml: as its author wrote it, and the part that
// the builder's labels repeat (Buildpack API, buildpack.toml).
type buildpack struct {
	API     string     `toml:"api"`
	Info    info       `toml:"buildpack"`
	Targets []Target   `toml:"targets"`
	Stacks  []stackRef `toml:"stacks"`

	source []byte
}

// info is what a builder tells about each of its buildpacks. A licence's names
// have capitals in the label, because pack writes them so.
type info struct {
	ID          string   `toml:"id" json:"id,omitempty"`
	Name        string   `toml:"name" json:"name,omitempty"`
	Version     string   `toml:"version" json:"version,omitempty"`
	Description string   `toml:"description" json:"description,omitempty"`
	Homepage    string   `toml:"homepage" json:"homepage,omitempty"`
	Keywords    []string `toml:"keywords" json:"keywords,omitempty"`
	ExecEnv     []string `toml:"exec-env" json:"exec-env,omitempty"`
	Licenses    []struct {
		Type string `toml:"type"`
		URI  string `toml:"uri"`
	} `toml:"licenses" json:"licenses,omitempty"`
	ClearEnv bool `toml:"clear-env" json:"clear-env,omitempty"`
}

// stackRef is what a buildpack may say besides its targets, for platforms that know none.
type stackRef struct {
	ID     string   `toml:"id" json:"id"`
	Mixins []string `toml:"mixins" json:"mixins,omitempty"`
}

// readBuildpack reads the buildpack that ref names and checks that it is the
// one, and that this lifecycle can run it on this architecture.
func readBuildpack(root string, ref BuildpackRef, lc descriptor, arch string, distro Distro) (buildpack, error) {
	name := path.Join(filepath.ToSlash(ref.URI), "buildpack.toml")
	wrong := func(what string, err error, do string) (buildpack, error) {
		return buildpack{}, fault.Fault{ID: "builder-buildpack", What: name + what, Err: err, Do: do}
	}
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return wrong(" is missing", nil, fmt.Sprintf("correct the uri of %q in builder.toml", ref.ID))
	}
	if err != nil {
		return buildpack{}, fmt.Errorf("reading a buildpack: %w", err)
	}
	bp := buildpack{source: data}
	if err := toml.Unmarshal(data, &bp); err != nil {
		return wrong(" is not valid TOML", err, "correct the file")
	}
	switch {
	case bp.Info.ID != ref.ID:
		return wrong(fmt.Sprintf(" has id %q, builder.toml says %q", bp.Info.ID, ref.ID), nil, "make them agree")
	case bp.Info.Version != ref.Version:
		return wrong(fmt.Sprintf(" has version %q, builder.toml says %q", bp.Info.Version, ref.Version), nil, "make them agree")
	case !lc.APIs.Buildpack.has(bp.API):
		return wrong(fmt.Sprintf(" has api %q, lifecycle %s supports %s", bp.API, lc.Lifecycle.Version,
			strings.Join(lc.APIs.Buildpack.Supported, ", ")), nil, "use one of these")
	case !supports(bp.Targets, "linux", arch, distro):
		return wrong(fmt.Sprintf(" has no target linux/%s, which the build image is", arch), nil, "add the target or use another build image")
	}
	return bp, nil
}

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
// are links; programs are what it has of them itself.
func (b buildpack) files(suite string, programs ...entry) []entry {
	files := []entry{folder("bin"), symlink("bin/build", 0o755, suite), symlink("bin/detect", 0o755, suite)}
	for _, program := range programs {
		files = append(files, file("bin/"+program.name, 0o755, program.data))
	}
	return append(files, file("buildpack.toml", 0o644, b.source))
}

// linked are the files of a buildpack in a builder or a package whose buildpack first has the programs.
func (b buildpack) linked(first buildpack) []entry {
	return b.files(path.Join("../../..", folderName(first.Info.ID), first.Info.Version, "bin", suiteBinary))
}

// folderName is what an id is called where it names a folder (Platform API, "Buildpacks Directory Layout").
func folderName(id string) string { return strings.ReplaceAll(id, "/", "_") }
