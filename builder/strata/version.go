package main

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/compose"
)

func versionCommand() *cobra.Command {
	var short bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say the versions of strata and of what it builds with",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Println("strata    " + version())
			if short {
				return nil
			}
			cmd.Println("go        " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH)
			path, err := findConfig("")
			if err != nil {
				return err
			}
			config, err := compose.ReadConfig(path)
			if err != nil {
				return err
			}
			builder, err := compose.ReadFor(compose.Options{Root: filepath.Dir(path), Config: config, Environ: os.Environ()}, runtime.GOARCH)
			if err != nil {
				return err
			}
			cmd.Println("suite     " + builder.Version() + " in " + filepath.Dir(path))
			cmd.Println("lifecycle " + config.Lifecycle.Version)
			return nil
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "say that of strata alone")
	return cmd
}

// version returns the version that the Go command gave this program: that of a release, or one with the time and the hash of the commit.
func version() string {
	info, found := debug.ReadBuildInfo()
	if !found {
		return "unknown"
	}
	return info.Main.Version
}
