package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Listed is the name of an image that a registry has, or of a repository or place that cannot be listed.
type Listed struct {
	Name string
	Err  error // why the tags are not listed
}

// ErrMore is the error of a path whose own images are listed, and what is below it is not.
var ErrMore = errors.New("there may be more below it, which the registry does not list")

// List is ListAll of one place.
func (c *Client) List(ctx context.Context, place string) ([]Listed, error) {
	return c.ListAll(ctx, []string{place})
}

// ListAll returns the names of the images at some places: a registry HOST, the repositories of one below HOST/PATH, or one image with its
// tag or digest. Where a registry has no catalogue or does not list the path there, the path is a repository. A place that cannot be listed
// has the reason; if it is the only one, that is the error.
func (c *Client) ListAll(ctx context.Context, places []string) ([]Listed, error) {
	l := &lister{client: c}
	places = slices.Compact(slices.Sorted(slices.Values(places)))
	lists := make([][]Listed, len(places))
	errs := make([]error, len(places))
	group, reader := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, place := range places {
		group.Go(func() error {
			lists[i], errs[i] = l.list(reader, place)
			if errors.Is(errs[i], errLong) {
				return errs[i]
			}
			return reader.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if len(places) == 1 {
		return lists[0], errs[0]
	}
	for i, err := range errs {
		if err != nil {
			lists[i] = []Listed{{places[i], err}}
		}
	}
	return slices.Concat(lists...), nil
}

// lister lists places. It reads the catalogue of a registry once.
type lister struct {
	client     *Client
	catalogues once.Map[name.Registry, []name.Repository]
	names      atomic.Int64 // of all places
}

func (l *lister) list(ctx context.Context, place string) ([]Listed, error) {
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
	all, err := l.catalogues.Get(where, func() ([]name.Repository, error) { return l.client.Repositories(ctx, where) })
	found := below(all, path)
	if path != "" && (err == nil && len(found) == 0 || lacking(err) || denied(err)) {
		return l.repository(ctx, where, path, err)
	}
	if lacking(err) {
		return nil, fault.Fault{
			ID: "registry-catalogue", What: host + " has no catalogue", Do: "name its repositories, or list images in a file for --from-file",
		}
	}
	if err != nil {
		return nil, err
	}
	return l.tags(ctx, found)
}

// below returns the repositories at a path and below it: all for the empty path.
func below(all []name.Repository, path string) []name.Repository {
	var found []name.Repository
	for _, repository := range all {
		if is := repository.RepositoryStr(); path == "" || is == path || strings.HasPrefix(is, path+"/") {
			found = append(found, repository)
		}
	}
	return found
}

// lacking reports whether an error of a catalogue says that the registry has none.
func lacking(err error) bool {
	var answer *transport.Error
	none := []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}
	return errors.As(err, &answer) && slices.Contains(none, answer.StatusCode)
}

// denied reports whether an error of a catalogue says that this user may not see it.
func denied(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// repository lists the one repository that a path is, if there is one. catalogue is the error of the registry's catalogue: if that is
// denied, there may be more below the path, and the list says so.
func (l *lister) repository(ctx context.Context, host name.Registry, path string, catalogue error) ([]Listed, error) {
	place := host.RegistryStr() + "/" + path
	repository, err := name.NewRepository(place)
	if err != nil {
		return nil, fault.Fault{ID: "registry-place", What: fmt.Sprintf("%q names no repository", place), Do: "see whether it is right"}
	}
	tags, err := l.client.Tags(ctx, repository)
	if err != nil {
		if catalogue == nil && errors.Is(err, ErrUnknown) {
			return nil, nil
		}
		if catalogue != nil {
			err = catalogue
		}
		return nil, err
	}
	list, err := l.listed(tags)
	if denied(catalogue) {
		list = append(list, Listed{repository.String() + "/", fmt.Errorf("%w: %w", ErrMore, catalogue)})
	}
	return list, err
}

// tags lists the tags of several repositories. One that cannot be listed does not end it.
func (l *lister) tags(ctx context.Context, repositories []name.Repository) ([]Listed, error) {
	lists := make([][]Listed, len(repositories))
	group, reader := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, repository := range repositories {
		group.Go(func() error {
			tags, err := l.client.Tags(reader, repository)
			if reader.Err() != nil {
				return reader.Err()
			}
			if err != nil {
				lists[i] = []Listed{{repository.String(), err}}
				return nil
			}
			lists[i], err = l.listed(tags)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

// listed counts the names of all repositories together.
func (l *lister) listed(tags []name.Tag) ([]Listed, error) {
	if l.names.Add(int64(len(tags))) > maxNames {
		return nil, fault.Fault{ID: "registry-catalogue", What: "there are too many images", Err: errLong, Do: "name a part of them"}
	}
	list := make([]Listed, len(tags))
	for i, tag := range tags {
		list[i].Name = tag.String()
	}
	return list, nil
}
