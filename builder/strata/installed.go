package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/compose"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// installedConfig returns the path of the builder.toml that was installed with this program, "" if it was not installed: it is in
// ../share/strata, seen from the program's folder.
func installedConfig() (string, error) {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return "", fmt.Errorf("finding what is installed with strata: %w", err)
	}
	path := filepath.Join(filepath.Dir(program), "..", "share", "strata", "builder.toml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, nil
}

// prepare makes the run images, the build image and the builder of the suite that is installed with this program, if the store does not
// have them. A newer suite makes them again; apps stay as they are. Without an installed suite, prepare does nothing.
func prepare(ctx context.Context, h *home.Home) error {
	config, err := installedConfig()
	if err != nil || config == "" {
		return err
	}
	suite, err := compose.ReadCompiled(filepath.Dir(config))
	if err != nil || suite == nil {
		return err
	}
	made, err := os.ReadFile(h.Suite())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for the images of the suite: %w", err)
	}
	ref, err := imagename.Parse(defaultBuilder)
	if err != nil {
		return err
	}
	has, err := h.Store.Has(ref)
	if err != nil || has && strings.TrimSpace(string(made)) == suite.ID {
		return err
	}
	return makeSuite(ctx, h, config, suite.ID)
}

// makeSuite makes the images of an installed suite and notes which suite they are of.
func makeSuite(ctx context.Context, h *home.Home, config, id string) error {
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetOut(stderr)
	s := newScreen(false)
	s.line("making the run images, the build image and the builder, once")
	images, err := compose.ReadConfig(config)
	if err != nil {
		return err
	}
	options, err := (&stackFlags{config: config, arch: runtime.GOARCH}).options(stacksOf(images), s)
	if err != nil {
		return err
	}
	if err := buildStacks(cmd, options, s, "", &outputFlag{compression: "gzip"}); err != nil {
		return err
	}
	if err := createBuilder(cmd, config, defaultBuilder, "", &outputFlag{compression: "gzip"}); err != nil {
		return err
	}
	if err := os.WriteFile(h.Suite(), []byte(id+"\n"), 0o644); err != nil {
		return fmt.Errorf("noting that the suite's images are made: %w", err)
	}
	return nil
}

// stacksOf returns the names of the stacks that a builder stands on and puts apps on.
func stacksOf(c compose.Config) []string {
	names := []string{store.Stack(c.Build.Image)}
	for _, image := range c.Run.Images {
		names = append(names, store.Stack(image.Image))
	}
	return names
}
