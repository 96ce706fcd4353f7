// Command lock rewrites buildpacks/golang/lock.toml: the newest patch of every
// Go minor that the module proxy has, with hashes from the checksum database.
// Run it at the root of the checkout.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/golang"
)

const file = "buildpacks/golang/lock.toml"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lock:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	output, err := exec.CommandContext(ctx, "go", "env", "GOPROXY", "GOSUMDB").Output()
	if err != nil {
		return fmt.Errorf("reading the Go command's settings (`go env`): %w", err)
	}
	proxy, rest, _ := strings.Cut(string(output), "\n")
	text, err := golang.NewLock(ctx, proxy, strings.TrimSpace(rest))
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
