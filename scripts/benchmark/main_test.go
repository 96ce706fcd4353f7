package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrintTimes(t *testing.T) {
	t.Parallel()
	took := func(milliseconds ...time.Duration) round {
		one := func(i int) sample {
			took := milliseconds[i] * time.Millisecond
			n := int64(milliseconds[i])
			return sample{took: took, cpu: 2 * took, read: n * 100, written: n * 1000, own: n * 10_000, largest: n * 100_000,
				phases: map[string]time.Duration{"detect": took / 4, "build": took / 2}}
		}
		return round{strata: one(0), golang: one(1), ko: one(2)}
	}
	a := &app{name: "app", tools: []tool{strata, golang, ko}, steps: []step{edited, same}, limits: goLimits, rounds: map[step][]round{
		first:  {took(9000, 6000, 4500)},
		edited: {took(1000, 500, 2000), took(1500, 1000, 1500), took(2000, 2000, 8000)}, // ratios 2, 1.5, 1 and 0.5, 1, 0.25
		same:   {took(400, 100, 800), took(800, 100, 400)},
	}}
	const want = `| seconds: median (min–max) | strata build | go build | ko build | strata / go | strata / ko |
| --- | --- | --- | --- | --- | --- |
| app, first build | 9.00 | 6.00 | 4.50 | 1.50 | 2.00 |
| app, one line changed | 1.50 (1.00–2.00) | 1.00 (0.50–2.00) | 2.00 (1.50–8.00) | 1.50 | 0.50 |
| app, nothing changed | 0.60 (0.40–0.80) | 0.10 (0.10–0.10) | 0.60 (0.40–0.80) | 6.00 | 1.25 |

| MB from the disk / to the disk: medians | strata build | go build | ko build |
| --- | --- | --- | --- |
| app, first build | 0.9 / 9.0 | 0.6 / 6.0 | 0.5 / 4.5 |
| app, one line changed | 0.1 / 1.5 | 0.1 / 1.0 | 0.2 / 2.0 |
| app, nothing changed | 0.1 / 0.6 | 0.0 / 0.1 | 0.1 / 0.6 |

| MB of memory: the tool itself / its largest process | strata build | go build | ko build |
| --- | --- | --- | --- |
| app, first build | 90 / 900 | 60 / 600 | 45 / 450 |
| app, one line changed | 20 / 200 | 20 / 200 | 80 / 800 |
| app, nothing changed | 8 / 80 | 1 / 10 | 8 / 80 |

| seconds of processors, user and system: median | strata build | go build | ko build |
| --- | --- | --- | --- |
| app, first build | 18.00 | 12.00 | 9.00 |
| app, one line changed | 3.00 | 2.00 | 4.00 |
| app, nothing changed | 1.20 | 0.20 | 1.20 |

| strata build, seconds: median | analyze | detect | install | restore | build | export | the rest |
| --- | --- | --- | --- | --- | --- | --- | --- |
| app, first build | 0.00 | 2.25 | 0.00 | 0.00 | 4.50 | 0.00 | 2.25 |
| app, one line changed | 0.00 | 0.38 | 0.00 | 0.00 | 0.75 | 0.00 | 0.38 |
| app, nothing changed | 0.00 | 0.15 | 0.00 | 0.00 | 0.30 | 0.00 | 0.15 |

target, app, nothing changed: 0.60 s, at most 0.20 s (200ms): missed
target, app, one line changed: 1.50 s, at most 1.35 s (1.15 x go build + 200ms): missed
`
	var out bytes.Buffer
	printTimes(&out, []*app{a})
	printMoved(&out, []*app{a})
	printMemory(&out, []*app{a})
	printCPU(&out, []*app{a})
	printPhases(&out, []*app{a})
	printTargets(&out, []*app{a})
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

// TestPhases reads what strata build prints.
func TestPhases(t *testing.T) {
	t.Parallel()
	got, err := phasesOf("analyze    0.01 s\ndetect     0.12 s\n    done in 3.1s\ninstall    1.50 s\ninstall    2.00 s\nbuild      0.30 s\n")
	want := map[string]time.Duration{
		"analyze": 10 * time.Millisecond, "detect": 120 * time.Millisecond, "install": 3500 * time.Millisecond, "build": 300 * time.Millisecond,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := phasesOf("done\n"); err == nil {
		t.Error("a build without phases passes")
	}
}

// TestWatchMemory watches this process take memory.
func TestWatchMemory(t *testing.T) {
	t.Parallel()
	stop := watchMemory(os.Getpid())
	taken := bytes.Repeat([]byte{1}, 100<<20)
	if most := stop(); most < int64(len(taken)) {
		t.Errorf("it had %d bytes at most", most)
	}
}
