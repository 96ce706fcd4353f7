package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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

// TestDownloads checks that the total is known at the start, and that what no server has is no part of it any more.
func TestDownloads(t *testing.T) {
	t.Parallel()
	s := &screen{terminal: true, last: time.Now().Add(time.Hour)} // nothing is drawn
	for _, name := range []string{"a", "b", "gone"} {
		s.downloads(name, 0, 10)
	}
	s.downloads("a", 4, 10)
	s.downloads("gone", 0, 0)
	if diff := cmp.Diff(map[string][2]int64{"a": {4, 10}, "b": {0, 10}}, s.files); diff != "" {
		t.Error(diff)
	}
}
