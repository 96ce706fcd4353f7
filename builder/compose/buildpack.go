package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// suiteBinary is the multi-call binary that every buildpack's bin/detect and
// bin/build are links to.
const suiteBinary = "cnb/suite/suite"

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
	path := filepath.ToSlash(filepath.Join(ref.URI, "buildpack.toml"))
	wrong := func(what string, err error, do string) (buildpack, error) {
		return buildpack{}, fault.Fault{ID: "builder-buildpack", What: path + what, Err: err, Do: do}
	}
	data, err := os.ReadFile(filepath.Join(root, path))
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

// entries are the buildpack's files: its buildpack.toml, and the two
// executables as relative links, right wherever the builder is unpacked.
func (b buildpack) entries() []entry {
	id := "cnb/buildpacks/" + strings.ReplaceAll(b.Info.ID, "/", "_")
	dir := id + "/" + b.Info.Version
	toSuite := "../../../../" + strings.TrimPrefix(suiteBinary, "cnb/")
	return []entry{
		folder(id), folder(dir), folder(dir + "/bin"),
		file(dir+"/buildpack.toml", 0o644, b.source),
		symlink(dir+"/bin/build", toSuite),
		symlink(dir+"/bin/detect", toSuite),
	}
}
