package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// tool is a toolchain or runtime that a buildpack installs once for all apps. The lifecycle's build phase does it, with an
// empty folder as the app, for the group of buildpacks up to that one: no app can change what all others find.
type tool struct {
	name  string
	plan  []entry
	group []cnb.Member
}

// entry is an entry of a build plan (platform.md, "plan.toml"), as far as it says which tools are wanted.
type entry struct {
	Providers []provider `toml:"providers"`
	Requires  []required `toml:"requires"`
}

type provider struct {
	ID      string `toml:"id"`
	Version string `toml:"version"`
}

type required struct {
	Name     string `toml:"name"`
	Metadata struct {
		Tools []string `toml:"tools"`
	} `toml:"metadata"`
}

// toolName matches the names that a folder of a tool may have.
var toolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// wantedTools returns the tools that buildpacks named in detection, in the metadata of their plan entries.
func (f folders) wantedTools() ([]tool, error) {
	var plan struct {
		Entries []entry `toml:"entries"`
	}
	if _, err := toml.DecodeFile(f.path(planFile), &plan); err != nil {
		return nil, fmt.Errorf("reading the build plan: %w", err)
	}
	group, err := f.group()
	if err != nil {
		return nil, err
	}
	var wanted []tool
	for _, e := range plan.Entries {
		for _, r := range e.Requires {
			for _, name := range r.Metadata.Tools {
				by := slices.IndexFunc(group, func(one cnb.Member) bool {
					return slices.Contains(e.Providers, provider{one.ID, one.Version})
				})
				if !toolName.MatchString(name) || by < 0 {
					return nil, fault.Internal("a buildpack asks for the tool %q", name)
				}
				wanted = append(wanted, tool{name, []entry{{e.Providers, []required{r}}}, group[:by+1]})
			}
		}
	}
	return wanted, nil
}

// installTools installs the tools that the build wants and that are not there yet. Without a network it installs nothing,
// which is no error: the app's caches may have the tool.
func (b *build) installTools(ctx context.Context) error {
	wanted, err := b.lifecycle.folders.wantedTools()
	if err != nil || b.Network == sandbox.NoNetwork {
		return err
	}
	for _, one := range wanted {
		if err := b.installOnce(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) installOnce(ctx context.Context, one tool) error {
	folder := filepath.Join(b.lifecycle.folders.tools, one.name)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(b.lifecycle.folders.locks, 0o700); err != nil {
		return fmt.Errorf("making a folder for locks: %w", err)
	}
	lock := b.lifecycle.folders.toolLock(one.name)
	unlock, err := flock.Lock(ctx, lock, func() { b.Note("waiting for another build, which installs " + one.name) })
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return b.install(ctx, one, folder)
}

// install installs a tool in folders of its own, and renames what came of it to folder.
func (b *build) install(ctx context.Context, one tool, folder string) error {
	dir := b.lifecycle.folders.path("install")
	defer func() { _ = tree.Remove(dir) }() // what stays goes with the build's own folder
	installer := b.lifecycle
	installer.folders = folders{dir: dir, caches: dir, tools: filepath.Join(dir, "tools")}
	env := map[string]string{}
	maps.Copy(env, b.Env)
	env["BP_INSTALL_TOOL"] = one.name
	if err := sandbox.Own(filepath.Join(dir, "build"), installer.folders.tools); err != nil {
		return err
	}
	resolvConf, err := os.ReadFile(b.lifecycle.folders.path("resolv.conf"))
	if err != nil {
		return err
	}
	if err := installer.folders.prepare(resolvConf); err != nil {
		return err
	}
	if installer.secrets, err = secrets(env, b.Bindings); err != nil {
		return err
	}
	if err := installer.folders.writePlan(one, b.lifecycle.folders.path(analyzedFile)); err != nil {
		return fmt.Errorf("preparing to install %s: %w", one.name, err)
	}
	if err := installer.withBuildpacks(ctx, installPhase, b.Log); err != nil {
		return err
	}
	return whole.Move(filepath.Join(installer.folders.tools, one.name), folder)
}

// writePlan writes what detection would have found for a tool alone, and copies what analysis has found.
func (f folders) writePlan(one tool, analyzed string) error {
	target, err := tree.ReadFile(analyzed)
	if err != nil {
		return err
	}
	var group, plan bytes.Buffer
	if err := toml.NewEncoder(&group).Encode(map[string][]cnb.Member{"group": one.group}); err != nil {
		return err
	}
	if err := toml.NewEncoder(&plan).Encode(map[string][]entry{"entries": one.plan}); err != nil {
		return err
	}
	for file, content := range map[string][]byte{
		f.path(analyzedFile): target, f.path(groupFile): group.Bytes(), f.path(planFile): plan.Bytes(),
	} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
