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

// limit is what a build may take: a share of what the bare tool takes, and more.
type limit struct {
	step  step
	share float64
	more  time.Duration
}

// What builds of apps in the languages may take. Those of Node.js have no build scripts.
var (
	goLimits     = []limit{{step: same, more: 200 * time.Millisecond}, {step: edited, share: 1.15, more: 200 * time.Millisecond}}
	nodeLimits   = []limit{{step: same, more: 200 * time.Millisecond}, {step: edited, more: 300 * time.Millisecond}}
	pythonLimits = []limit{
		{step: same, more: 500 * time.Millisecond}, {step: edited, more: 600 * time.Millisecond},
		{step: depended, share: 1.3, more: time.Second},
	}
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

// printMoved prints a row per app and step: the medians of what came from the disk and what reached it.
func printMoved(w io.Writer, apps []*app) {
	megabytes := func(of func(sample) int64) func(*app, step, tool) string {
		return func(a *app, s step, t tool) string { return fmt.Sprintf("%.1f", float64(median(a.all(s, t, of)))/1e6) }
	}
	read := megabytes(func(one sample) int64 { return one.read })
	written := megabytes(func(one sample) int64 { return one.written })
	printRows(w, "MB from the disk / to the disk: medians", apps, func(a *app, s step, t tool) string {
		return read(a, s, t) + " / " + written(a, s, t)
	})
}

// printMemory prints a row per app and step: the most memory that a tool had, and the most that one of its processes had.
func printMemory(w io.Writer, apps []*app) {
	printRows(w, "MB of memory: the tool itself / its largest process", apps, func(a *app, s step, t tool) string {
		own := slices.Max(a.all(s, t, func(one sample) int64 { return one.own }))
		largest := slices.Max(a.all(s, t, func(one sample) int64 { return one.largest }))
		return fmt.Sprintf("%.0f / %.0f", float64(own)/1e6, float64(largest)/1e6)
	})
}

// printCPU prints a row per app and step: the median of the time that the tool and the processes that it waited for had a processor, which
// other people's work on the machine changes little.
func printCPU(w io.Writer, apps []*app) {
	printRows(w, "seconds of processors, user and system: median", apps, func(a *app, s step, t tool) string {
		return fmt.Sprintf("%.2f", time.Duration(median(a.all(s, t, func(one sample) int64 { return int64(one.cpu) }))).Seconds())
	})
}

// printRows prints a row per app and step with a cell per tool.
func printRows(w io.Writer, what string, apps []*app, cell func(*app, step, tool) string) {
	head, rule := "| "+what+" |", "| --- |"
	for _, t := range apps[0].tools {
		head, rule = head+" "+string(t)+" |", rule+" --- |"
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
	for _, a := range apps {
		for _, s := range append([]step{first}, a.steps...) {
			fmt.Fprintf(w, "| %s, %s |", a.name, s)
			for _, t := range a.tools {
				fmt.Fprintf(w, " %s |", cell(a, s, t))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// phases are those of strata build, in their order.
var phases = []string{"analyze", "detect", "install", "restore", "build", "export"}

// printPhases prints a row per app and step: the median of each phase of strata build, and of what is before, between and after them.
func printPhases(w io.Writer, apps []*app) {
	fmt.Fprintf(w, "| strata build, seconds: median | %s | the rest |\n| --- |%s\n", strings.Join(phases, " | "),
		strings.Repeat(" --- |", len(phases)+1))
	for _, a := range apps {
		for _, s := range append([]step{first}, a.steps...) {
			fmt.Fprintf(w, "| %s, %s |", a.name, s)
			for _, phase := range phases {
				took := a.all(s, strata, func(one sample) int64 { return int64(one.phases[phase]) })
				fmt.Fprintf(w, " %.2f |", time.Duration(median(took)).Seconds())
			}
			rest := a.all(s, strata, func(one sample) int64 {
				left := one.took
				for _, took := range one.phases {
					left -= took
				}
				return int64(left)
			})
			fmt.Fprintf(w, " %.2f |\n", time.Duration(median(rest)).Seconds())
		}
	}
	fmt.Fprintln(w)
}

// printTargets prints what builds may take, and whether they do.
func printTargets(w io.Writer, apps []*app) {
	for _, a := range apps {
		for _, l := range a.limits {
			took, verdict, rule := median(a.of(l.step, strata)), "met", l.more.String()
			may := l.more
			if l.share > 0 {
				may += time.Duration(l.share * float64(median(a.of(l.step, a.tools[1]))))
				rule = fmt.Sprintf("%v x %s + %v", l.share, a.tools[1], l.more)
			}
			if took > may {
				verdict = "missed"
			}
			fmt.Fprintf(w, "target, %s, %s: %.2f s, at most %.2f s (%s): %s\n", a.name, l.step, took.Seconds(), may.Seconds(), rule, verdict)
		}
	}
}

// of lists what a tool took, round by round.
func (a *app) of(s step, t tool) []time.Duration {
	var all []time.Duration
	for _, round := range a.rounds[s] {
		all = append(all, round[t].took)
	}
	return all
}

// all lists a measure of a tool, round by round.
func (a *app) all(s step, t tool, of func(sample) int64) (all []int64) {
	for _, round := range a.rounds[s] {
		all = append(all, of(round[t]))
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
