// Package host runs programs of the machine itself: the package managers that know where packages come from, the Go command, docker and its
// helpers for logins.
package host

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// Command returns a command that is not started yet. The working folder is often that of an app, which may hold settings that programs
// look for there, and a Go command or a version manager would fetch and run the release that go.mod or .tool-versions names. So the
// command runs in the root folder, and the Go command does not switch to another release. The caller may set Dir and Env to what is
// not an app's.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PWD=/", "GOTOOLCHAIN=local", "GOWORK=off") // of two values the last one counts
	cmd.WaitDelay = 5 * time.Second                                            // what it started may hold the pipes
	return cmd
}
