package registry

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// What names of repositories and tags are (distribution-spec, "Pulling manifests"). Registries may list what is none.
var (
	repositorySyntax = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,254}$`)
	tagSyntax        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// Repositories returns the repositories of a registry. The catalogue is an extension of the Docker registry that most others have
// (distribution-spec, "Backwards Compatibility"): the error of one without it is ErrUnknown. What is no name of a repository is left out.
func (c *Client) Repositories(ctx context.Context, host name.Registry) ([]name.Repository, error) {
	catalogue, err := c.puller.Catalogger(ctx, host)
	var paths []string
	if err == nil {
		paths, err = collect(ctx, catalogue, repositorySyntax, func(page *remote.Catalogs) []string { return page.Repos })
	}
	if err != nil {
		return nil, explainAt("listing the catalogue of "+host.String(), host.RegistryStr(), err)
	}
	var repositories []name.Repository
	for _, path := range paths {
		if repository, err := name.NewRepository(host.RegistryStr() + "/" + path); err == nil {
			repositories = append(repositories, repository)
		}
	}
	return repositories, nil
}

// Tags returns the tags of a repository, except those that belong to another image: signatures and lists of referrers. What is no tag is
// left out.
func (c *Client) Tags(ctx context.Context, repository name.Repository) ([]name.Tag, error) {
	list, err := c.puller.Lister(ctx, repository)
	var all []string
	if err == nil {
		all, err = collect(ctx, list, tagSyntax, func(page *remote.Tags) []string { return page.Tags })
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

// collect returns the names on all pages of a list that have a syntax. Names without it count for the length of the list, and are not kept:
// one may have megabytes.
func collect[Page any](ctx context.Context, list pages[Page], syntax *regexp.Regexp, names func(Page) []string) ([]string, error) {
	var all []string
	seen := 0
	for count := 0; list.HasNext(); count++ {
		if count == maxPages {
			return nil, errEndless
		}
		page, err := list.Next(ctx)
		if err != nil {
			return nil, err
		}
		on := names(page)
		if seen += len(on); seen > maxNames {
			return nil, errLong
		}
		for _, one := range on {
			if syntax.MatchString(one) {
				all = append(all, one)
			}
		}
	}
	return all, nil
}
