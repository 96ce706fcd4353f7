package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

// choose runs analysis and detection on one run image after the other, until the app can be built for one. It goes on
// only if a buildpack was passed over because its targets do not have the run image: all others would say the same on the
// next one.
//
// choose begins with the run image that the app stands on already, if that saves tries: if the targets of a buildpack that
// was detected there rule out every run image before it.
func (b *build) choose(ctx context.Context, candidates []string) (target, error) {
	if i := b.likely(candidates); i > 0 {
		t, err := b.detectOn(ctx, candidates[i])
		ruledOut := err == nil
		if ruledOut {
			if ruledOut, err = b.ruledOut(candidates[:i]); err != nil {
				return t, err
			}
		} else if !errors.As(err, new(*undetected)) {
			return t, err
		}
		if ruledOut {
			b.noteRunImage(candidates[i])
			return t, nil
		}
	}
	said := map[string]string{}
	var nothing *undetected
	for i, candidate := range candidates {
		t, err := b.detectOn(ctx, candidate)
		if !errors.As(err, &nothing) {
			if err == nil && i > 0 {
				b.noteRunImage(candidate)
			}
			return t, err
		}
		passedOver, err := b.hear(said, t)
		if err != nil {
			return t, err
		}
		if !passedOver {
			break
		}
	}
	return target{}, fmt.Errorf("detect: %w", fault.Fault{
		ID:   "nothing-detected",
		What: "no buildpack can build " + b.App,
		Err:  b.verdicts(said, nothing),
		Do:   "see the list of buildpacks in the README",
	})
}

func (b *build) noteRunImage(name string) {
	b.Note("run image: " + name + ", the first that a buildpack for this app runs on")
}

// undetected is the error of a detection that found no group of buildpacks for the app, with the last line of its output.
type undetected struct{ last string }

func (u *undetected) Error() string { return "nothing was detected" }

// detectOn runs analysis and detection on a run image.
func (b *build) detectOn(ctx context.Context, runImage string) (target, error) {
	t, err := b.analyze(runImage)
	if err != nil {
		return t, err
	}
	f := b.lifecycle.folders
	if err := b.source.wait(); err != nil {
		return t, fmt.Errorf("detect: %w", err)
	}
	// What detection on another run image left in that place may be a link.
	if err := tree.Remove(f.verdicts()); err != nil {
		return t, err
	}
	if err := sandbox.Own(f.verdicts()); err != nil {
		return t, err
	}
	var last string
	err = b.lifecycle.run(ctx, detectPhase, lastLine(&last))
	if errors.As(err, new(*exec.ExitError)) {
		return t, &undetected{last}
	}
	if err != nil {
		return t, err
	}
	if err := tree.Remove(f.verdicts()); err != nil { // the build phase has no use for them
		return t, err
	}
	return t, f.keepDetected()
}

// keepDetected copies what detection found to where a build cannot write.
func (f folders) keepDetected() error {
	layers, err := os.OpenRoot(f.path("layers"))
	if err != nil {
		return fmt.Errorf("keeping what detection found: %w", err)
	}
	defer layers.Close()
	for _, file := range []string{groupFile, planFile} {
		content, err := tree.ReadIn(layers, path.Base(file))
		if err == nil {
			err = os.WriteFile(f.path(file), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("keeping what detection found: %w", err)
		}
	}
	return nil
}

// hear collects why buildpacks take no part, by their ids, after a detection that found nothing. It reports whether the
// lifecycle passed over a buildpack because of the run image. Of such a buildpack, what it says on another run image counts.
func (b *build) hear(said map[string]string, t target) (passedOver bool, err error) {
	on, err := builderimage.DistributionOf(t.runImage)
	if err != nil {
		return false, fmt.Errorf("reading run image %s: %w", t.run, err)
	}
	passed := b.order.PassedOver(on)
	for _, id := range b.order.IDs() {
		why, err := verdict.Read(b.lifecycle.folders.verdicts(), id)
		switch {
		case err != nil:
			return false, err
		case why != "":
			said[id] = why
		case passed[id] && said[id] == "":
			said[id] = "does not build for " + t.run.String()
		}
	}
	return len(passed) > 0, nil
}

// verdicts joins what the buildpacks have said, except those that no group needs: a group never fails because of them. If
// none has said anything, the lifecycle's last line has to do.
func (b *build) verdicts(said map[string]string, nothing *undetected) error {
	optional := b.order.Optional()
	var words []string
	for _, id := range b.order.IDs() {
		if said[id] != "" && !optional[id] {
			words = append(words, id+": "+said[id])
		}
	}
	if len(words) == 0 {
		words = []string{"lifecycle: " + strconv.Quote(nothing.last)}
	}
	return errors.New(strings.Join(words, ", "))
}

// likely returns the index of the candidate with the distribution on which the app's previous image stands, or -1.
func (b *build) likely(candidates []string) int {
	if b.previous == nil {
		return -1
	}
	want, err := builderimage.DistributionOf(b.previous)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(candidates, func(candidate string) bool {
		image, err := b.store.Find(candidate, b.store.BuildStack(candidate))
		if err != nil {
			return false // detection on it returns the error, if it comes to that
		}
		has, err := builderimage.DistributionOf(image)
		return err == nil && has == want
	})
}

// ruledOut reports whether, for each of some run images, the group that was detected needs a buildpack whose targets do
// not have it.
func (b *build) ruledOut(runImages []string) (bool, error) {
	group, err := b.lifecycle.folders.group()
	if err != nil {
		return false, err
	}
	optional := b.order.Optional()
	for _, name := range runImages {
		image, err := b.store.Find(name, b.store.BuildStack(name))
		if err != nil {
			return false, err
		}
		on, err := builderimage.DistributionOf(image)
		if err != nil {
			return false, fmt.Errorf("reading run image %s: %w", name, err)
		}
		rules := func(one cnb.Member) bool { return !optional[one.ID] && !b.order.Fits(one.ID, one.Version, on) }
		if !slices.ContainsFunc(group, rules) {
			return false, nil
		}
	}
	return true, nil
}

// group reads which buildpacks take part (platform.md, "group.toml").
func (f folders) group() ([]cnb.Member, error) {
	var file struct {
		Group []cnb.Member `toml:"group"`
	}
	if _, err := toml.DecodeFile(f.path(groupFile), &file); err != nil {
		return nil, fmt.Errorf("reading the group of buildpacks: %w", err)
	}
	return file.Group, nil
}

// verdicts is the folder in which buildpacks leave why they take no part.
func (f folders) verdicts() string { return f.path(verdicts[1:]) }
