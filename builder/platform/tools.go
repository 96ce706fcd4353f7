package platform

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

	"github.com/strata-buildpacks/strata/builder/platform/internal/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// entry is an entry of a build plan (platform.md, "plan.toml") of which the tools are of interest.
type entry struct {
	Providers []buildpack `toml:"providers"`
	Requires  []required  `toml:"requires"`
}

type required struct {
	Name     string `toml:"name"`
	Metadata struct {
		Tools []string `toml:"tools"`
	} `toml:"metadata"`
}

type buildpack struct {
	ID      string `toml:"id"`
	Version string `toml:"version"`
	API     string `toml:"api,omitempty"`
}

// tool is a toolchain or runtime that a buildpack can install once for all apps. The lifecycle's build phase does it,
// with an empty folder as the app, for the group of buildpacks up to that one: no app can change what all others find.
type tool struct {
	name  string
	plan  []entry
	group []buildpack
}

// toolName is what a folder of tools may be called.
var toolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// wantedTools returns the tools that the buildpacks told in detection, in the metadata of their plan entries.
func (b *build) wantedTools() ([]tool, error) {
	var plan struct {
		Entries []entry `toml:"entries"`
	}
	if _, err := toml.DecodeFile(b.path("layers", "plan.toml"), &plan); err != nil {
		return nil, fmt.Errorf("reading the build plan: %w", err)
	}
	group, err := b.group()
	if err != nil {
		return nil, err
	}
	var wanted []tool
	for _, e := range plan.Entries {
		for _, r := range e.Requires {
			for _, name := range r.Metadata.Tools {
				by := slices.IndexFunc(group, func(one buildpack) bool {
					return slices.Contains(e.Providers, buildpack{ID: one.ID, Version: one.Version})
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

// group reads which buildpacks take part.
func (b *build) group() ([]buildpack, error) {
	var file struct {
		Group []buildpack `toml:"group"`
	}
	_, err := toml.DecodeFile(b.path("layers", "group.toml"), &file)
	if err != nil {
		return nil, fmt.Errorf("reading the group of buildpacks: %w", err)
	}
	return file.Group, nil
}

// installTools installs what the build would use and is not there yet. Without
// a network there is nothing to do, and no error: the app's caches may have it.
func (b *build) installTools(ctx context.Context) error {
	wanted, err := b.wantedTools()
	if err != nil || b.Network == sandbox.NoNetwork {
		return err
	}
	for _, one := range wanted {
		if err := b.installTool(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) installTool(ctx context.Context, one tool) error {
	folder := filepath.Join(b.tools, one.name)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unlock, err := store.Lock(ctx, folder+".lock", func() { b.Note("waiting for another build, which installs " + one.name) })
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := b.path("install")
	defer func() { _ = removeAll(dir) }() // below the build's own folder, which ends with it
	installer := &build{
		BuildOptions: b.BuildOptions, builder: b.builder, dir: dir, caches: dir, image: b.image, runRef: b.runRef,
		tools: filepath.Join(dir, "tools"), installs: true,
	}
	installer.Env = maps.Clone(b.Env)
	if installer.Env == nil {
		installer.Env = map[string]string{}
	}
	installer.Env["BP_INSTALL_TOOL"] = one.name
	if err := installer.prepareInstall(one, b.path("layers", "analyzed.toml")); err != nil {
		return err
	}
	err = installer.runPhases(ctx, []phase{{"install", []string{"-app", "/workspace", "-group", "/platform/group.toml", "-plan", "/platform/plan.toml"}, installer.build}})
	if err != nil {
		return err
	}
	return os.Rename(filepath.Join(installer.tools, one.name), folder)
}

// prepareInstall lays out the folders of a build of no app.
func (b *build) prepareInstall(one tool, analyzed string) error {
	if err := own(b.path("workspace"), b.path("layers"), b.path("tmp"), b.path("home"), b.path("build"), b.tools); err != nil {
		return err
	}
	if err := b.writePlatform(); err != nil {
		return err
	}
	if err := b.writeHosts(); err != nil {
		return err
	}
	var group, plan bytes.Buffer
	target, err := os.ReadFile(analyzed)
	if err == nil {
		err = toml.NewEncoder(&group).Encode(map[string][]buildpack{"group": one.group})
	}
	if err == nil {
		err = toml.NewEncoder(&plan).Encode(map[string][]entry{"entries": one.plan})
	}
	if err != nil {
		return fmt.Errorf("preparing to install %s: %w", one.name, err)
	}
	for file, content := range map[string][]byte{
		b.path("layers", "analyzed.toml"): target, b.path("platform", "group.toml"): group.Bytes(), b.path("platform", "plan.toml"): plan.Bytes(),
	} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return fmt.Errorf("preparing to install %s: %w", one.name, err)
		}
	}
	return nil
}
