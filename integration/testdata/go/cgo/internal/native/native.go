// Package native calls C.
package native

// static int answer(void) { return 42; }
import "C"

// Answer comes from C.
func Answer() int { return int(C.answer()) }
