package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// highWater matches the most memory that a process had until now, in kB (proc(5), "VmHWM").
var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// watchMemory looks at a process every two milliseconds. stop looks once more, and returns the most memory that it had, in bytes.
func watchMemory(pid int) (stop func() int64) {
	end, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ended := false; ; {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if found := highWater.FindSubmatch(status); err == nil && found != nil { // it may have ended
				kilobytes, _ := strconv.ParseInt(string(found[1]), 10, 64) // they are digits
				most = max(most, kilobytes<<10)
			}
			if ended {
				peak <- most
				return
			}
			select {
			case <-tick.C:
			case <-end:
				ended = true
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-peak
	}
}

// phaseLine matches what strata build says of a phase.
var phaseLine = regexp.MustCompile(`(?m)^([a-z]+) +(\d+\.\d+) s$`)

// phasesOf returns how long each phase took.
func phasesOf(output string) (map[string]time.Duration, error) {
	phases := map[string]time.Duration{}
	for _, found := range phaseLine.FindAllStringSubmatch(output, -1) {
		took, err := time.ParseDuration(found[2] + "s")
		if err != nil {
			return nil, err
		}
		phases[found[1]] += took
	}
	if len(phases) == 0 {
		return nil, fmt.Errorf("strata build names no phase:\n%s", output)
	}
	return phases, nil
}
