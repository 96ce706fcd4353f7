package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/build"
	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/project"
)

// defaultBuilder is the name under which `strata builder create` stores its work.
const defaultBuilder = "strata/builder:latest"

type buildFlags struct {
	builder, runImage, network string
	descriptor                 string
	builderGiven               bool // builder is not the default
	tags, env, bindings, allow []string
	platforms                  []string
	output                     outputFlag
	sbom                       string
	memory                     string
	pids                       int64
	timeout                    time.Duration
	clearCache, quiet, check   bool
}

func buildCommand() *cobra.Command {
	var flags buildFlags
	cmd := &cobra.Command{
		Use:   "build [APP]",
		Short: "Build the app in a folder into an image",
		Long: "Build the app in a folder (default: this one) into an image of the local store.\n" +
			"Progress goes to stderr, the table of layers to stdout.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app := "."
			if len(args) == 1 {
				app = args[0]
			}
			flags.builderGiven = cmd.Flags().Changed("builder")
			return buildApp(cmd.Context(), app, flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.tags, "tag", "t", nil, "name of the image (default: the folder's name); may be repeated")
	f.StringVar(&flags.builder, "builder", defaultBuilder, "name of the builder")
	f.StringVarP(&flags.descriptor, "descriptor", "d", "", "project descriptor (default: project.toml in the app's folder, if it is there)")
	f.StringVar(&flags.runImage, "run-image", "auto", "run image: auto, static, glibc, musl or an image's name")
	f.StringSliceVar(&flags.platforms, "platform", nil, "platforms, such as linux/amd64,linux/arm64: an image of one, an index of several"+
		"\n(default: this machine's)")
	f.StringVar(&flags.network, "network", "default", "what the build can reach: default (not this machine or private addresses), none, host")
	f.StringArrayVar(&flags.allow, "network-allow", nil, "HOST[:PORT] that the build can reach, too: a name, address or network")
	f.StringArrayVarP(&flags.env, "env", "e", nil, "variable of the build, NAME=value (or NAME: with the value it has here)")
	f.StringArrayVar(&flags.bindings, "binding", nil, "folder of a service binding")
	f.StringVar(&flags.memory, "memory", "", "memory that the build may take, such as 4g, or none for no limit (default: 7/8 of all)")
	f.Int64Var(&flags.pids, "pids", sandbox.DefaultLimits().PIDs, "processes and threads that the build may have at a time; 0 for no limit")
	f.DurationVar(&flags.timeout, "timeout", 0, "how long the phases of the build may take, such as 20m (default: no limit)")
	flags.output.register(f)
	f.StringVar(&flags.sbom, "sbom", "", "write what is attached to the image, SBOMs and provenance, into this folder")
	f.BoolVar(&flags.clearCache, "clear-cache", false, "forget what earlier builds of this app cached")
	f.BoolVar(&flags.check, "check", false, "start the image once; the build fails if the app ends with an error within 2 s")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print nothing but NAME@DIGEST")
	return cmd
}

// buildApp builds an app, gives the image its names and writes it to the outputs.
func buildApp(ctx context.Context, app string, flags buildFlags) error {
	app, err := build.Folder(app)
	if err != nil {
		return err
	}
	if len(flags.tags) == 0 {
		flags.tags = []string{imagename.Base(app)}
	}
	descriptor, err := project.Read(app, flags.descriptor)
	if err != nil {
		return err
	}
	options, err := buildOptions(app, descriptor, flags)
	if err != nil {
		return err
	}
	outputs, writing, err := flags.outputs(ctx, options.Platforms)
	if err != nil {
		return err
	}
	h, err := openHome()
	if err != nil {
		return err
	}
	if !flags.builderGiven {
		if err := prepare(ctx, h); err != nil {
			return err
		}
	}
	if err := onBuilder(ctx, h, &options, descriptor, flags); err != nil {
		return err
	}
	if err := checkNames(h, options.Builder, flags.tags, outputs); err != nil {
		return err
	}
	digest, err := runBuild(ctx, h, options, notes(descriptor, flags), flags.quiet)
	if err != nil {
		return err
	}
	if err := tag(h, flags.tags); err != nil {
		return err
	}
	if flags.sbom != "" {
		if err := output.WriteAttached(h.Store, flags.tags[0], flags.sbom); err != nil {
			return err
		}
	}
	if err := writeOutputs(ctx, h, outputs, flags.tags, writing); err != nil {
		return err
	}
	return printBuilt(ctx, h, flags, options.Platforms, digest.String())
}

// outputs returns where the image is written and how, after it has checked what can be checked before there is an image.
func (f *buildFlags) outputs(ctx context.Context, archs []string) ([]output.Output, output.Options, error) {
	outputs, err := f.output.parse(ctx, f.tags)
	if err == nil {
		err = checkPlatforms(archs, outputs, f.check)
	}
	if err != nil {
		return nil, output.Options{}, err
	}
	writing, err := f.output.options(outputs)
	return outputs, writing, err
}

// onBuilder adds to the options what depends on the builder: the variables of its registries, and whom a build may reach.
func onBuilder(ctx context.Context, h *home.Home, options *build.Options, descriptor project.Descriptor, flags buildFlags) error {
	var err error
	if options.Builder, err = builderimage.Open(ctx, h, flags.builder); err != nil {
		return err
	}
	if err := prepareRunImages(ctx, h, options.Builder, options.RunImage, options.Platforms); err != nil {
		return err
	}
	from, err := options.Builder.Registries()
	if err != nil {
		return err
	}
	if options.Env, err = buildEnv(ctx, from, descriptor, flags.env); err != nil {
		return err
	}
	if options.Machine, err = configured(options.Builder, from, options.Env, options.Proxies); err != nil {
		return err
	}
	unpacked, err := unpackLimit(os.Getenv)
	if err != nil {
		return err
	}
	options.Unpacked = cmp.Or(unpacked, run.DefaultUnpacked)
	if flags.check {
		options.Check = checks(h, flags.tags[0], flags.bindings, unpacked)
	}
	return nil
}

// checkNames returns a fault if an app cannot have one of the names that it is to have in the store and in outputs.
func checkNames(h *home.Home, builder *builderimage.Builder, names []string, outputs []output.Output) error {
	all := slices.Clone(names)
	for _, o := range outputs {
		all = append(all, o.Names(names)...)
	}
	for _, one := range all {
		ref, err := imagename.ParseTag(one)
		if err != nil {
			return err
		}
		if err := builder.CheckApp(h.Store, ref); err != nil {
			return err
		}
	}
	return nil
}

// runBuild builds and shows the progress. Of a quiet build it shows the log only if the build fails.
func runBuild(ctx context.Context, h *home.Home, options build.Options, notes []string, quiet bool) (v1.Hash, error) {
	screen := newScreen(quiet)
	options.Log, options.Phase, options.Note = screen, screen.phase, screen.note
	for _, text := range notes {
		screen.note(text)
	}
	_, digest, err := build.App(ctx, h, options)
	screen.clear()
	if quiet && err != nil {
		screen.kept.show(stderr)
	}
	if errors.Is(err, build.ErrBuild) {
		return digest, fmt.Errorf("the build of %s failed; the reason is above", options.App)
	}
	return digest, err
}

// tag gives what the first of some names stands for the other names too.
func tag(h *home.Home, names []string) error {
	first, err := imagename.Parse(names[0])
	if err != nil {
		return err
	}
	for _, name := range names[1:] {
		ref, err := imagename.Parse(name)
		if err != nil {
			return err
		}
		if err := h.Store.Tag(first, ref); err != nil {
			return err
		}
	}
	return nil
}

// put stores an image under a name as people write it.
func put(h *home.Home, name string, image v1.Image) (v1.Hash, error) {
	ref, err := imagename.Parse(name)
	if err != nil {
		return v1.Hash{}, err
	}
	return h.Store.Put(ref, image)
}

// printBuilt prints the names of an image, or what it has in it.
func printBuilt(ctx context.Context, h *home.Home, flags buildFlags, archs []string, digest string) error {
	if !flags.quiet && len(archs) > 1 {
		return printIndex(ctx, h, stdout, flags.tags[0], digest, archs)
	}
	if !flags.quiet {
		made, err := lookUp(ctx, h.Store, flags.tags[0])
		if err != nil {
			return err
		}
		return made.printTable(stdout)
	}
	for _, tag := range flags.tags {
		fmt.Fprintf(stdout, "%s@%s\n", tag, digest)
	}
	return nil
}

// notes are what the user should know of the app's descriptor.
func notes(descriptor project.Descriptor, flags buildFlags) []string {
	asked := strings.TrimSuffix(descriptor.Builder, ":latest")
	if asked == "" || flags.builderGiven || asked == strings.TrimSuffix(defaultBuilder, ":latest") {
		return descriptor.Notes
	}
	note := fmt.Sprintf("the app asks for the builder %q and is built with %s; --builder takes another", descriptor.Builder, flags.builder)
	return append(descriptor.Notes, note)
}

// buildOptions returns the options of a build, without its builder and its variables.
func buildOptions(app string, descriptor project.Descriptor, flags buildFlags) (build.Options, error) {
	network, err := sandbox.ParseNetwork(flags.network)
	if err != nil {
		return build.Options{}, err
	}
	allow, err := allowed(network, flags.allow)
	if err != nil {
		return build.Options{}, err
	}
	for _, tag := range flags.tags {
		if _, err := imagename.ParseTag(tag); err != nil {
			return build.Options{}, err
		}
	}
	if flags.sbom != "" {
		if err := output.CheckFolder(flags.sbom); err != nil {
			return build.Options{}, err
		}
	}
	bounds, err := bounds(flags)
	if err != nil {
		return build.Options{}, err
	}
	limits, err := cacheLimits(os.Getenv)
	if err != nil {
		return build.Options{}, err
	}
	platforms, err := parsePlatforms(flags.platforms)
	if err != nil {
		return build.Options{}, err
	}
	return build.Options{
		Platforms: platforms, App: app, Image: flags.tags[0], RunImage: flags.runImage,
		Keep: descriptor.Keep(), Buildpacks: descriptor.Buildpacks, Pre: descriptor.Pre, Post: descriptor.Post,
		Bindings: flags.bindings, Network: network, Allow: allow, ClearCache: flags.clearCache, Limits: limits,
		Bounds: bounds, Timeout: flags.timeout,
		Proxies: proxies(), CABundle: hostCABundle(),
	}, nil
}
