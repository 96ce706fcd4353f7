package rebase

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// Catalogue returns the names of the app images of a registry: those that a lifecycle exported, for one platform.
func Catalogue(ctx context.Context, host string, options registry.Options) ([]string, error) {
	client, err := registry.New(options)
	if err != nil {
		return nil, err
	}
	list, err := client.List(ctx, host)
	if err != nil {
		return nil, err
	}
	var tags []name.Reference
	for _, listed := range list {
		if listed.Err != nil {
			return nil, listed.Err
		}
		tag, err := imagename.Parse(listed.Name)
		if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
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
