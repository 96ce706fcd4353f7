package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// appLabel is a label that the lifecycle gives to each image that it exports, and to no other (buildpacks/spec, platform.md).
const appLabel = "io.buildpacks.lifecycle.metadata"

// IsApp reports whether a lifecycle exported the image with that configuration.
func IsApp(config *v1.ConfigFile) bool { return config.Config.Labels[appLabel] != "" }

// CheckBase returns a fault if an image that apps are to stand on, or to be built with, is an app itself. Whoever names that app
// would decide what is in the others.
func CheckBase(text string, image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", text, err)
	}
	if !IsApp(config) {
		return nil
	}
	return fault.Fault{
		ID: "image-is-app", What: text + " is an app, and apps are neither built with another app nor put on one",
		Do: "name another image, or make the one of this name again with `strata stack build` or `strata builder create`",
	}
}

// Reserved is the fault of a name that an app cannot have.
func Reserved(ref name.Reference, what string) error {
	own := strings.TrimPrefix(strings.TrimPrefix(ref.Context().Name(), name.DefaultRegistry+"/"), "library/") + "-app"
	return fault.Fault{
		ID: "image-reserved", What: fmt.Sprintf("%s is the name of %s, and no app can have it", ref, what),
		Do: "name the app otherwise with -t, such as " + own,
	}
}

// CheckApp returns a fault if the store has an image that is no app under a name that an app is to have.
func (s *Store) CheckApp(ref name.Reference) error {
	image, err := s.Image(ref)
	var config *v1.ConfigFile
	if err == nil {
		config, err = image.ConfigFile()
	}
	switch {
	case errors.Is(err, ErrNotFound): // an index without an image for this machine has an entry all the same
		if found, err := s.Has(ref); err != nil || !found {
			return err
		}
	case errors.As(err, new(*Damage)): // a build of the app makes it again
		return nil
	case err != nil:
		return fmt.Errorf("reading %s: %w", ref, err)
	case IsApp(config):
		return nil
	}
	return Reserved(ref, "an image in the store that is no app")
}

// Has reports whether the store's index has a name.
func (s *Store) Has(ref name.Reference) (bool, error) {
	index, err := s.index()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == ref.Name() }), nil
}

// checkKind is CheckApp for the manifest of an image that is an app.
func (s *Store) checkKind(ref name.Reference, manifest []byte) error {
	image, err := s.Loose(manifest)
	if err != nil {
		return fmt.Errorf("reading the manifest of %s: %w", ref, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	if !IsApp(config) {
		return nil
	}
	return s.CheckApp(ref)
}
