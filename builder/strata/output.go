package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/strata-buildpacks/strata/builder/platform"
)

// outputFlag is --output, which may be repeated.
type outputFlag struct{ values []string }

func (o *outputFlag) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.values, "output", "o", nil, "also write the image to oci:FOLDER, oci-archive:FILE, docker-archive:FILE, docker,\nregistry or registry:NAME; may be repeated")
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
func writeOutputs(ctx context.Context, home *platform.Home, outputs []platform.Output, names []string) error {
	for _, output := range outputs {
		err := home.Write(ctx, output, names, platform.RegistryOptions{})
		if ctx.Err() != nil {
			return partlyError(fmt.Sprintf("%s is in the store, %s is not written; run the command again", names[0], output))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
