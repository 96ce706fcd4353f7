package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// parsePlatforms reads the values of --platform. It returns architectures, each once and sorted, so that an index does not depend on
// the order in which they are named.
func parsePlatforms(values []string) ([]string, error) {
	var archs []string
	for _, value := range values {
		arch, linux := strings.CutPrefix(value, "linux/")
		if !linux || !slices.Contains(architectures, arch) {
			return nil, fault.Fault{
				ID: "platform-unknown", What: fmt.Sprintf("--platform %s is not known", value),
				Do: "write linux/" + strings.Join(architectures, ", linux/") + " or several of them with commas",
			}
		}
		archs = append(archs, arch)
	}
	slices.Sort(archs)
	return slices.Compact(archs), nil
}

// checkPlatforms returns a fault if an output cannot hold that many platforms, or if the images of one are to be started that this machine
// cannot start.
func checkPlatforms(archs []string, outputs []output.Output, check bool) error {
	for _, o := range outputs {
		if err := o.CheckPlatforms(len(archs)); err != nil {
			return err
		}
	}
	for _, arch := range archs {
		if !check {
			break
		}
		if err := run.CheckPlatform("the image that --check starts", &v1.Platform{OS: "linux", Architecture: arch}); err != nil {
			return err
		}
	}
	return nil
}

// prepareRunImages makes the run images of the suite that a build may take and that the store lacks for one of its architectures. Those of
// this machine's are made by prepare, or by hand in a checkout.
func prepareRunImages(ctx context.Context, h *home.Home, builder *builderimage.Builder, wanted string, archs []string) error {
	for _, arch := range archs {
		if arch == runtime.GOARCH {
			continue
		}
		names, err := builder.RunImages(h.Store, wanted)
		if err != nil {
			return err
		}
		var missing []string
		for _, name := range names {
			has, err := hasFor(h.Store.On(arch), name, arch)
			if err != nil {
				return err
			}
			if stack := store.Stack(name); stack != "" && !has {
				missing = append(missing, stack)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if err := makeRunImages(ctx, h, missing, arch); err != nil {
			return err
		}
	}
	return nil
}

// hasFor reports whether a store has the image of a name for an architecture.
func hasFor(s *store.Store, name, arch string) (bool, error) {
	ref, err := imagename.Parse(name)
	if err != nil {
		return false, err
	}
	image, err := s.Image(ref)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	config, err := image.ConfigFile()
	return err == nil && config.Architecture == arch, err
}

// makeRunImages makes stacks for another architecture from their locks, and puts each into an index with the image that its name has
// already. That one stays as it is.
func makeRunImages(ctx context.Context, h *home.Home, stacks []string, arch string) error {
	config, err := findConfig("")
	if err != nil {
		return noRunImages(h, stacks, arch, err)
	}
	s := newScreen(false)
	options, err := (&stackFlags{config: config, arch: arch}).options(stacks, s)
	if err != nil {
		return err
	}
	s.line("making the run images for linux/" + arch + ", once")
	images, err := assemble.Build(ctx, options)
	s.clear()
	if err != nil {
		return err
	}
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetOut(stderr)
	for _, image := range images {
		ref, err := imagename.Parse(image.Ref)
		if err != nil {
			return err
		}
		all := []v1.Image{image.Image}
		if has, err := hasFor(h.Store, image.Ref, runtime.GOARCH); err != nil {
			return err
		} else if has {
			mine, err := h.Store.Image(ref)
			if err != nil {
				return err
			}
			all = append(all, mine)
		}
		index, err := store.IndexOf(all...)
		if err != nil {
			return err
		}
		if err := keepIndex(cmd, h, ref, index, []assemble.Image{image}, s, ""); err != nil {
			return err
		}
	}
	return nil
}

// noRunImages says what makes run images that the store lacks where nothing is found to make them of.
func noRunImages(h *home.Home, stacks []string, arch string, why error) error {
	if f := (fault.Fault{}); errors.As(why, &f) {
		why = errors.New(f.What)
	}
	return fault.Fault{
		ID: "platform-run-images", Err: why,
		What: fmt.Sprintf("%s has no run images for linux/%s: %s", h.Store.Dir(), arch, strings.Join(stacks, ", ")),
		Do:   "go to a checkout of the suite and write `strata stack build --arch all " + strings.Join(stacks, " ") + "`",
	}
}

// printIndex prints what the images of an index have in them, and then the index.
func printIndex(ctx context.Context, h *home.Home, w io.Writer, name, digest string, archs []string) error {
	for _, arch := range archs {
		made, err := lookUp(ctx, h.Store.On(arch), name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "linux/%s\n", arch)
		if err := made.printTable(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "%s@%s, an index of %d images\n", name, digest, len(archs))
	return err
}
