package seccomp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/seccomp/calls"
)

// part is what is known of the programs in one part of an image.
type part struct {
	Digest string   `json:"digest,omitempty"` // of what the part depends on; empty for one that is always looked at
	Calls  []string `json:"calls"`            // sorted
}

// place is one part of an image: the launcher, the app or a launch layer.
type place struct {
	path   string // in the image
	from   string // where it is now; empty for a layer of the previous image, which is not here
	digest string
}

// partsOf returns the parts of an image that may have programs.
func partsOf(in bp.BuildContext) ([]place, error) {
	from := filepath.Join(in.Buildpack.Dir, "..", "..", "..", "lifecycle", "launcher") // of the builder: /cnb/buildpacks/ID/VERSION
	content, err := os.ReadFile(from)
	if err != nil {
		return nil, fmt.Errorf("reading the launcher: %w", err)
	}
	parts := []place{{launcher, from, digest(content)}, {in.AppDir, in.AppDir, ""}}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(in.Layers.Path()), "*", "*.toml"))
	if err != nil {
		return nil, fmt.Errorf("listing layers: %w", err)
	}
	for _, file := range files {
		if slices.Contains([]string{"launch.toml", "build.toml", "store.toml"}, filepath.Base(file)) || filepath.Dir(file) == in.Layers.Path() {
			continue
		}
		var about struct {
			Types    struct{ Launch bool }
			Metadata map[string]any
		}
		if _, err := tree.ReadTOML(file, &about); err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", file, err)
		}
		if !about.Types.Launch {
			continue
		}
		metadata, err := json.Marshal(about.Metadata)
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", file, err)
		}
		one := place{path: strings.TrimSuffix(file, ".toml"), digest: digest(metadata)}
		if info, err := os.Stat(one.path); err == nil && info.IsDir() {
			one.from = one.path
		}
		parts = append(parts, one)
	}
	return parts, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// look returns what is known of a place: what the build before found if the place is the same, or what is found now.
func (p place) look(ctx context.Context, in bp.BuildContext, before part) (part, error) {
	if p.digest != "" && p.digest == before.Digest && (p.from == "" || p.path == launcher) {
		in.Log.Bullet("%s: %d, as before", p.path, len(before.Calls))
		return before, nil
	}
	if p.from == "" {
		return part{}, fault.Fault{
			ID: "seccomp-layer", What: fmt.Sprintf("the layer %s is taken from the previous image, and nobody has looked into it", p.path),
			Do: "build once with --clear-cache, which makes all layers",
		}
	}
	found := map[string]bool{}
	err := filepath.WalkDir(p.from, func(path string, entry fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Mode()&0o111 == 0 {
			return err
		}
		inside := p.path + strings.TrimPrefix(path, p.from)
		names, err := callsOf(ctx, path, inside, in.Target.Arch)
		if err != nil || names == nil {
			return err
		}
		in.Log.Bullet("%s: %d", inside, len(names))
		for _, name := range names {
			found[name] = true
		}
		return nil
	})
	return part{p.digest, slices.Sorted(maps.Keys(found))}, err
}

// callsOf returns the names of the calls of a program, or nothing for a file that is none. A script is none: what it is for is a program.
func callsOf(ctx context.Context, from, path, arch string) ([]string, error) {
	file, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(file, magic); err != nil || !bytes.Equal(magic, []byte("\x7fELF")) {
		return nil, nil //nolint:nilerr // a file that is too short for a program
	}
	found, err := calls.Of(ctx, file)
	if defect := new(calls.Defect); errors.As(err, &defect) {
		return nil, refuse(fmt.Sprintf("there is no seccomp profile, because %s is no static program of Go: it %s", path, defect))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", path, err)
	case len(found.Unknown) > 0:
		return nil, refuse(unresolved(path, found.Unknown))
	case found.Arch != arch:
		return nil, refuse(fmt.Sprintf("there is no seccomp profile, because %s is for %s", path, found.Arch))
	}
	names := make([]string, 0, len(found.Numbers))
	for _, number := range found.Numbers {
		name, known := seccomp.Name(arch, number)
		if !known {
			return nil, refuse(fmt.Sprintf("there is no seccomp profile, because %s makes the system call %d, which has no name", path, number))
		}
		names = append(names, name)
	}
	return names, nil
}

// unresolved names the functions of a program whose calls are not known.
func unresolved(path string, functions []string) string {
	const shown = 3
	more := ""
	if n := len(functions) - shown; n > 0 {
		functions, more = functions[:shown], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("there is no seccomp profile, because %s makes system calls whose numbers are not known, in %s%s",
		path, strings.Join(functions, ", "), more)
}
