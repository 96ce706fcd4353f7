package rebase

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Catalogue returns the names of the app images of a registry: those that a lifecycle exported, for one platform.
func Catalogue(ctx context.Context, host string, options registry.Options) ([]string, error) {
	where, err := name.NewRegistry(host)
	if err != nil {
		return nil, fault.Fault{
			ID:   "rebase-catalogue",
			What: fmt.Sprintf("%q is no registry", host),
			Do:   "write it as HOST or HOST:PORT",
		}
	}
	client, err := registry.New(options)
	if err != nil {
		return nil, err
	}
	tags, err := client.Tags(ctx, where)
	if errors.Is(err, registry.ErrUnknown) {
		return nil, fault.Fault{
			ID:   "rebase-catalogue",
			What: host + " has no catalogue",
			Do:   "list the images in a file for --from-file",
		}
	}
	if err != nil {
		return nil, err
	}
	isApp := make([]bool, len(tags))
	group, reader := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, tag := range tags {
		group.Go(func() error {
			image, err := client.Single(reader, tag)
			if errors.Is(err, registry.ErrIndex) {
				return nil
			}
			if err != nil {
				return err
			}
			config, err := image.ConfigFile()
			if err != nil {
				return nil // it is an artifact's
			}
			isApp[i] = store.IsApp(config)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var apps []string
	for i, tag := range tags {
		if isApp[i] {
			apps = append(apps, tag.String())
		}
	}
	return apps, nil
}
