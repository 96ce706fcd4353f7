package platform

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// choose runs analysis and detection on one run image after the other. The next
// one is tried only when a buildpack was passed over because its targets do not
// have this one: what else a buildpack says would be the same there. So the run
// image that the app stands on already may be tried first, where its buildpacks'
// targets tell that they would be passed over on those before it.
func (b *build) choose(ctx context.Context, candidates []string) error {
	if i := b.likely(candidates); i > 0 {
		err := b.detectOn(ctx, candidates[i])
		passedOver := err == nil
		if passedOver {
			if passedOver, err = b.passedOver(candidates[:i]); err != nil {
				return err
			}
		} else if !errors.As(err, new(*undetected)) {
			return err
		}
		if passedOver {
			b.noteRunImage(candidates[i])
			return nil
		}
	}
	var said verdicts
	for i, candidate := range candidates {
		err := b.detectOn(ctx, candidate)
		nothing := new(undetected)
		if !errors.As(err, &nothing) {
			if err == nil && i > 0 {
				b.noteRunImage(candidate)
			}
			return err
		}
		passedOver := said.add(nothing.output, candidate)
		if !passedOver {
			break
		}
	}
	// A group never fails because of a buildpack that it can do without.
	optional := b.order.optional()
	said = slices.DeleteFunc(said, func(v verdict) bool { return optional[v.id] })
	return fmt.Errorf("detect: %w", fault.Fault{ID: "nothing-detected", What: "no buildpack can build " + b.App, Err: said, Do: "see the list of buildpacks in the README"})
}

func (b *build) noteRunImage(name string) {
	b.Note("run image: " + name + ", the first that a buildpack for this app runs on")
}

// detectOn runs analysis and detection on a run image.
func (b *build) detectOn(ctx context.Context, runImage string) error {
	if err := b.openRegistry(runImage); err != nil {
		return err
	}
	if err := b.writeHosts(); err != nil {
		return err
	}
	return b.runPhases(ctx, []phase{
		{"analyze", slices.Concat(b.insecure(), []string{"-run-image", b.runRef.Name(), b.image.Name()}), b.withRegistry},
		{"detect", []string{"-app", "/workspace", "-order", "/platform/order.toml"}, b.detect},
	})
}

// likely returns the index of the candidate with the distribution that the app's previous image stands on, or -1.
func (b *build) likely(candidates []string) int {
	previous, err := b.home.store.Image(b.image)
	if err != nil {
		return -1
	}
	want, err := distributionOf(previous)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(candidates, func(candidate string) bool {
		image, err := b.home.Image(candidate, missingRunImage)
		if err != nil {
			return false // the error is for when it is this one's turn
		}
		has, err := distributionOf(image)
		return err == nil && has == want
	})
}

// distribution is what a target can be limited to (buildpack.toml, "targets").
type distribution struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
}

func distributionOf(image v1.Image) (distribution, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return distribution{}, err
	}
	labels := config.Config.Labels
	return distribution{labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.base.distro.version"]}, nil
}

// passedOver tells whether each of some run images is one of another distribution than the targets of a needed
// buildpack of the detected group have.
func (b *build) passedOver(runImages []string) (bool, error) {
	group, err := b.group()
	if err != nil {
		return false, err
	}
	optional := b.order.optional()
	group = slices.DeleteFunc(group, func(one buildpack) bool { return optional[one.ID] })
	limits := make([][]distribution, len(group))
	for i, one := range group {
		if limits[i], err = b.builder.distributions(one); err != nil {
			return false, err
		}
	}
	for _, name := range runImages {
		image, err := b.home.Image(name, missingRunImage)
		if err != nil {
			return false, err
		}
		has, err := distributionOf(image)
		if err != nil {
			return false, fmt.Errorf("reading run image %s: %w", name, err)
		}
		if !slices.ContainsFunc(limits, func(limit []distribution) bool { return len(limit) > 0 && !slices.Contains(limit, has) }) {
			return false, nil
		}
	}
	return true, nil
}

// distributions returns those that a buildpack is limited to, nil if any of its targets is not limited.
func (u *unpackedBuilder) distributions(one buildpack) ([]distribution, error) {
	var file struct {
		Targets []struct {
			Distros []distribution `toml:"distros"`
		} `toml:"targets"`
	}
	path := filepath.Join(u.root, "cnb", "buildpacks", strings.ReplaceAll(one.ID, "/", "_"), one.Version, "buildpack.toml")
	if _, err := toml.DecodeFile(path, &file); err != nil {
		return nil, fmt.Errorf("reading the builder's buildpacks: %w", err)
	}
	var all []distribution
	for _, target := range file.Targets {
		if len(target.Distros) == 0 {
			return nil, nil
		}
		all = append(all, target.Distros...)
	}
	return all, nil
}
