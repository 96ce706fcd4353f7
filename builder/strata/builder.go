package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func builderCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "builder", Short: "Make the builder image"}
	var config, tag, folders string
	var output outputFlag
	create := &cobra.Command{
		Use:   "create",
		Short: "Compile the suite and compose the builder of builder.toml into the local store",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := findConfig(config)
			if err != nil {
				return err
			}
			return createBuilder(cmd, path, tag, folders, &output)
		},
	}
	create.Flags().StringVar(&config, "config", "", "builder.toml of the suite (default: found above this folder)")
	create.Flags().StringVar(&folders, "folders", "",
		"also write a folder of buildpacks, a lifecycle and a builder.toml for pack to this new folder")
	create.Flags().StringVarP(&tag, "tag", "t", defaultBuilder, "name of the builder image")
	output.register(create.Flags())
	cmd.AddCommand(create, compileCommand())
	return cmd
}

func compileCommand() *cobra.Command {
	var config, arch string
	cmd := &cobra.Command{
		Use:   "compile FOLDER",
		Short: "Write all that a builder and its run images are made from into a new folder, compiled",
		Long: "Write all that a builder and its run images are made from into a new folder, compiled.\n" +
			"It is what an installed strata has in place of a checkout.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findConfig(config)
			if err != nil {
				return err
			}
			if !slices.Contains(architectures, arch) {
				return fault.Fault{ID: "stack-arch", What: "--arch " + arch + " is not known", Do: "write amd64 or arm64"}
			}
			read, err := compose.ReadConfig(path)
			if err != nil {
				return err
			}
			s := newScreen(false)
			options, err := composeOptions(path, read, s)
			if err != nil {
				return err
			}
			builder, err := compose.ReadFor(options, arch)
			if err != nil {
				return err
			}
			return builder.Compile(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "builder.toml of the suite (default: found above this folder)")
	cmd.Flags().StringVar(&arch, "arch", runtime.GOARCH, "architecture: amd64 or arm64")
	return cmd
}

// composeOptions returns what a builder is made from, except its build image.
func composeOptions(path string, config compose.Config, s *screen) (compose.Options, error) {
	cache, err := cacheDir()
	return compose.Options{
		Root: filepath.Dir(path), Config: config, CacheDir: filepath.Join(cache, "builder"), Environ: os.Environ(), Progress: s.line,
	}, err
}

// createBuilder makes the builder and, unless folders is empty, what pack makes buildpackages and builders of.
func createBuilder(cmd *cobra.Command, path, tag, folders string, output *outputFlag) error {
	if _, err := imagename.ParseTag(tag); err != nil {
		return err
	}
	outputs, err := output.parse(cmd.Context(), []string{tag})
	if err != nil {
		return err
	}
	writing, err := output.options(outputs)
	if err != nil {
		return err
	}
	h, err := openHome()
	if err != nil {
		return err
	}
	s := newScreen(false)
	builder, err := readBuilder(h, path, s)
	if err != nil {
		return err
	}
	env, err := bakedEnv(cmd.Context(), builder.Registries())
	if err != nil {
		return err
	}
	image, err := builder.Image(cmd.Context(), env)
	s.clear()
	if err != nil {
		return err
	}
	if folders != "" {
		if err := builder.Folders(cmd.Context(), env, folders); err != nil {
			return err
		}
	}
	digest, err := put(h, tag, image)
	if err != nil {
		return err
	}
	if err := writeOutputs(cmd.Context(), h, outputs, []string{tag}, writing); err != nil {
		return err
	}
	size, err := h.Store.Size(tag)
	if err != nil {
		return err
	}
	cmd.Printf("%-22s %9s  %s\n", tag, megabytes(size), digest)
	return nil
}

// readBuilder reads what the builder of a builder.toml is made from.
func readBuilder(h *home.Home, path string, s *screen) (*compose.Builder, error) {
	config, err := compose.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	buildImage, err := h.Store.Find(config.Build.Image, store.BuildStack(config.Build.Image))
	if err != nil {
		return nil, err
	}
	if err := store.CheckBase(config.Build.Image, buildImage); err != nil {
		return nil, err
	}
	options, err := composeOptions(path, config, s)
	if err != nil {
		return nil, err
	}
	options.BuildImage = buildImage
	return compose.Read(options)
}
