package main

import (
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform"
)

func saveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "save IMAGE…",
		Short: "Write images to stdout as the archive that `docker load` reads",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(_ *cobra.Command, images []string) error { return save(os.Stdout, images) },
	}
}

func save(w io.Writer, images []string) error {
	home, err := openHome()
	if err != nil {
		return err
	}
	found := map[name.Reference]v1.Image{}
	for _, image := range images {
		ref, err := platform.ParseReference(image)
		if err != nil {
			return err
		}
		if found[ref], err = home.Image(image, "make it with `strata build`, `strata stack build` or `strata builder create`"); err != nil {
			return err
		}
	}
	if err := tarball.MultiRefWrite(found, w); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}
