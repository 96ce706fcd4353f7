package main

import (
	"fmt"
	"io"
	"strings"
)

// allocator says to out, in TOML, that nothing is loaded before the app if BPL_ALLOCATOR says glibc. What somebody else has loaded
// before it stays.
func allocator(env environment, out io.Writer) error {
	switch value := env["BPL_ALLOCATOR"]; {
	case value == "":
		return nil
	case value != "glibc":
		return fmt.Errorf("allocator: BPL_ALLOCATOR is %q: write glibc, or build the image with another BP_ALLOCATOR", value)
	case !strings.Contains(env["LD_PRELOAD"], "/strata_allocator/"):
		return nil
	}
	if _, err := fmt.Fprintln(out, `LD_PRELOAD = ""`); err != nil {
		return fmt.Errorf("allocator: telling the launcher: %w", err)
	}
	return nil
}
