package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// outputFlag is --output, which may be repeated, and how: --bare, --sign and --compression.
type outputFlag struct {
	values           []string
	key, compression string
	bare             bool
}

func (o *outputFlag) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.values, "output", "o", nil,
		"also write the image to oci:FOLDER, oci-archive:FILE, docker-archive:FILE, docker,\nregistry or registry:NAME; may be repeated")
	f.StringVar(&o.compression, "compression", "gzip",
		"how the layers in outputs are compressed: gzip, which all take, or zstd; the store has gzip")
	f.BoolVar(&o.bare, "bare", false, "push to a registry the image alone, for one that takes no attached SBOMs and provenance")
	f.StringVar(&o.key, "sign", "", "file of a private key to sign with what is pushed to a registry, as cosign does")
}

// options reads how to write, once it is known where.
func (o *outputFlag) options(outputs []output.Output) (options output.Options, err error) {
	if options.Zstd, err = output.ParseCompression(o.compression); err != nil {
		return options, err
	}
	if options.Zstd && len(outputs) == 0 {
		return options, fault.Fault{
			ID:   "compression",
			What: "--compression is for outputs, and there is none",
			Do:   "add --output, or leave --compression out",
		}
	}
	toRegistry := slices.ContainsFunc(outputs, output.Output.Registry)
	if options.Bare = o.bare; o.bare && !toRegistry {
		return options, fault.Fault{
			ID:   "bare-nothing",
			What: "--bare is for what is pushed to a registry, and nothing is",
			Do:   "add --output registry, or leave --bare out",
		}
	}
	if o.key == "" {
		return options, nil
	}
	if !toRegistry {
		return options, fault.Fault{
			ID:   "sign-nothing",
			What: "--sign signs what is pushed to a registry, and nothing is",
			Do:   "add --output registry, or leave --sign out",
		}
	}
	options.Signer, err = attest.ReadKey(o.key)
	return options, err
}

// parse checks the outputs of images with these names, and the credentials that they need, before there is an image.
func (o *outputFlag) parse(ctx context.Context, names []string) ([]output.Output, error) {
	var outputs []output.Output
	for _, value := range o.values {
		one, err := output.Parse(value, names)
		if err == nil {
			err = one.CheckCredentials(ctx, names)
		}
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, one)
	}
	return outputs, nil
}

// writeOutputs writes an image of the store, which has all of the names, to the outputs.
func writeOutputs(
	ctx context.Context, h *home.Home, outputs []output.Output, names []string, options output.Options,
) error {
	for _, one := range outputs {
		err := one.Write(ctx, h, names, options)
		if ctx.Err() != nil {
			return partlyError(fmt.Sprintf("%s is in the store, %s is not written; run the command again", names[0], one))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
