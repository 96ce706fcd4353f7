package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func inspectCommand() *cobra.Command {
	var bills, against, profile string
	var hardening bool
	cmd := &cobra.Command{
		Use:   "inspect IMAGE|FILE",
		Short: "Show the layers of an image, of the store or a registry: what each is, its size, who shares it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			if hardening {
				return printHardening(stdout, h.Store, args[0])
			}
			found, err := lookUp(cmd.Context(), h.Store, args[0])
			if err != nil {
				return err
			}
			if bills != "" {
				if err := found.writeBills(cmd.Context(), bills); err != nil {
					return err
				}
			}
			if profile != "" {
				return found.printProfile(stdout, profile)
			}
			if against == "" {
				return found.printTable(stdout)
			}
			old, err := lookUp(cmd.Context(), h.Store, against)
			if err != nil {
				return err
			}
			return printPull(stdout, found, old)
		},
	}
	cmd.Flags().BoolVar(&hardening, "hardening", false, "show how programs and libraries are hardened, of a file or oci:FOLDER, too")
	cmd.Flags().StringVar(&profile, "seccomp", "", "print the seccomp profile of the image: oci for engines, kubernetes for a cluster")
	cmd.Flags().StringVar(&bills, "sbom", "", "write what is attached to the image, SBOMs and provenance, into this folder")
	cmd.Flags().StringVar(&against, "against", "", "show what somebody who has this image pulls of the other")
	return cmd
}

// looked is an image that somebody wants to see.
type looked struct {
	name   string // as it was written
	ref    name.Reference
	image  v1.Image
	store  *store.Store
	client *registry.Client // where the image is; nil for the store
}

// lookUp finds an image in the store, or else in the registry that its name says.
func lookUp(ctx context.Context, s *store.Store, text string) (looked, error) {
	found := looked{name: text, store: s}
	var err error
	if found.ref, err = imagename.Parse(text); err != nil {
		return found, err
	}
	found.image, err = s.Find(text, store.BuildApp)
	if err == nil || errors.As(err, new(*store.Damage)) || !imagename.SaysRegistry(text) {
		return found, err
	}
	if found.client, err = registry.New(registry.Options{}); err != nil {
		return found, err
	}
	found.image, err = found.client.Image(ctx, found.ref, v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
	if errors.Is(err, registry.ErrUnknown) {
		return found, fault.Fault{
			ID: "image-missing", What: "neither the store nor the registry has " + text, Do: "see whether the name is right", Err: err,
		}
	}
	return found, err
}

// writeBills writes what is attached to the image, or else the bills of materials in it.
func (l looked) writeBills(ctx context.Context, dir string) error {
	if l.client == nil {
		return output.WriteAttached(l.store, l.name, dir)
	}
	digest, err := l.image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", l.name, err)
	}
	attached, err := output.Attached(ctx, l.client, l.ref.Context().Digest(digest.String()))
	if err == nil && len(attached) == 0 {
		attached, err = attest.Contained(l.ref, l.image)
	}
	if err != nil {
		return err
	}
	return output.WriteFiles(l.name, dir, attached)
}

// layers returns the image's layers. The uncompressed sizes of a registry's are not known.
func (l looked) layers() ([]store.Layer, error) {
	if l.client == nil {
		return l.store.Layers(l.name)
	}
	layers, err := l.store.Describe(l.image)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.name, err)
	}
	return layers, nil
}

// printTable prints the layers of an image, and the image's name with its digest.
func (l looked) printTable(w io.Writer) error {
	layers, err := l.layers()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAYER\tWHAT\tCOMPRESSED\tUNCOMPRESSED\tSHARED WITH")
	var compressed, uncompressed, shared int64
	size := func(bytes int64) string {
		if l.client != nil {
			return "-"
		}
		return megabytes(bytes)
	}
	for _, layer := range layers {
		sharing := "-"
		if layer.Sharers > 0 {
			sharing = fmt.Sprintf("%d images", layer.Sharers)
			if layer.Sharers == 1 {
				sharing = "1 image"
			}
			shared += layer.Compressed
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
			layer.Digest.Hex[:12], layer.Origin, megabytes(layer.Compressed), size(layer.Uncompressed), sharing)
		compressed += layer.Compressed
		uncompressed += layer.Uncompressed
	}
	fmt.Fprintf(table, "total\t%d layers\t%s\t%s\t%s shared\n", len(layers), megabytes(compressed), size(uncompressed), megabytes(shared))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return l.printDigest(w)
}

func (l looked) printDigest(w io.Writer) error {
	digest, err := l.image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", l.name, err)
	}
	tag, _, _ := strings.Cut(l.name, "@")
	_, err = fmt.Fprintf(w, "\n%s@%s\n", tag, digest)
	return err
}

// printPull prints what is pulled of an image where another one is: the layers that only the new one has.
func printPull(w io.Writer, next, old looked) error {
	layers, err := next.layers()
	if err != nil {
		return err
	}
	before, err := old.layers()
	if err != nil {
		return err
	}
	there := map[v1.Hash]bool{}
	for _, layer := range before {
		there[layer.Digest] = true
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAYER\tWHAT\tBYTES\tPULLED")
	var pulled, all int64
	for _, layer := range layers {
		bytes := layer.Compressed
		if there[layer.Digest] {
			bytes = 0
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", layer.Digest.Hex[:12], layer.Origin, layer.Compressed, bytes)
		there[layer.Digest] = true // a second time, nobody pulls it
		pulled, all = pulled+bytes, all+layer.Compressed
	}
	fmt.Fprintf(table, "total\t%d layers\t%d\t%d\n", len(layers), all, pulled)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return next.printDigest(w)
}
