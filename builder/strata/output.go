package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// outputFlag is --output, which may be repeated, and --sign.
type outputFlag struct {
	values []string
	key    string
}

func (o *outputFlag) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.values, "output", "o", nil, "also write the image to oci:FOLDER, oci-archive:FILE, docker-archive:FILE, docker,\nregistry or registry:NAME; may be repeated")
	f.StringVar(&o.key, "sign", "", "file of a private key to sign with what is pushed to a registry, as cosign does")
}

// signer reads the key, once it is known that there is something to sign; without --sign it is nil.
func (o *outputFlag) signer(outputs []platform.Output) (*platform.Signer, error) {
	if o.key == "" {
		return nil, nil
	}
	if !slices.ContainsFunc(outputs, platform.Output.Registry) {
		return nil, fault.Fault{ID: "sign-nothing", What: "--sign signs what is pushed to a registry, and nothing is", Do: "add --output registry, or leave --sign out"}
	}
	return platform.ReadKey(o.key)
}

// parse checks the outputs of images with these names before there is an image.
func (o *outputFlag) parse(names []string) ([]platform.Output, error) {
	var outputs []platform.Output
	for _, value := range o.values {
		output, err := platform.ParseOutput(value, names)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, output)
	}
	return outputs, nil
}

// writeOutputs writes an image of the store, which has all of the names, to the outputs.
func writeOutputs(ctx context.Context, home *platform.Home, outputs []platform.Output, names []string, signer *platform.Signer) error {
	for _, output := range outputs {
		err := home.Write(ctx, output, names, platform.RegistryOptions{}, signer)
		if ctx.Err() != nil {
			return partlyError(fmt.Sprintf("%s is in the store, %s is not written; run the command again", names[0], output))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
