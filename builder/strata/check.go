package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/run"
)

// checkLimit is how long an app has to run before it counts as started.
const checkLimit = 2 * time.Second

// checks returns what starts the default process of an image once, if its files take no more than unpacked bytes. What the app
// prints goes to the log.
func checks(h *home.Home, name string, bindings []string, unpacked int64) func(context.Context, v1.Image, io.Writer) error {
	return func(ctx context.Context, image v1.Image, log io.Writer) error {
		port, err := freePort()
		if err != nil {
			return err
		}
		err = run.Start(ctx, h, image, run.Options{
			Image: name, Env: []string{fmt.Sprintf("PORT=%d", port)}, Bindings: bindings, Stdout: log, Stderr: log, Limit: checkLimit,
			Unpacked: unpacked,
		})
		var ended *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &ended):
			fmt.Fprintf(log, "error: the app ended with status %d within %d s of its start; see what it printed above, or build without --check\n",
				statusOf(ended), checkLimit/time.Second)
			return build.ErrBuild
		case errors.Is(err, context.DeadlineExceeded):
			return nil // it runs
		}
		return err
	}
}

// freePort returns a port that nothing listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
