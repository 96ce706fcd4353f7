package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// updated runs strata kpack after a change of the checkout, and applies what it prints.
func (s *suite) updated(ctx context.Context, file, before, after string) error {
	text, err := os.ReadFile(s.path("checkout", file))
	if err != nil {
		return err
	}
	changed := strings.Replace(string(text), before, after, 1)
	if changed == string(text) {
		return fmt.Errorf("%q is not in %s", before, file)
	}
	if err := s.write([]byte(changed), "checkout", file); err != nil {
		return err
	}
	yaml, err := s.strataKpack(ctx)
	if err != nil {
		return err
	}
	return s.apply(ctx, yaml)
}

// rebuilt waits for the next build of apps, for one reason, and says how long it waited.
func (s *suite) rebuilt(ctx context.Context, reason string, apps ...app) (string, error) {
	start := time.Now()
	var errs []error
	for _, a := range apps {
		if log, err := s.build(ctx, a.name, s.number(a), reason); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w\n%s", a.name, err, log))
		}
	}
	return fmt.Sprintf("all %d in %.0f s after it was applied", len(apps), time.Since(start).Seconds()), errors.Join(errs...)
}

// copied is where an image is that no cluster looks after.
const copied = "copies/site"

// updatesStack changes a layer that all run images have, as an update of Debian does. What an app adds to it stays.
func (s *suite) updatesStack(ctx context.Context) (string, error) {
	before, err := s.pull(ctx, "apps/site")
	if err != nil {
		return "", err
	}
	if err := s.push(ctx, copied, before); err != nil {
		return "", err
	}
	if err := s.updated(ctx, "stacks/images/static/stack.toml", `text = "static\n"`, `text = "static, newer\n"`); err != nil {
		return "", err
	}
	took, err := s.rebuilt(ctx, "STACK", site, hello, server, private)
	if err != nil {
		return "", err
	}
	after, err := s.pull(ctx, "apps/site")
	if err != nil {
		return "", err
	}
	return took, sameApp(before, after)
}

// rebasesCopy rebases a copy from before the update with strata.
func (s *suite) rebasesCopy(ctx context.Context) (string, error) {
	printed, err := s.run(ctx, "rebase", registry+"/"+copied)
	if err != nil {
		return "", err
	}
	ours, err := s.pull(ctx, copied)
	if err != nil {
		return "", err
	}
	kpacks, err := s.pull(ctx, "apps/site")
	if err != nil {
		return "", err
	}
	a, err := ours.ConfigFile()
	if err != nil {
		return "", err
	}
	b, err := kpacks.ConfigFile()
	if err != nil {
		return "", err
	}
	if !slices.Equal(a.RootFS.DiffIDs, b.RootFS.DiffIDs) {
		err = fmt.Errorf("the layers are %v, kpack's are %v", a.RootFS.DiffIDs, b.RootFS.DiffIDs)
	}
	return "", errors.Join(err, lacks(printed, "was built by kpack"))
}

// rebasesNothing rebases what kpack has rebased, by what the image says.
func (s *suite) rebasesNothing(ctx context.Context) (string, error) {
	before, err := s.pull(ctx, "apps/hello")
	if err != nil {
		return "", err
	}
	printed, err := s.run(ctx, "rebase", hello.tag())
	if err != nil {
		return "", err
	}
	after, err := s.pull(ctx, "apps/hello")
	if err != nil {
		return "", err
	}
	old, err := before.Digest()
	if err != nil {
		return "", err
	}
	newer, err := after.Digest()
	if err == nil && old != newer {
		err = fmt.Errorf("%s was %s, is %s", hello.tag(), old, newer)
	}
	return "", errors.Join(err, lacks(printed, "up to date"))
}

// lifecycleLabel has what the lifecycle says of an image (Platform API, "io.buildpacks.lifecycle.metadata").
const lifecycleLabel = "io.buildpacks.lifecycle.metadata"

// refusesDigest takes the tag from what an image says of its run image.
func (s *suite) refusesDigest(ctx context.Context) (string, error) {
	image, err := s.pull(ctx, "apps/site")
	if err != nil {
		return "", err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	text := config.Config.Labels[lifecycleLabel]
	cut := strings.ReplaceAll(text, ":clusterbuilder-strata-static-run-image@", "@")
	if cut == text {
		return "", fmt.Errorf("the run image has another name: %s", text)
	}
	config = config.DeepCopy()
	config.Config.Labels[lifecycleLabel] = cut
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return "", err
	}
	if err := s.push(ctx, "copies/digest", image); err != nil {
		return "", err
	}
	_, err = s.run(ctx, "rebase", registry+"/copies/digest")
	if err == nil {
		return "", errors.New("it was rebased")
	}
	return "", lacks(err.Error(), "--run-image")
}

// updatesSuite changes what the suite says of a buildpack, which no app sees.
func (s *suite) updatesSuite(ctx context.Context) (string, error) {
	if err := s.updated(ctx, "buildpacks/web/buildpack.toml", "Serves a folder of files", "Serves the files of a folder"); err != nil {
		return "", err
	}
	return s.rebuilt(ctx, "BUILDPACK", site, hello, server, private)
}
