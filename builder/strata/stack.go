package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// findConfig returns the builder.toml that was named, or else the next one above the working folder, or else the installed one.
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
			if installed, err := installedConfig(); err != nil || installed != "" {
				return installed, err
			}
			return "", fault.Fault{
				ID:   "config-missing",
				What: "there is no builder.toml here or in a folder above",
				Do:   "go to a checkout of the suite, or name the file with --config",
			}
		}
		dir = filepath.Dir(dir)
	}
}

// architectures are those that the stacks are made for, as Debian and OCI call them.
var architectures = []string{"amd64", "arm64"}

// expand returns what an --arch stands for.
func expand(arch string) []string {
	if arch == "all" {
		return architectures
	}
	return []string{arch}
}

// stackFlags say which stacks are meant, and how they are made.
type stackFlags struct {
	config, arch, dir string
	locked            bool
}

// options returns what makes the stacks with some names; without a name, all of them.
func (f *stackFlags) options(names []string, s *screen) (assemble.Options, error) {
	if f.arch != "all" && !slices.Contains(architectures, f.arch) {
		return assemble.Options{}, fault.Fault{ID: "stack-arch", What: "--arch " + f.arch + " is not known", Do: "write amd64, arm64 or all"}
	}
	if info, err := os.Stat(f.dir); f.dir != "" && (err != nil || !info.IsDir()) {
		return assemble.Options{}, fault.Fault{
			ID: "stack-dir", What: "--dir " + f.dir + " is not a folder", Do: "name the folder that holds the folders of your stacks",
		}
	}
	path, err := findConfig(f.config)
	if err != nil {
		return assemble.Options{}, err
	}
	cache, err := cacheDir()
	if err != nil {
		return assemble.Options{}, err
	}
	if len(names) == 0 {
		names = nil
	}
	o := assemble.Options{
		Dir: filepath.Join(filepath.Dir(path), "stacks", "images"), Names: names, Archs: expand(f.arch), Cache: cache,
		Locked: f.locked, Progress: s.downloads, Log: s.line,
	}
	if f.dir != "" {
		o.Dir, o.Base = f.dir, o.Dir
	}
	return o, nil
}

func stackCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "stack", Short: "Make run images and build images from signed Debian packages"}
	var flags stackFlags
	var bills string
	var output outputFlag
	build := &cobra.Command{
		Use:   "build [NAME…]",
		Short: "Assemble images from their locks into the local store",
		RunE: func(cmd *cobra.Command, names []string) error {
			s := newScreen(false)
			o, err := flags.options(names, s)
			if err != nil {
				return err
			}
			return buildStacks(cmd, o, s, bills, &output)
		},
	}
	build.Flags().BoolVar(&flags.locked, "locked", false,
		"fail when the mirror no longer has a locked package, instead of taking its newest signed version")
	build.Flags().StringVar(&bills, "sbom", "", "write CycloneDX and SPDX files of every image into this folder")
	build.Flags().StringVar(&flags.arch, "arch", runtime.GOARCH, "architecture: amd64, arm64, or all for an index of both")
	output.register(build.Flags())
	var check bool
	update := &cobra.Command{
		Use:   "update [NAME…]",
		Short: "Lock the newest signed packages, and say what that changes",
		RunE: func(cmd *cobra.Command, names []string) error {
			s := newScreen(false)
			o, err := flags.options(names, s)
			if err != nil {
				return err
			}
			o.Archs, o.Check = architectures, check
			return updateStacks(cmd, o, s)
		},
	}
	update.Flags().BoolVar(&check, "check", false, "write nothing; fail when something is due")
	cmd.PersistentFlags().StringVar(&flags.dir, "dir", "", "folder of stacks of your own, which may stand on those of the suite")
	cmd.PersistentFlags().StringVar(&flags.config, "config", "", "builder.toml of the suite (default: found above this folder)")
	cmd.AddCommand(build, update, inspectStacksCommand(&flags))
	return cmd
}

// updateStacks locks stacks and, after all those of the suite, the packages that buildpacks unpack themselves.
func updateStacks(cmd *cobra.Command, options assemble.Options, s *screen) error {
	if err := updateFolder(cmd, options, s); err != nil || options.Base != "" || options.Names != nil {
		return err
	}
	folders, err := packagesOfBuildpacks(filepath.Join(options.Dir, "..", ".."))
	if err != nil {
		return err
	}
	options.Base = options.Dir
	for _, options.Dir = range folders {
		if err := updateFolder(cmd, options, s); err != nil {
			return err
		}
	}
	return nil
}

// packagesOfBuildpacks returns the folders with the stacks of packages that buildpacks unpack themselves. A stack is a folder with the file
// stack.toml, anywhere below the folder of buildpacks.
func packagesOfBuildpacks(root string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(filepath.Join(root, "buildpacks"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("looking for the packages of buildpacks: %w", err)
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case entry.Name() == "stack.toml":
			folders = append(folders, filepath.Dir(filepath.Dir(path)))
		}
		return nil
	})
	slices.Sort(folders)
	return slices.Compact(folders), err
}

