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
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// defaultBuilder is the name under which `strata builder create` stores its work.
const defaultBuilder = "strata/builder:latest"

type buildFlags struct {
	tag, builder, runImage, network, output string
	env, bindings                           []string
	clearCache, quiet                       bool
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
	f.StringVarP(&flags.tag, "tag", "t", "", "name of the image (default: the folder's name)")
	f.StringVar(&flags.builder, "builder", defaultBuilder, "name of the builder")
	f.StringVar(&flags.runImage, "run-image", "auto", "run image: auto, static, glibc, musl or an image's name")
	f.StringVar(&flags.network, "network", "default", "what the build can reach: default (what this machine can) or none")
	f.StringArrayVarP(&flags.env, "env", "e", nil, "variable of the build, NAME=value (or NAME: with the value it has here)")
	f.StringArrayVar(&flags.bindings, "binding", nil, "folder of a service binding")
	f.StringVar(&flags.output, "output", "", "also write the image to oci:FOLDER, an OCI image layout")
	f.BoolVar(&flags.clearCache, "clear-cache", false, "forget what earlier builds of this app cached")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print nothing but NAME@DIGEST")
	return cmd
}

func build(ctx context.Context, app string, flags buildFlags) error {
	app, err := filepath.Abs(app)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", app, err)
	}
	options, err := buildOptions(ctx, app, flags)
	if err != nil {
		return err
	}
	output, err := ociFolder(flags.output)
	if err != nil {
		return err
	}
	home, err := openHome()
	if err != nil {
		return err
	}
	screen := newScreen(flags.quiet)
	options.Log, options.Phase, options.Note = screen, screen.phase, screen.note
	ref, digest, err := home.Build(ctx, options)
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
	if output != "" {
		if err := home.Export(ref.String(), output); err != nil {
			return err
		}
	}
	if flags.quiet {
		fmt.Fprintf(os.Stdout, "%s@%s\n", ref, digest)
		return nil
	}
	return printTable(os.Stdout, home, ref.String(), digest.String())
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
	image := flags.tag
	if image == "" {
		image = platform.DefaultImage(app)
	}
	return platform.BuildOptions{
		App: app, Image: image, Builder: flags.builder, RunImage: flags.runImage, Env: env,
		Bindings: flags.bindings, Network: network, ClearCache: flags.clearCache,
		Proxies: proxies(), CABundle: hostCABundle(),
	}, nil
}

// ociFolder reads the value of --output.
func ociFolder(output string) (string, error) {
	if output == "" {
		return "", nil
	}
	dir, ok := strings.CutPrefix(output, "oci:")
	if !ok || dir == "" {
		return "", fault.Fault{ID: "output", What: fmt.Sprintf("--output %s is not known", output), Do: "write it as oci:FOLDER"}
	}
	return dir, nil
}
