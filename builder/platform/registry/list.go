package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// emptyType is the media type of the configuration of an artifact (image-spec, manifest.md, "Guidance for an Empty
// Descriptor").
const emptyType = "application/vnd.oci.empty.v1+json"

// maxAttached is how many artifacts of an image are looked at for their types.
const maxAttached = 64

// Repositories returns the repositories of a registry below a path, or all if that is empty. The catalogue is an extension of the Docker
// registry that most others have (distribution-spec, "Backwards Compatibility"): the error of one without it is ErrUnknown. What is no name
// of a repository is left out.
func (c *Client) Repositories(ctx context.Context, host name.Registry, below string) ([]name.Repository, error) {
	catalogue, err := c.puller.Catalogger(ctx, host)
	var paths []string
	if err == nil {
		paths, err = collect(ctx, catalogue, func(page *remote.Catalogs) []string { return page.Repos })
	}
	if err != nil {
		return nil, explainAt("listing the catalogue of "+host.String(), host.RegistryStr(), err)
	}
	var repositories []name.Repository
	for _, path := range paths {
		repository, err := name.NewRepository(host.RegistryStr() + "/" + path)
		if err == nil && (below == "" || path == below || strings.HasPrefix(path, below+"/")) {
			repositories = append(repositories, repository)
		}
	}
	return repositories, nil
}

// Tags returns the tags of a repository, except those that belong to another image: signatures and lists of referrers.
func (c *Client) Tags(ctx context.Context, repository name.Repository) ([]name.Tag, error) {
	list, err := c.puller.Lister(ctx, repository)
	var all []string
	if err == nil {
		all, err = collect(ctx, list, func(page *remote.Tags) []string { return page.Tags })
	}
	if err != nil {
		return nil, explainAt("listing the tags of "+repository.String(), repository.RegistryStr(), err)
	}
	var tags []name.Tag
	for _, tag := range all {
		if !strings.HasPrefix(tag, "sha256-") {
			tags = append(tags, repository.Tag(tag))
		}
	}
	return tags, nil
}

// How long a list of a registry may be. Registries put a hundred names or more on a page.
const (
	maxPages = 10_000
	maxNames = 1_000_000
)

var (
	errEndless = fmt.Errorf("the list has more than %d pages", maxPages)
	errLong    = fmt.Errorf("the list has more than %d names", maxNames)
)

// pages is a list that a registry sends page by page.
type pages[Page any] interface {
	HasNext() bool
	Next(ctx context.Context) (Page, error)
}

// collect returns the names on all pages of a list.
func collect[Page any](ctx context.Context, list pages[Page], names func(Page) []string) ([]string, error) {
	var all []string
	for count := 0; list.HasNext(); count++ {
		if count == maxPages {
			return nil, errEndless
		}
		page, err := list.Next(ctx)
		if err != nil {
			return nil, err
		}
		if all = append(all, names(page)...); len(all) > maxNames {
			return nil, errLong
		}
	}
	return all, nil
}

// Attached returns the artifacts of some types whose subject is an image.
func (c *Client) Attached(ctx context.Context, image name.Digest, artifactTypes ...string) ([]v1.Image, error) {
	index, err := remote.Referrers(image, remote.WithContext(ctx), remote.Reuse(c.puller))
	if err != nil {
		return nil, explain("reading", image, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, explain("reading", image, err)
	}
	var found []v1.Image
	for _, d := range list.Manifests {
		// Some registries list the type of the configuration instead, which is the same for all artifacts.
		if d.ArtifactType != "" && d.ArtifactType != emptyType && !slices.Contains(artifactTypes, d.ArtifactType) {
			continue
		}
		artifact, err := c.Single(ctx, image.Digest(d.Digest.String()))
		if err != nil {
			return nil, err
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			return nil, explain("reading", image, err)
		}
		if slices.Contains(artifactTypes, manifest.ArtifactType) {
			found = append(found, artifact)
		}
	}
	return found, nil
}

// AttachedTypes returns the types of the artifacts whose subject is an image.
func (c *Client) AttachedTypes(ctx context.Context, image name.Digest) ([]string, error) {
	index, err := remote.Referrers(image, remote.WithContext(ctx), remote.Reuse(c.puller))
	if err != nil {
		return nil, explain("reading", image, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, explain("reading", image, err)
	}
	var types []string
	for _, d := range list.Manifests[:min(len(list.Manifests), maxAttached)] {
		if d.ArtifactType != "" && d.ArtifactType != emptyType {
			types = append(types, d.ArtifactType)
			continue
		}
		artifact, err := c.Single(ctx, image.Digest(d.Digest.String()))
		if err != nil {
			return nil, err
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			return nil, explain("reading", image, err)
		}
		types = append(types, manifest.ArtifactType)
	}
	return types, nil
}

// HasName reports whether a registry has something of a name.
func (c *Client) HasName(ctx context.Context, ref name.Reference) (bool, error) {
	_, err := c.Digest(ctx, ref)
	if errors.Is(err, ErrUnknown) {
		return false, nil
	}
	return err == nil, err
}
