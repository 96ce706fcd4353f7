package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/strata-buildpacks/strata/builder/host"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// compiler runs one exact Go release, whatever the machine's own is, for one
// Linux architecture.
type compiler struct {
	version string   // "go1.26.8"
	arch    string   // "amd64"
	environ []string // of the caller
	dir     string   // for the binaries while they are made
}

// delivery are the settings of the Go command that say where code comes from
// and where it is kept. They are taken from the machine; every other one could
// change the bytes and is dropped.
func delivery() []string {
	return []string{
		"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOAUTH",
		"GOVCS", "GOPATH", "GOMODCACHE", "GOCACHE", "GOCACHEPROG", "GOTMPDIR",
	}
}

// pinnedGo reads the Go release that a go.mod asks for: its toolchain line, or
// its go line.
func pinnedGo(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the Go version: %w", err)
	}
	mod, err := modfile.Parse(path, data, nil) // ParseLax passes over the toolchain line
	if err != nil {
		return "", fmt.Errorf("reading the Go version: %w", err)
	}
	switch {
	case mod.Toolchain != nil:
		return mod.Toolchain.Name, nil
	case mod.Go != nil:
		return "go" + mod.Go.Version, nil
	}
	return "", fmt.Errorf("reading the Go version: %s has no toolchain line", path)
}

// build compiles main packages of the module at root and hands the folder that
// the binaries are in to use; a binary is named after its package's folder.
func (c compiler) build(ctx context.Context, root, ldflags string, use func(dir string) error, packages ...string) error {
	env, err := c.env(ctx)
	if err != nil {
		return err
	}
	out, err := os.MkdirTemp(c.dir, ".build-*")
	if err != nil {
		return fmt.Errorf("compiling %s: %w", packages[0], err)
	}
	defer func() { _ = os.RemoveAll(out) }() // the next run has a folder of its own

	args := append([]string{
		"build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", out + "/",
	}, packages...)
	if _, err := c.run(ctx, root, env, args...); err != nil {
		return fmt.Errorf("compiling %s: %w", strings.Join(packages, " "), err)
	}
	return use(out)
}

// env is the caller's environment with everything that could change the bytes
// replaced by what is pinned.
func (c compiler) env(ctx context.Context) ([]string, error) {
	ask := append(slices.Clone(c.environ), "GOTOOLCHAIN="+c.version, "GOWORK=off")
	raw, err := c.run(ctx, "", ask, append([]string{"env", "-json"}, delivery()...)...)
	if err != nil {
		return nil, fmt.Errorf("asking for the Go settings: %w", err)
	}
	settings := map[string]string{}
	if err := json.Unmarshal(raw, &settings); err != nil {
		return nil, fmt.Errorf("asking for the Go settings: %w", err)
	}
	env := slices.DeleteFunc(slices.Clone(c.environ), func(kv string) bool {
		return strings.HasPrefix(kv, "GO") || strings.HasPrefix(kv, "CGO_")
	})
	for _, name := range delivery() {
		if settings[name] != "" {
			env = append(env, name+"="+settings[name])
		}
	}
	return append(env, "GOENV=off", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN="+c.version,
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+c.arch, "GOAMD64=v1", "GOARM64=v8.0"), nil
}

// downloadTries is how often the Go command is run when a download breaks. It
// does not retry by itself, and a first build downloads some hundred modules.
const downloadTries = 4

// run returns what the Go command prints; what it complains of becomes the error. It runs in the folder of a module, or outside of
// any if that is "".
func (c compiler) run(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	for try := 1; ; try++ {
		out, err := c.try(ctx, dir, env, args...)
		if err == nil || try == downloadTries || !brokenDownload(err.Error()) {
			return out, err
		}
	}
}

// brokenDownload reports whether the Go command complains of a connection that broke, and not of an answer it got.
func brokenDownload(complaint string) bool {
	signs := []string{"connection reset by peer", "unexpected EOF", "TLS handshake timeout", "i/o timeout", "connection timed out"}
	return slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(complaint, sign) })
}

func (c compiler) try(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	var complaint bytes.Buffer
	cmd := host.Command(ctx, "go", args...)
	cmd.Env, cmd.Stderr = env, &complaint
	if dir != "" {
		cmd.Dir = dir
	}
	out, err := cmd.Output()
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, fault.Fault{
			ID: "compose-no-go", What: "no go command on PATH",
			Do: "install Go 1.21 or later; it fetches " + c.version + " by itself",
		}
	case complaint.Len() > 0:
		return nil, errors.New(strings.TrimSpace(complaint.String()))
	}
	return nil, err
}

// layingOut are the folders with the code that lays a layer out. A layer's key includes it. The running program is assumed to be
// compiled from this checkout.
var layingOut = []string{"builder/compose", "builder/host", "builder/registries", "buildpacks/kit/fault", "buildpacks/kit/sbom"}

// sourceKey is a hash of the flags, of every file that sources returns, and of the code that lays a layer out.
func sourceKey(root string, flags []string, paths ...string) (string, error) {
	return filesKey(root, flags, slices.Concat(layingOut, paths))
}

// filesKey is a hash of the flags and of every file that sources returns.
func filesKey(root string, flags, paths []string) (string, error) {
	files, err := sources(root, paths...)
	if err != nil {
		return "", fmt.Errorf("looking for changed sources: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", flags)
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return "", fmt.Errorf("looking for changed sources: %w", err)
		}
		fmt.Fprintf(sum, "%q %x\n", name, sha256.Sum256(data))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sources returns every file below the paths except hidden files, documentation, tests and their data, and what pins the
// modules that are imported. All are relative to root.
func sources(root string, paths ...string) ([]string, error) {
	var files []string
	for _, path := range slices.Concat([]string{"go.mod", "go.sum"}, paths) {
		err := filepath.WalkDir(filepath.Join(root, path), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
				return filepath.SkipDir
			case !d.Type().IsRegular(), strings.HasPrefix(d.Name(), "."), strings.HasSuffix(path, "_test.go"), strings.HasSuffix(path, ".md"):
				return nil
			}
			rel, err := filepath.Rel(root, path)
			files = append(files, rel)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
