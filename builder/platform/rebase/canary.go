package rebase

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Check decides about the rest of a rebase when some images are moved. Its error ends the rebase.
type Check func(ctx context.Context, moved []string) error

// run rebases images. If there is a limit, it moves the first ones in their order, and the others only if the check allows it.
func (r rebaser) run(ctx context.Context, jobs []job) error {
	if r.Limit == 0 {
		r.all(ctx, jobs)
		return nil
	}
	rest, err := r.first(ctx, jobs)
	if err == nil && r.Check != nil && len(rest) > 0 {
		if err = r.check(ctx, jobs); err == nil {
			for i := range rest {
				rest[i].Left = false
			}
			r.all(ctx, rest)
			return nil
		}
	}
	return err
}

// all rebases images, several at a time. One that fails does not end the others.
func (r rebaser) all(ctx context.Context, list []job) {
	var group errgroup.Group
	group.SetLimit(jobs)
	for i := range list {
		group.Go(func() error {
			j := &list[i]
			started := time.Now()
			j.guard(func() {
				if act := r.plan(ctx, j); act != nil {
					j.Err = act()
				}
			})
			j.Took = time.Since(started)
			return nil
		})
	}
	_ = group.Wait() // no function fails
}

// first moves as many images as the limit says, in their order, and returns those from the first one on that was not moved. It looks at no
// more images than it has to.
func (r rebaser) first(ctx context.Context, list []job) (rest []job, err error) {
	left := r.Limit
	for at := 0; at < len(list); at += jobs {
		batch := list[at:min(at+jobs, len(list))]
		acts := make([]func() error, len(batch))
		var group errgroup.Group
		for i := range batch {
			group.Go(func() error {
				batch[i].guard(func() { acts[i] = r.plan(ctx, &batch[i]) })
				return nil
			})
		}
		_ = group.Wait() // no function fails
		next := len(batch)
		for i, act := range acts {
			if act == nil {
				continue
			}
			if left == 0 {
				next = i
				break
			}
			left--
			group.Go(func() error {
				started := time.Now()
				batch[i].guard(func() { batch[i].Err = act() })
				batch[i].Took = time.Since(started)
				return batch[i].Err
			})
		}
		err := group.Wait()
		if err != nil {
			err = fault.Fault{ID: "rebase-first", What: "one of the first images was not rebased, and the others were left", Err: err,
				Do: "repair that, or leave --limit out"}
		}
		if rest = list[at+next:]; err != nil || next < len(batch) || left == 0 {
			for i := range rest {
				rest[i].Left = rest[i].Moves() && !rest[i].noApp
			}
			return rest, err
		}
	}
	return nil, nil
}

// guard runs a part of the rebase of an image. A panic is an error of this image alone: other images are under way, and what became of
// them has to be told.
func (j *job) guard(part func()) {
	defer func() {
		if cause := recover(); cause != nil {
			j.Err = fault.Internal("rebasing %s: %v", j.Image, cause)
		}
	}()
	part()
}

// check asks whether the rest is to be moved.
func (r rebaser) check(ctx context.Context, list []job) error {
	var moved []string
	for _, j := range list {
		if j.Moves() && !j.noApp {
			moved = append(moved, j.Image)
		}
	}
	err := r.Check(ctx, moved)
	if err == nil {
		return nil
	}
	return fault.Fault{
		ID: "rebase-check", What: fmt.Sprintf("the check failed after %d images, and the others were left", len(moved)), Err: err,
		Do: "take those back with `strata rebase --undo`, which has their names in the table above",
	}
}
