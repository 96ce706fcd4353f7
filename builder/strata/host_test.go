package main

import (
	"errors"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func TestCacheLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 10e9, "0": 0, "0.5": 5e8, "20": 20e9, "-1": -1, "20GB": -1, "NaN": -1, "1e9": -1} {
		got, err := cacheLimits(func(string) string { return text })
		if want < 0 {
			if f := (fault.Fault{}); !errors.As(err, &f) {
				t.Errorf("%q: got %+v and %v, want a fault", text, got, err)
			}
			continue
		}
		if err != nil || got.Bytes != want || got.Age != 30*24*time.Hour {
			t.Errorf("%q: got %+v and %v, want %d bytes", text, got, err, want)
		}
	}
}