// updateFolder locks both architectures, from the same signed indexes.
func updateFolder(cmd *cobra.Command, options assemble.Options, s *screen) error {
	due, err := assemble.Update(cmd.Context(), options)
	s.clear()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	if len(due.Changes) > 0 {
		fmt.Fprintln(table, "STACK\tARCH\tPACKAGE\tLOCKED\tNEWEST\tSUITE")
	}
	for _, c := range due.Changes {
		suite := "main"
		switch {
		case c.Security:
			suite = "security"
		case c.New == "":
			suite = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Stack, c.Arch, c.Package, cmp.Or(c.Old, "-"), cmp.Or(c.New, "-"), suite)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	if options.Check {
		return due.Err()
	}
	for _, file := range due.Files {
		s.line("wrote " + filepath.Join(options.Dir, file))
	}
	return nil
}

// buildStacks puts images into the store with their bills of materials attached and, unless bills is empty, writes those
// into that folder too. Of all architectures a name gets one index, which goes to no output.
func buildStacks(cmd *cobra.Command, options assemble.Options, s *screen, bills string, output *outputFlag) error {
	outputs, err := output.parse(cmd.Context(), nil)
	if err != nil {
		return err
	}
	if len(outputs) > 0 && len(options.Archs) > 1 {
		return fault.Fault{ID: "output", What: "--output takes images of one architecture, not of all", Do: "name one with --arch"}
	}
	for _, o := range outputs {
		if o.OneImage() && len(options.Names) != 1 {
			return fault.Fault{ID: "output", What: fmt.Sprintf("--output %s is a place for one image", o), Do: "name one image to build"}
		}
	}
	writing, err := output.options(outputs)
	if err != nil {
		return err
	}
	h, err := openHome()
	if err != nil {
		return err
	}
	images, err := assemble.Build(cmd.Context(), options)
	s.clear()
	if err != nil {
		return err
	}
	for one := range slices.Chunk(images, len(options.Archs)) {
		name := one[0].Ref
		if err := keepStack(cmd, h, one, s, bills); err != nil {
			return err
		}
		if outputs, err = output.parse(cmd.Context(), []string{name}); err != nil {
			return err
		}
		if err := writeOutputs(cmd.Context(), h, outputs, []string{name}, writing); err != nil {
			return err
		}
	}
	return nil
}

// keepStack stores the images of one name.
func keepStack(cmd *cobra.Command, h *home.Home, images []assemble.Image, s *screen, bills string) error {
	ref, err := imagename.Parse(images[0].Ref)
	if err != nil {
		return err
	}
	if len(images) == 1 {
		digest, err := h.Store.Put(ref, images[0].Image)
		if err != nil {
			return err
		}
		return keepBills(cmd, h, ref, digest, images, s, bills)
	}
	var all []v1.Image
	for _, image := range images {
		all = append(all, image.Image)
	}
	index, err := store.IndexOf(all...)
	if err != nil {
		return err
	}
	return keepIndex(cmd, h, ref, index, images, s, bills)
}

// keepIndex stores an index, with the bills of materials of those of its images that were made.
func keepIndex(
	cmd *cobra.Command, h *home.Home, ref name.Reference, index v1.ImageIndex, made []assemble.Image, s *screen, bills string,
) error {
	digest, err := h.Store.PutIndex(ref, index)
	if err != nil {
		return err
	}
	return keepBills(cmd, h, ref, digest, made, s, bills)
}

// keepBills attaches what images are made of, says how they differ from their locks, and prints what a name stands for.
func keepBills(
	cmd *cobra.Command, h *home.Home, ref name.Reference, digest v1.Hash, images []assemble.Image, s *screen, bills string,
) error {
	var size int64
	for _, image := range images {
		for _, drift := range image.Drift {
			s.line("warning: " + image.Name + " has " + drift.Package + " " + drift.Used + ": the mirror dropped the locked " + drift.Locked)
		}
		for _, layer := range image.Layers {
			size += layer.Size
		}
		if err := keepBill(h, image, bills); err != nil {
			return err
		}
	}
	cmd.Printf("%-22s %9s  %s\n", ref, megabytes(size), digest)
	return nil
}

// keepBill attaches an image's bill of materials to it and, unless dir is empty, writes it there.
func keepBill(h *home.Home, image assemble.Image, dir string) error {
	config, err := image.Image.ConfigFile()
	if err != nil {
		return err
	}
	digest, err := image.Image.Digest()
	if err != nil {
		return err
	}
	title := image.Name + "-" + config.Architecture
	attached, err := attest.Bills(title, image.SBOM)
	if err != nil {
		return err
	}
	if err := h.Store.Attach(digest, attached...); err != nil || dir == "" {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Fault{ID: "output", What: "cannot write bills of materials into " + dir, Do: "name a folder that you may write", Err: err}
	}
	return image.SBOM.WriteFiles(filepath.Join(dir, title))
}

// inspectStacksCommand takes the flags that all commands on stacks share.
func inspectStacksCommand(flags *stackFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [NAME…]",
		Short: "Show the packages of stacks: which version, how many files, how large, and why",
		RunE: func(cmd *cobra.Command, names []string) error {
			s := newScreen(false)
			o, err := flags.options(names, s)
			if err != nil {
				return err
			}
			return inspectStacks(cmd, o, s)
		},
	}
}

func inspectStacks(cmd *cobra.Command, o assemble.Options, s *screen) error {
	names, err := o.Stacks()
	if err != nil {
		return err
	}
	for _, name := range names {
		found, err := assemble.Inspect(cmd.Context(), o, name)
		s.clear()
		if err != nil {
			return err
		}
		if err := assemble.PrintSlices(cmd.OutOrStdout(), found); err != nil {
			return err
		}
	}
	return nil
}
