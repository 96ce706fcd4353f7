package main

import (
	"errors"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"none": 0, "4g": 4 << 30, "1.5G": 3 << 29, "512m": 512 << 20, "512 MiB": 512 << 20, "2gb": 2 << 30,
		"67108864": 64 << 20, "65536k": 64 << 20,
		"1m": -1, "-1": -1, "4x": -1, "g": -1, "1e9": -1, "9999999t": -1,
	} {
		got, err := bounds(buildFlags{memory: text, pids: 10})
		if want < 0 {
			if !errors.As(err, new(fault.Fault)) {
				t.Errorf("%s: got %+v and %v, want a fault", text, got, err)
			}
			continue
		}
		if err != nil || got.Memory != want || got.PIDs != 10 || got.Asked != (want > 0) {
			t.Errorf("%s: got %+v and %v, want %d bytes", text, got, err, want)
		}
	}
	for _, wrong := range []buildFlags{{pids: -1}, {timeout: -time.Second}} {
		if _, err := bounds(wrong); !errors.As(err, new(fault.Fault)) {
			t.Errorf("%+v: got %v, want a fault", wrong, err)
		}
	}
}
