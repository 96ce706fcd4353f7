package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// What a build may take.
const (
	sameLimit   = 500 * time.Millisecond
	editedShare = 1.3 // of go build,
	editedExtra = 300 * time.Millisecond
	nodeLimit   = time.Second // for a changed line of an app without build scripts
)

// printTimes prints a row per app and step: the median and, of more than one round, minimum and maximum.
func printTimes(w io.Writer, apps []*app) {
	tools := apps[0].tools
	head, rule := "| seconds: median (min–max) |", "| --- |"
	for _, t := range tools {
		head, rule = head+" "+string(t)+" |", rule+" --- |"
	}
	for _, t := range tools[1:] {
		head, rule = head+" strata / "+strings.Fields(string(t))[0]+" |", rule+" --- |"
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
	for _, a := range apps {
		for _, s := range append([]step{first}, a.steps...) {
			fmt.Fprintf(w, "| %s, %s |", a.name, s)
			for _, t := range tools {
				all := a.of(s, t)
				fmt.Fprintf(w, " %.2f", median(all).Seconds())
				if len(all) > 1 {
					fmt.Fprintf(w, " (%.2f–%.2f)", slices.Min(all).Seconds(), slices.Max(all).Seconds())
				}
				fmt.Fprint(w, " |")
			}
			for _, t := range tools[1:] {
				fmt.Fprintf(w, " %.2f |", a.ratio(s, t))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// printWritten prints a row per app and step: the median of what reached the disk.
func printWritten(w io.Writer, apps []*app) {
	head, rule := "| MB written to the disk: median |", "| --- |"
	for _, t := range apps[0].tools {
		head, rule = head+" "+string(t)+" |", rule+" --- |"
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
	for _, a := range apps {
		for _, s := range append([]step{first}, a.steps...) {
			fmt.Fprintf(w, "| %s, %s |", a.name, s)
			for _, t := range a.tools {
				var all []int64
				for _, round := range a.rounds[s] {
					all = append(all, round[t].written)
				}
				fmt.Fprintf(w, " %.1f |", float64(median(all))/1e6)
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// printTargets prints what builds may take, and whether they do.
func printTargets(w io.Writer, apps []*app) {
	for _, a := range apps {
		target(w, a, same, sameLimit, fmt.Sprintf("%v", sameLimit))
		if !a.isGo() {
			target(w, a, edited, nodeLimit, fmt.Sprintf("%v", nodeLimit))
			continue
		}
		limit := time.Duration(editedShare*float64(median(a.of(edited, golang)))) + editedExtra
		target(w, a, edited, limit, fmt.Sprintf("%v x go build + %v", editedShare, editedExtra))
	}
}

// target prints whether a build takes no longer than it may.
func target(w io.Writer, a *app, s step, limit time.Duration, rule string) {
	took, verdict := median(a.of(s, strata)), "met"
	if took > limit {
		verdict = "missed"
	}
	fmt.Fprintf(w, "target, %s, %s: %.2f s, at most %.2f s (%s): %s\n", a.name, s, took.Seconds(), limit.Seconds(), rule, verdict)
}

// of lists what a tool took, round by round.
func (a *app) of(s step, t tool) []time.Duration {
	var all []time.Duration
	for _, round := range a.rounds[s] {
		all = append(all, round[t].took)
	}
	return all
}

// ratio is the median of strata's time to another tool's in the same round.
func (a *app) ratio(s step, other tool) float64 {
	var all []float64
	for _, round := range a.rounds[s] {
		all = append(all, float64(round[strata].took)/float64(round[other].took))
	}
	return median(all)
}

// median returns the middle, or the mean of the two in the middle.
func median[T time.Duration | float64 | int64](all []T) T {
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare[T])
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// printSizes prints how large the images are, compressed.
func printSizes(w io.Writer, s *store.Store, apps []*app) error {
	fmt.Fprint(w, "\n| image | compressed | bytes |\n| --- | --- | --- |\n")
	row := func(what string, size int64) {
		fmt.Fprintf(w, "| %s | %.2f MB | %d |\n", what, float64(size)/1e6, size)
	}
	for _, ref := range []string{runImage, "strata/run-glibc:13", "strata/build:13", "strata/builder:latest"} {
		size, err := s.Size(ref)
		if err != nil {
			return err
		}
		row("`"+ref+"`", size)
	}
	for _, a := range apps {
		layers, err := s.Layers(a.image())
		if err != nil {
			return err
		}
		var all, binary int64
		for _, layer := range layers {
			all += layer.Compressed
			if strings.HasPrefix(layer.Origin, "Layer: 'targets'") {
				binary += layer.Compressed
			}
		}
		row(a.name, all)
		if a.isGo() {
			row(a.name+" without the layer of its binary", all-binary)
		}
	}
	return nil
}

// printEngineSizes prints how large the images are that an engine unpacks: what all of its tools made, and ours.
func (b *bench) printEngineSizes(ctx context.Context, w io.Writer, apps []*app) error {
	fmt.Fprint(w, "\n| image, unpacked | MB | bytes |\n| --- | --- | --- |\n")
	for _, a := range apps {
		layers, err := b.home.Store.Layers(a.image())
		if err != nil {
			return err
		}
		var ours int64
		for _, layer := range layers {
			ours += layer.Uncompressed
		}
		fmt.Fprintf(w, "| %s, %s | %.2f | %d |\n", a.name, strata, float64(ours)/1e6, ours)
		for _, t := range []tool{packing, docker} {
			text, err := output(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", a.engineImage(t))
			if err != nil {
				return err
			}
			size, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "| %s, %s | %.2f | %d |\n", a.name, t, float64(size)/1e6, size)
		}
	}
	return nil
}
