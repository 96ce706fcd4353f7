package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Listed is the name of an image that a registry has, or of a repository whose tags cannot be listed.
type Listed struct {
	Name string
	Err  error // why the tags are not listed
}

// List returns the names of the images at a place: a registry HOST, the repositories of one below HOST/PATH, or one image with its tag or
// digest. Where a registry has no catalogue, a path is a repository.
func (c *Client) List(ctx context.Context, place string) ([]Listed, error) {
	host, path, _ := strings.Cut(place, "/")
	if strings.ContainsAny(path, ":@") {
		_, err := imagename.Parse(place)
		return []Listed{{Name: place}}, err
	}
	where, err := name.NewRegistry(host)
	path = strings.TrimSuffix(path, "/")
	if err != nil || !imagename.SaysRegistry(host+"/") {
		return nil, fault.Fault{
			ID: "registry-place", What: fmt.Sprintf("%q names no registry", place),
			Do: "write HOST or HOST:PORT, each with a /PATH or without, or an image with its tag",
		}
	}
	repositories, err := c.Repositories(ctx, where, path)
	switch {
	case err != nil && path != "" && ctx.Err() == nil:
		repository, nameErr := name.NewRepository(where.RegistryStr() + "/" + path)
		if nameErr != nil {
			return nil, err
		}
		tags, tagsErr := c.Tags(ctx, repository)
		if tagsErr != nil {
			return nil, err
		}
		return listed(tags), nil
	case errors.Is(err, ErrUnknown):
		return nil, fault.Fault{
			ID: "registry-catalogue", What: host + " has no catalogue", Do: "name its repositories, or list images in a file for --from-file",
		}
	case err != nil:
		return nil, err
	}
	return c.listAll(ctx, repositories)
}

// listAll lists the tags of several repositories. One that cannot be listed does not end it.
func (c *Client) listAll(ctx context.Context, repositories []name.Repository) ([]Listed, error) {
	lists := make([][]Listed, len(repositories))
	group, lister := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, repository := range repositories {
		group.Go(func() error {
			tags, err := c.Tags(lister, repository)
			if lister.Err() != nil {
				return lister.Err()
			}
			lists[i] = listed(tags)
			if err != nil {
				lists[i] = []Listed{{repository.String(), err}}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []Listed
	for _, list := range lists {
		if all = append(all, list...); len(all) > maxNames {
			return nil, fault.Fault{ID: "registry-catalogue", What: "the registry has too many images", Err: errLong, Do: "name a part of it"}
		}
	}
	return all, nil
}

func listed(tags []name.Tag) []Listed {
	list := make([]Listed, len(tags))
	for i, tag := range tags {
		list[i].Name = tag.String()
	}
	return list
}
