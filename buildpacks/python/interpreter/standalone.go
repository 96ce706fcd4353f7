package interpreter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

const (
	// ID is the id of standalone builds in the lock.
	ID = "python"
	// MirrorVariable is the variable of uv that names a mirror of standalone builds, https or file.
	MirrorVariable = "UV_PYTHON_INSTALL_MIRROR"
)

// machines are uv's names of architectures.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// Standalone returns the interpreter of a locked standalone build.
func Standalone(r lock.Release) Interpreter {
	return Interpreter{Version: r.Version, arch: r.Arch, release: r}
}

// Standalone reports whether an interpreter has libraries of its own inside, which no new run image patches.
func (p Interpreter) Standalone() bool { return p.release.Hash != "" }

// place returns the path of a build's archive in a mirror.
func placeOf(r lock.Release) (date, file string, err error) {
	purl, err := packageurl.FromString(r.PURL)
	if err != nil {
		return "", "", fault.Internal("%s is no package URL", r.PURL)
	}
	return purl.Version, purl.Qualifiers.Map()["file_name"], nil
}

// address returns where the archive of the build is: in the mirror, or where uv says.
func (p Interpreter) address(ctx context.Context, s Source) (string, error) {
	date, file, err := placeOf(p.release)
	if err != nil {
		return "", err
	}
	if s.Mirror != "" {
		base, err := url.Parse(s.Mirror)
		if err != nil || !slices.Contains([]string{"https", "http", "file"}, base.Scheme) {
			return "", fault.Fault{ID: "python-mirror-syntax", What: MirrorVariable + " is no https, http or file address",
				Do: "write it like https://mirror.example.test/python-build-standalone"}
		}
		at := base.JoinPath(date, file)
		at.RawPath = strings.ReplaceAll(at.EscapedPath(), "+", "%2B") // some servers take + for a space
		return at.String(), nil
	}
	uv, err := s.UV(ctx)
	if err != nil {
		return "", err
	}
	builds, err := list(ctx, uv, p.key())
	if err != nil {
		return "", err
	}
	for _, b := range builds {
		if path.Base(b.path()) == file {
			return b.URL, nil
		}
	}
	return "", fault.Internal("uv knows no %s", file)
}

// key is what uv calls the build.
func (p Interpreter) key() string {
	return "cpython-" + p.Version + "-linux-" + machines[p.arch] + "-gnu"
}

// unpackStandalone unpacks the build.
func (p Interpreter) unpackStandalone(ctx context.Context, client *fetch.Client, s Source, dir string, place func(string) string) error {
	address, err := p.address(ctx, s)
	if err != nil {
		return err
	}
	file, err := client.Get(ctx, fetch.Artifact{
		Name: "Python " + p.Version, Sum: p.release.Hash, URLs: []string{address}, Setting: MirrorVariable,
	})
	if err != nil {
		return err
	}
	return unpack.Archive(file, dir, unpack.Options{Strip: 1, Place: place})
}

// placeStandalone returns where a file of the build is in the interpreter's folder, "" for one that is left out.
func (p Interpreter) placeStandalone(name string) string {
	python := "python" + p.Minor()
	inner, found := strings.CutPrefix(name, "lib/"+python+"/")
	switch {
	case name == "bin/"+python, path.Dir(name) == "lib" && strings.HasPrefix(path.Base(name), "libpython"):
		return name
	case found && !idle.MatchString(inner) && !strings.HasPrefix(inner, "site-packages/"):
		return name
	}
	return ""
}

// listed is a build that uv knows.
type listed struct{ Key, Version, URL, OS, Variant, Implementation, Arch, Libc string }

// path returns the path of the archive in its address.
func (l listed) path() string {
	u, err := url.Parse(l.URL)
	if err != nil {
		return ""
	}
	return u.Path
}

// list returns the builds that uv knows. What else it is told limits them.
func list(ctx context.Context, uv string, args ...string) ([]listed, error) {
	text, err := run(ctx, uv, append([]string{"python", "list", "--only-downloads", "--output-format", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var builds []listed
	if err := json.Unmarshal(text, &builds); err != nil {
		return nil, fmt.Errorf("reading what uv knows of Python: %w", err)
	}
	return builds, nil
}

// run runs uv with a home of its own, and returns what it prints.
func run(ctx context.Context, uv string, args ...string) ([]byte, error) {
	home, remove, err := command.Home()
	if err != nil {
		return nil, err
	}
	defer remove()
	env := config.Environment{"HOME": home, "UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1"}
	return command.Output(ctx, command.Command{Path: uv, Args: args, Env: env.List(), Dir: home})
}
