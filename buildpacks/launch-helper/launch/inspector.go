package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// inspector says to out, in TOML, with which options Node.js opens its inspector, if it is wanted and not open by them yet.
func inspector(env environment, out io.Writer) error {
	switch value := strings.ToLower(env["BPL_DEBUG_ENABLED"]); value {
	case "true", "1", "yes", "on":
	case "", "false", "0", "no", "off":
		return nil
	default:
		return fmt.Errorf("inspector: BPL_DEBUG_ENABLED is %q, which is neither true nor false", value)
	}
	port := cmp.Or(env["BPL_DEBUG_PORT"], "9229")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("inspector: BPL_DEBUG_PORT is %q, which is no port", port)
	}
	options := env["NODE_OPTIONS"]
	if strings.Contains(options, "--inspect") {
		return nil
	}
	options = strings.TrimSpace(options + " --inspect=0.0.0.0:" + port)
	if _, err := fmt.Fprintf(out, "NODE_OPTIONS = %s\n", strconv.Quote(options)); err != nil {
		return fmt.Errorf("inspector: telling the launcher: %w", err)
	}
	return nil
}
