package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

func verifyCommand() *cobra.Command {
	var v verifying
	cmd := &cobra.Command{
		Use:   "verify [IMAGE…]",
		Short: "Hash what images of the store consist of, and repair what is damaged",
		Long: "Hash all files that images of the local store need (default: all images), and list\n" +
			"those that are damaged with the images that need them. It fails if there are any.\n" +
			"With --repair, damaged files are set aside. Then run images, build images and the\n" +
			"builder are made again, which needs a checkout of the suite. Apps are made again\n" +
			"by `strata build`. The status tells whether anything is still damaged.",
		RunE: func(cmd *cobra.Command, images []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			v.cmd, v.home, v.images = cmd, h, images
			return v.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&v.repair, "repair", false, "set damaged files aside, and make again what can be made again here")
	cmd.Flags().BoolVar(&v.forget, "forget", false,
		"with --repair: remove the names of images whose manifests are lost, and begin an empty index if that is damaged")
	cmd.Flags().StringVar(&v.config, "config", "", "builder.toml of the suite (default: found above this folder)")
	return cmd
}

// verifying is one run of `strata verify`.
type verifying struct {
	repair, forget bool
	config         string

	cmd    *cobra.Command
	home   *home.Home
	images []string
}

func (v *verifying) run(ctx context.Context) error {
	if v.forget && !v.repair {
		return fault.Fault{ID: "verify-forget", What: "--forget is a part of the repair", Do: "add --repair, or leave --forget out"}
	}
	if v.forget {
		began, err := v.home.Store.Begin()
		if err != nil {
			return err
		}
		if began {
			fmt.Fprintf(v.cmd.OutOrStdout(), "index.json was damaged and is set aside; %s has no images now\n", v.home.Store.Dir())
		}
	}
	found, err := v.home.Store.Verify(ctx, v.images...)
	if err != nil {
		return err
	}
	if err := printVerified(v.cmd, found); err != nil || len(found.Damaged) == 0 {
		return err
	}
	what := fmt.Sprintf("%d of %d files are damaged", len(found.Damaged), found.Blobs)
	if !v.repair {
		return fault.Fault{ID: "verify-damaged", What: what, Do: store.Repair + " sets them aside and makes again what it can"}
	}
	if err := v.home.Store.SetAside(found.Damaged); err != nil {
		return err
	}
	v.remake(found)
	if err := ctx.Err(); err != nil {
		return err
	}
	left, err := v.home.Store.Verify(ctx, v.images...)
	if err == nil && v.forget {
		left, err = v.forgetLost(ctx, left)
	}
	if err != nil {
		return err
	}
	return v.judge(found, left)
}

// remake makes images again for which nobody's source is needed. What fails is said, and the others go on.
func (v *verifying) remake(found *store.Verified) {
	affected := found.Affected()
	path, err := findConfig(v.config)
	if err == nil {
		err = v.remakeStacks(path, affected, found.Indexes)
	}
	if builder, parseErr := imagename.Parse(defaultBuilder); err == nil && parseErr == nil && slices.Contains(affected, builder.Name()) {
		err = createBuilder(v.cmd, path, defaultBuilder, "", &outputFlag{compression: "gzip"})
	}
	if err != nil {
		fmt.Fprintln(stderr, "strata: run images and builders are not all made again:", err)
	}
}

// remakeStacks makes those of some images again that are stacks of the suite. Indexes are made for all architectures.
func (v *verifying) remakeStacks(config string, affected, indexes []string) error {
	s := newScreen(false)
	all, err := (&stackFlags{config: config, arch: runtime.GOARCH}).options(nil, s)
	if err != nil {
		return err
	}
	stacks, err := all.Stacks()
	if err != nil {
		return err
	}
	for _, name := range stacks {
		stack, err := assemble.Load(name, all.Dir)
		if err != nil {
			return err
		}
		ref, err := imagename.Parse(stack.Image)
		if err != nil {
			return err
		}
		if !slices.Contains(affected, ref.Name()) {
			continue
		}
		one := all
		one.Names = []string{name}
		if slices.Contains(indexes, ref.Name()) {
			one.Archs = architectures
		}
		if err := buildStacks(v.cmd, one, s, "", &outputFlag{compression: "gzip"}); err != nil {
			return err
		}
	}
	return nil
}

// forgetLost removes the names of images whose manifests are lost, and verifies the others again.
func (v *verifying) forgetLost(ctx context.Context, found *store.Verified) (*store.Verified, error) {
	lost := found.Lost
	if len(lost) == 0 {
		return found, nil
	}
	if err := v.home.Store.Forget(lost); err != nil {
		return nil, err
	}
	for _, name := range lost {
		fmt.Fprintln(v.cmd.OutOrStdout(), "forgotten: "+imagename.Short(name))
	}
	var images []string
	for _, text := range v.images {
		if ref, err := imagename.Parse(text); err == nil && !slices.Contains(lost, ref.Name()) {
			images = append(images, text)
		}
	}
	if len(images) == 0 && len(v.images) > 0 {
		return &store.Verified{}, nil
	}
	return v.home.Store.Verify(ctx, images...)
}

// judge says what the repair has done and what is left to do.
func (v *verifying) judge(found, left *store.Verified) error {
	out := v.cmd.OutOrStdout()
	fmt.Fprintf(out, "\n%d damaged files are set aside in %s, %d are made again\n",
		len(found.Damaged), filepath.Join(v.home.Store.Dir(), "damaged"), max(0, len(found.Damaged)-len(left.Damaged)))
	if len(left.Damaged) == 0 {
		return nil
	}
	names := left.Affected()
	for i, name := range names {
		names[i] = imagename.Short(name)
	}
	return fault.Fault{
		ID:   "verify-left",
		What: "still damaged: " + strings.Join(names, ", "),
		Do:   "build apps with `strata build`, run images with `strata stack build NAME`, builders with `strata builder create`",
	}
}

// printVerified lists what is damaged, and counts.
func printVerified(cmd *cobra.Command, v *store.Verified) error {
	out := cmd.OutOrStdout()
	if len(v.Damaged) == 0 {
		fmt.Fprintf(out, "%d images are whole: %d files, %s\n", len(v.Images), v.Blobs, megabytes(v.Bytes))
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tWHAT\tDAMAGE")
	for _, d := range v.Damaged {
		for _, name := range d.Images {
			fmt.Fprintf(table, "%s\t%s\t%s\n", imagename.Short(name), d.Kind, d.Err)
		}
	}
	return table.Flush()
}
