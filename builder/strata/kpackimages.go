package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/builder/kpack"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// kpackImage is an image for a cluster.
type kpackImage struct {
	name  string // with registry and tag
	image v1.Image
	stack *assemble.Image // with its bill of materials; nil for what is no stack
}

// byDigest is the name that a cluster gets.
func (i kpackImage) byDigest() (string, error) {
	digest, err := i.image.Digest()
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", i.name, err)
	}
	ref, err := imagename.Parse(i.name)
	if err != nil {
		return "", err
	}
	return ref.Context().Digest(digest.String()).String(), nil
}

// kpackPair are the build and the run image of a C library.
type kpackPair struct {
	name       string
	build, run kpackImage
}

// kpackMade is all that a cluster gets.
type kpackMade struct {
	order            []compose.Group
	lifecycle, store kpackImage
	pairs            []kpackPair
}

func (m kpackMade) images() []kpackImage {
	all := []kpackImage{m.lifecycle, m.store}
	for _, pair := range m.pairs {
		all = append(all, pair.build, pair.run)
	}
	return all
}

// suite names the images by their digests.
func (m kpackMade) suite(account kpack.Account, builders string) (kpack.Suite, error) {
	suite := kpack.Suite{Account: account, Builders: builders, Order: m.order, Stacks: make([]kpack.Stack, len(m.pairs))}
	names := map[*string]kpackImage{&suite.Lifecycle: m.lifecycle, &suite.Store: m.store}
	for i, pair := range m.pairs {
		stack := &suite.Stacks[i]
		names[&stack.Build], names[&stack.Run] = pair.build, pair.run
		config, err := pair.run.image.ConfigFile()
		if err != nil {
			return suite, fmt.Errorf("reading %s: %w", pair.run.name, err)
		}
		stack.Name, stack.ID = pair.name, config.Config.Labels["io.buildpacks.stack.id"]
	}
	for to, image := range names {
		digest, err := image.byDigest()
		if err != nil {
			return suite, err
		}
		*to = digest
	}
	return suite, nil
}

// compare prints what a push would change. It fails if that is anything.
func (m kpackMade) compare(cmd *cobra.Command) error {
	client, err := registry.New(registry.Options{})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	due := 0
	for _, one := range m.images() {
		digest, err := one.image.Digest()
		if err != nil {
			return fmt.Errorf("reading %s: %w", one.name, err)
		}
		ref, err := imagename.Parse(one.name)
		if err != nil {
			return err
		}
		there, err := client.Digest(cmd.Context(), ref)
		if err != nil && !errors.Is(err, registry.ErrUnknown) {
			return err
		}
		old := "-"
		if err == nil {
			old = there.Hex[:12]
		}
		if there == digest {
			continue
		}
		if due++; due == 1 {
			fmt.Fprintln(table, "IMAGE\tIN THE REGISTRY\tNEW")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", one.name, old, digest.Hex[:12])
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	if due == 0 {
		return nil
	}
	return fault.Fault{
		ID: "kpack-due", What: fmt.Sprintf("%d images are not in the registry as they are here", due), Do: "run the command without --check",
	}
}

// make makes all images.
func (f *kpackFlags) make(ctx context.Context, h *home.Home) (made kpackMade, err error) {
	s := newScreen(false)
	defer s.clear()
	config, err := findConfig(f.config)
	if err != nil {
		return made, err
	}
	read, err := compose.ReadConfig(config)
	if err != nil {
		return made, err
	}
	options, err := composeOptions(config, read, s)
	if err != nil {
		return made, err
	}
	builder, err := compose.ReadFor(options, runtime.GOARCH)
	if err != nil {
		return made, err
	}
	made.order = read.Order
	env, err := f.settings(ctx, builder)
	if err != nil {
		return made, err
	}
	folders, err := f.toolFolders(h)
	if err != nil {
		return made, err
	}
	tools, err := compose.PackTools(folders...)
	if err != nil {
		return made, err
	}
	made.lifecycle.name, made.store.name = f.name("lifecycle:"+read.Lifecycle.Version), f.name("suite:"+builder.Version())
	if made.lifecycle.image, err = builder.LifecycleImage(ctx); err != nil {
		return made, err
	}
	if made.store.image, err = builder.StoreImage(ctx); err != nil {
		return made, err
	}
	made.pairs, err = f.pairs(ctx, config, env, tools, s)
	return made, err
}

// settings are the variables of all builds in the cluster. Where packages come from is for an app to use and not to change.
func (f *kpackFlags) settings(ctx context.Context, builder *compose.Builder) (map[string]string, error) {
	mirrors, err := bakedEnv(ctx, builder.Registries())
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for name, value := range mirrors {
		env[name+".override"] = value
	}
	pairs, err := givenEnv(f.env)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if name != filepath.Base(name) {
			return nil, fault.Fault{ID: "variable-name", What: fmt.Sprintf("--env %q names no variable", pair), Do: "write it as --env NAME=value"}
		}
		delete(env, name+".override") // what is said here is instead of what the machine has
		given[name] = value
	}
	maps.Copy(env, given)
	return env, nil
}

// toolFolders finds the tools that --tools names among those that builds with the builder have installed.
func (f *kpackFlags) toolFolders(h *home.Home) ([]string, error) {
	if len(f.tools) == 0 {
		return nil, nil
	}
	image, err := h.Store.Find(defaultBuilder, "strata builder create")
	if err != nil {
		return nil, err
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", defaultBuilder, err)
	}
	installed, err := os.ReadDir(h.Tools(digest))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("looking for tools: %w", err)
	}
	var folders, names []string
	for _, wanted := range f.tools {
		before := len(folders)
		for _, entry := range installed {
			if wanted == "all" || strings.HasPrefix(entry.Name(), wanted) && wanted != "" {
				folders = append(folders, filepath.Join(h.Tools(digest), entry.Name()))
			}
		}
		if len(folders) == before {
			for _, entry := range installed {
				names = append(names, entry.Name())
			}
			return nil, fault.Fault{
				ID:   "kpack-tools",
				What: fmt.Sprintf("no tool that begins with %q is installed here, of %q", wanted, names),
				Do:   "build an app that needs it with `strata build`, then run this again",
			}
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders), nil
}

// pairs makes the images of the C libraries.
func (f *kpackFlags) pairs(ctx context.Context, config string, env map[string]string, tools compose.Tools, s *screen) ([]kpackPair, error) {
	var names []string
	for _, stack := range f.stacks {
		names = append(names, "kpack-build-"+stack, "kpack-run-"+stack)
	}
	options, err := (&stackFlags{config: config, arch: runtime.GOARCH}).options(names, s)
	if err != nil {
		return nil, err
	}
	images, err := assemble.Build(ctx, options)
	if err != nil {
		return nil, err
	}
	found := map[string]kpackImage{}
	for _, image := range images {
		_, short := path.Split(image.Ref)
		found[image.Name] = kpackImage{f.name(short), image.Image, &image}
	}
	var pairs []kpackPair
	for _, stack := range f.stacks {
		pair := kpackPair{stack, found["kpack-build-"+stack], found["kpack-run-"+stack]}
		if pair.build.image, err = compose.Configured(pair.build.image, env, tools); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}
