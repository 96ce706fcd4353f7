package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, out, err string
	}{
		{
			name: "a pass is a package line, a skip has its reason",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:9: needs root\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`,
			out: "    b_test.go:9: needs root\n--- SKIP: TestB (0.00s)\nok  \tp\t0.1s\ntests: 1 passed, 0 failed, 1 skipped\n",
		},
		{
			name: "a failure has its output",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: wrong\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`,
			out: "    a_test.go:1: wrong\n--- FAIL: TestA (0.00s)\nFAIL\tp\t0.1s\ntests: 0 passed, 1 failed, 0 skipped\n",
			err: "1 tests failed",
		},
		{
			name: "a package that does not compile fails",
			in: `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"Action":"pass","Package":"q","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
`,
			out: "p.go:1: undefined: x\nFAIL\tp [build failed]\ntests: 1 passed, 0 failed, 0 skipped\n",
			err: "a package failed outside of its tests",
		},
		{
			name: "a slow test has a line",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (12.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":12}
`,
			out: "--- PASS: TestA (12.00s)\ntests: 1 passed, 0 failed, 0 skipped\n",
		},
		{
			name: "a run that was cut off fails",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"half a word\n"}
`,
			out: "half a word\ntests: 1 passed, 0 failed, 0 skipped\n",
			err: "1 tests did not end",
		},
		{
			name: "no test at all fails",
			in:   "go: cannot find main module\n",
			out:  "go: cannot find main module\ntests: 0 passed, 0 failed, 0 skipped\n",
			err:  "no test was run",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			r := &report{out: &out, pending: map[string][]string{}}
			if err := r.read(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := r.close(); err != nil {
				got = err.Error()
			}
			if got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			if diff := cmp.Diff(tt.out, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}
