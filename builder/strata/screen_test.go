package main

import "testing"

func TestBar(t *testing.T) {
	t.Parallel()
	for want, files := range map[string]map[string][2]int64{
		"fetching [===============               ] 1.50 MB of 3.00 MB, 2 files": {"a": {1_000_000, 1_000_000}, "b": {500_000, 2_000_000}},
		"fetching [                              ] 0.00 MB of 0.00 MB, 1 files": {"a": {0, 0}},
		"fetching [==============================] 0.70 MB of 0.70 MB, 1 files": {"of unknown size": {700_000, 0}},
	} {
		if got := bar(files); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
