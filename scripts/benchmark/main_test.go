package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrintTimes(t *testing.T) {
	t.Parallel()
	took := func(milliseconds ...time.Duration) round {
		one := func(i int) sample { return sample{milliseconds[i] * time.Millisecond, int64(milliseconds[i]) * 1000} }
		return round{strata: one(0), golang: one(1), ko: one(2)}
	}
	a := &app{name: "app", tools: []tool{strata, golang, ko}, steps: []step{edited, same}, rounds: map[step][]round{
		first:  {took(9000, 6000, 4500)},
		edited: {took(1000, 500, 2000), took(1500, 1000, 1500), took(2000, 2000, 8000)}, // ratios 2, 1.5, 1 and 0.5, 1, 0.25
		same:   {took(400, 100, 800), took(800, 100, 400)},
	}}
	const want = `| seconds: median (min–max) | strata build | go build | ko build | strata / go | strata / ko |
| --- | --- | --- | --- | --- | --- |
| app, first build | 9.00 | 6.00 | 4.50 | 1.50 | 2.00 |
| app, one line changed | 1.50 (1.00–2.00) | 1.00 (0.50–2.00) | 2.00 (1.50–8.00) | 1.50 | 0.50 |
| app, nothing changed | 0.60 (0.40–0.80) | 0.10 (0.10–0.10) | 0.60 (0.40–0.80) | 6.00 | 1.25 |

| MB written to the disk: median | strata build | go build | ko build |
| --- | --- | --- | --- |
| app, first build | 9.0 | 6.0 | 4.5 |
| app, one line changed | 1.5 | 1.0 | 2.0 |
| app, nothing changed | 0.6 | 0.1 | 0.6 |

target, app, nothing changed: 0.60 s, at most 0.50 s (500ms): missed
target, app, one line changed: 1.50 s, at most 1.60 s (1.3 x go build + 300ms): met
`
	var out bytes.Buffer
	printTimes(&out, []*app{a})
	printWritten(&out, []*app{a})
	printTargets(&out, []*app{a})
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
