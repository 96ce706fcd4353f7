package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/builder/project"
)

// defaultBuilder is the name under which `strata builder create` stores its work.
const defaultBuilder = "strata/builder:latest"

type buildFlags struct {
	builder, runImage, network string
	descriptor                 string
	builderGiven               bool // builder is not the default
	tags, env, bindings        []string
	output                     outputFlag
	sbom                       string
	clearCache, quiet          bool
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
			return build(cmd.Context(), app, flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.tags, "tag", "t", nil, "name of the image (default: the folder's name); may be repeated")
	f.StringVar(&flags.builder, "builder", defaultBuilder, "name of the builder")
	f.StringVarP(&flags.descriptor, "descriptor", "d", "", "project descriptor (default: project.toml in the app's folder, if it is there)")
	f.StringVar(&flags.runImage, "run-image", "auto", "run image: auto, static, glibc, musl or an image's name")
	f.StringVar(&flags.network, "network", "default", "what the build can reach: default (what this machine can) or none")
	f.StringArrayVarP(&flags.env, "env", "e", nil, "variable of the build, NAME=value (or NAME: with the value it has here)")
	f.StringArrayVar(&flags.bindings, "binding", nil, "folder of a service binding")
	flags.output.register(f)
	f.StringVar(&flags.sbom, "sbom", "", "write what is attached to the image, SBOMs and provenance, into this folder")
	f.BoolVar(&flags.clearCache, "clear-cache", false, "forget what earlier builds of this app cached")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print nothing but NAME@DIGEST")
	return cmd
}

func build(ctx context.Context, app string, flags buildFlags) error {
	app, err := filepath.Abs(app)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", app, err)
	}
	if len(flags.tags) == 0 {
		flags.tags = []string{platform.DefaultImage(app)}
	}
	descriptor, err := project.Read(app, flags.descriptor)
	if err != nil {
		return err
	}
	options, err := buildOptions(app, descriptor, flags)
	if err != nil {
		return err
	}
	outputs, err := flags.output.parse(flags.tags)
	if err != nil {
		return err
	}
	writing, err := flags.output.options(outputs)
	if err != nil {
		return err
	}
	home, err := openHome()
	if err != nil {
		return err
	}
	from, err := home.Registries(ctx, flags.builder)
	if err != nil {
		return err
	}
	if options.Env, err = buildEnv(ctx, from, descriptor, flags.env); err != nil {
		return err
	}
	screen := newScreen(flags.quiet)
	options.Log, options.Phase, options.Note = screen, screen.phase, screen.note
	for _, text := range notes(descriptor, flags) {
		screen.note(text)
	}
	_, digest, err := home.Build(ctx, options)
	screen.clear()
	if errors.Is(err, platform.ErrBuild) {
		if flags.quiet {
			_, _ = os.Stderr.Write(screen.kept.Bytes())
		}
		return fmt.Errorf("the build of %s failed; the reason is above", app)
	}
	if err != nil {
		return err
	}
	if err := home.Tag(flags.tags[0], flags.tags[1:]); err != nil {
		return err
	}
	if flags.sbom != "" {
		if err := home.WriteAttached(flags.tags[0], flags.sbom); err != nil {
			return err
		}
	}
	if err := writeOutputs(ctx, home, outputs, flags.tags, writing); err != nil {
		return err
	}
	return printBuilt(home, flags, digest.String())
}

// printBuilt prints the names of an image, or what it has in it.
func printBuilt(home *platform.Home, flags buildFlags, digest string) error {
	if !flags.quiet {
		return printTable(os.Stdout, home, flags.tags[0], digest)
	}
	for _, tag := range flags.tags {
		fmt.Fprintf(os.Stdout, "%s@%s\n", tag, digest)
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

// buildOptions are the options of a build, without its variables.
func buildOptions(app string, descriptor project.Descriptor, flags buildFlags) (platform.BuildOptions, error) {
	network, err := platform.ParseNetwork(flags.network)
	if err != nil {
		return platform.BuildOptions{}, err
	}
	for _, tag := range flags.tags {
		if err := platform.CheckTag(tag); err != nil {
			return platform.BuildOptions{}, err
		}
	}
	return platform.BuildOptions{
		App: app, Image: flags.tags[0], Builder: flags.builder, RunImage: flags.runImage,
		Keep: descriptor.Keep(), Buildpacks: descriptor.Buildpacks, Pre: descriptor.Pre, Post: descriptor.Post,
		Bindings: flags.bindings, Network: network, ClearCache: flags.clearCache,
		Proxies: proxies(), CABundle: hostCABundle(),
	}, nil
}
