package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// inspector says to out, in TOML, with which options Node.js opens its inspector, if it is wanted and not open by them yet.
func inspector(env environment, out io.Writer) error {
	on, err := env.enabled("BPL_DEBUG_ENABLED")
	if err != nil {
		return fmt.Errorf("inspector: %w", err)
	}
	port, err := env.port("BPL_DEBUG_PORT", "9229")
	if err != nil {
		return fmt.Errorf("inspector: %w", err)
	}
	options := env["NODE_OPTIONS"]
	if !on || strings.Contains(options, "--inspect") {
		return nil
	}
	options = strings.TrimSpace(options + " --inspect=0.0.0.0:" + port)
	if _, err := fmt.Fprintf(out, "NODE_OPTIONS = %s\n", strconv.Quote(options)); err != nil {
		return fmt.Errorf("inspector: telling the launcher: %w", err)
	}
	return nil
}
