package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform"
)

// defaultBuilder is the name under which `strata builder create` stores its work.
const defaultBuilder = "strata/builder:latest"

type buildFlags struct {
	builder, runImage, network string
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
			return build(cmd.Context(), app, flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.tags, "tag", "t", nil, "name of the image (default: the folder's name); may be repeated")
	f.StringVar(&flags.builder, "builder", defaultBuilder, "name of the builder")
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
	options, err := buildOptions(ctx, app, flags)
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
	screen := newScreen(flags.quiet)
	options.Log, options.Phase, options.Note = screen, screen.phase, screen.note
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
	if flags.quiet {
		for _, tag := range flags.tags {
			fmt.Fprintf(os.Stdout, "%s@%s\n", tag, digest)
		}
		return nil
	}
	return printTable(os.Stdout, home, flags.tags[0], digest.String())
}

func buildOptions(ctx context.Context, app string, flags buildFlags) (platform.BuildOptions, error) {
	env, err := buildEnv(ctx, flags.env)
	if err != nil {
		return platform.BuildOptions{}, err
	}
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
		App: app, Image: flags.tags[0], Builder: flags.builder, RunImage: flags.runImage, Env: env,
		Bindings: flags.bindings, Network: network, ClearCache: flags.clearCache,
		Proxies: proxies(), CABundle: hostCABundle(),
	}, nil
}
