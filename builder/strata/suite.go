package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// findConfig returns the builder.toml that was named or else the next one above the working folder.
func findConfig(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "builder.toml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fault.Fault{ID: "config-missing", What: "there is no builder.toml here or in a folder above", Do: "go to a checkout of the suite, or name the file with --config"}
		}
		dir = filepath.Dir(dir)
	}
}

func stackCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "stack", Short: "Make run images and build images from signed Debian packages"}
	var config, arch string
	var locked bool
	options := func(names []string, s *screen) (assemble.Options, error) {
		path, err := findConfig(config)
		if err != nil {
			return assemble.Options{}, err
		}
		cache, err := cacheDir()
		if err != nil {
			return assemble.Options{}, err
		}
		if len(names) == 0 {
			names = nil // all of them
		}
		return assemble.Options{
			Dir: filepath.Join(filepath.Dir(path), "stacks"), Names: names, Arch: arch, Cache: cache,
			Locked: locked, Progress: s.downloads, Log: s.line,
		}, nil
	}
	build := &cobra.Command{
		Use:   "build [NAME…]",
		Short: "Assemble images from their locks into the local store",
		RunE: func(cmd *cobra.Command, names []string) error {
			s := newScreen(false)
			o, err := options(names, s)
			if err != nil {
				return err
			}
			return buildStacks(cmd, o, s)
		},
	}
	build.Flags().BoolVar(&locked, "locked", false, "fail when the mirror no longer has a locked package, instead of taking its newest signed version")
	lock := &cobra.Command{
		Use:   "lock [NAME…]",
		Short: "Lock the newest signed packages",
		RunE: func(cmd *cobra.Command, names []string) error {
			s := newScreen(false)
			o, err := options(names, s)
			if err != nil {
				return err
			}
			defer s.clear()
			return assemble.Lock(cmd.Context(), o)
		},
	}
	cmd.PersistentFlags().StringVar(&config, "config", "", "builder.toml of the suite (default: found above this folder)")
	cmd.PersistentFlags().StringVar(&arch, "arch", runtime.GOARCH, "architecture: amd64 or arm64")
	cmd.AddCommand(build, lock)
	return cmd
}

func buildStacks(cmd *cobra.Command, options assemble.Options, s *screen) error {
	home, err := openHome()
	if err != nil {
		return err
	}
	images, err := assemble.Build(cmd.Context(), options)
	s.clear()
	if err != nil {
		return err
	}
	for _, image := range images {
		digest, err := home.Put(image.Ref, image.Image)
		if err != nil {
			return err
		}
		for _, drift := range image.Drift {
			s.line("warning: " + image.Name + " has " + drift.Package + " " + drift.Used + ": the mirror dropped the locked " + drift.Locked)
		}
		size, err := home.Size(image.Ref)
		if err != nil {
			return err
		}
		cmd.Printf("%-22s %9s  %s\n", image.Ref, megabytes(size), digest)
	}
	return nil
}

func builderCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "builder", Short: "Make the builder image"}
	var config, tag string
	create := &cobra.Command{
		Use:   "create",
		Short: "Compile the suite and compose the builder of builder.toml into the local store",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := findConfig(config)
			if err != nil {
				return err
			}
			return createBuilder(cmd, path, tag)
		},
	}
	create.Flags().StringVar(&config, "config", "", "builder.toml of the suite (default: found above this folder)")
	create.Flags().StringVarP(&tag, "tag", "t", defaultBuilder, "name of the builder image")
	cmd.AddCommand(create)
	return cmd
}

func createBuilder(cmd *cobra.Command, path, tag string) error {
	config, err := compose.ReadConfig(path)
	if err != nil {
		return err
	}
	home, err := openHome()
	if err != nil {
		return err
	}
	buildImage, err := home.Image(config.Build.Image, "make it with `strata stack build build`")
	if err != nil {
		return err
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	env, err := bakedEnv(cmd.Context())
	if err != nil {
		return err
	}
	s := newScreen(false)
	image, err := compose.Builder(cmd.Context(), compose.Options{
		Root: filepath.Dir(path), Config: config, BuildImage: buildImage, Env: env,
		CacheDir: filepath.Join(cache, "builder"), Environ: os.Environ(), Progress: s.line,
	})
	s.clear()
	if err != nil {
		return err
	}
	digest, err := home.Put(tag, image)
	if err != nil {
		return err
	}
	size, err := home.Size(tag)
	if err != nil {
		return err
	}
	cmd.Printf("%-22s %9s  %s\n", tag, megabytes(size), digest)
	return nil
}
