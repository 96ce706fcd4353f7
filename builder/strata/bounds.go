package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// bounds reads what a build may take.
func bounds(flags buildFlags) (sandbox.Limits, error) {
	limits := sandbox.DefaultLimits()
	limits.PIDs = flags.pids
	switch {
	case flags.pids < 0:
		return limits, fault.Fault{ID: "limit-flag", What: fmt.Sprintf("--pids %d is no number", flags.pids), Do: "write one like 4096"}
	case flags.timeout < 0:
		return limits, fault.Fault{ID: "limit-flag", What: fmt.Sprintf("--timeout %s is no time", flags.timeout), Do: "write one like 20m"}
	case flags.memory == "none":
		limits.Memory = 0
	case flags.memory != "":
		limits.Asked = true
		var err error
		if limits.Memory, err = memorySize(flags.memory); err != nil {
			return limits, err
		}
	}
	return limits, nil
}

// sizePattern matches a size as container engines write it.
var sizePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)(?:i?b)?$`)

// smallest is the least memory, in bytes, with which the lifecycle starts.
const smallest = 32 << 20

// memorySize reads a size of memory in bytes. Its units are powers of 1024.
func memorySize(text string) (int64, error) {
	parts := sizePattern.FindStringSubmatch(strings.ToLower(text))
	if parts != nil {
		number, err := strconv.ParseFloat(parts[1], 64)
		bytes := number * math.Pow(1024, float64(strings.Index("kmgt", parts[2])+len(parts[2])))
		if err == nil && bytes >= smallest && bytes < 1<<60 {
			return int64(bytes), nil
		}
	}
	return 0, fault.Fault{
		ID: "limit-flag", What: fmt.Sprintf("--memory %s is no size of memory above 32 MiB", text), Do: "write one like 512m or 4g, or none",
	}
}
