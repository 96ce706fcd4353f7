// Strata turns source code into small, reproducible OCI images without a
// Dockerfile and without Docker.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Exit codes beside those of a program that `strata run` runs.
const (
	exitFailed      = 1
	exitInterrupted = 130 // 128 + SIGINT, as a shell says it
)

func main() {
	unix.Umask(0o022) // what is written has to be readable inside a sandbox, and the same whoever runs the command
	sandbox.Init()
	ctx, stop := signal.NotifyContext(context.Background(), heard(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	var status exitStatus
	var partly partlyError
	switch {
	case err == nil:
	case errors.As(err, &status):
		os.Exit(int(status))
	case errors.As(err, &partly):
		fmt.Fprintln(stderr, "strata:", err)
		os.Exit(exitInterrupted)
	case interrupted:
		fmt.Fprintln(stderr, "strata: interrupted; no image was changed")
		os.Exit(exitInterrupted)
	case fault.Full(err):
		fmt.Fprintln(stderr, "strata:", fault.Explain(err))
		os.Exit(exitFailed)
	default:
		fmt.Fprintln(stderr, "strata:", err)
		os.Exit(exitFailed)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "strata",
		Short:         "Small, reproducible OCI images from source code, without a Dockerfile",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		buildCommand(), runCommand(), debugCommand(), stackCommand(), builderCommand(), inspectCommand(), linkageCommand(), rebaseCommand(),
		fleetCommand(), pruneCommand(), verifyCommand(), kpackCommand(), doctorCommand(), versionCommand(),
	)
	root.SetOut(stdout)
	root.SetErr(stderr)
	explainUsage(root)
	return root
}

// partlyError is the end of an interrupted command that has changed something already; it says what.
type partlyError string

func (e partlyError) Error() string { return "interrupted; " + string(e) }

// openHome opens the folder that holds images and app caches.
func openHome() (*home.Home, error) {
	dir, err := stateDir("STRATA_HOME", "XDG_DATA_HOME", ".local/share")
	if err != nil {
		return nil, err
	}
	h, err := home.Open(dir)
	if err == nil {
		h.Note = func(text string) { fmt.Fprintln(stderr, "strata:", text) }
	}
	return h, err
}

// cacheDir is the folder of verified downloads, which may be deleted at any time.
func cacheDir() (string, error) { return stateDir("STRATA_CACHE", "XDG_CACHE_HOME", ".cache") }

// stateDir finds a folder as the XDG base directory specification has it.
func stateDir(variable, xdg, fallback string) (string, error) {
	if dir := os.Getenv(variable); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "strata"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for strata's files: %w; set %s", err, variable)
	}
	return filepath.Join(home, fallback, "strata"), nil
}
