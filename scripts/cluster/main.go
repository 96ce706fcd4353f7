// Command cluster starts Kubernetes and kpack, gives them the suite, and looks at what kpack builds, runs and rebases with it. It prints
// each check with its result and its seconds.
//
// scripts/kpack compiles what it starts and starts it, as root and in namespaces that end with it. Its working folder is the checkout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// architecture is that of the node.
const architecture = runtime.GOARCH

func main() {
	c := cluster{}
	flag.StringVar(&c.dir, "dir", "", "folder of the cluster's data")
	flag.StringVar(&c.programs, "programs", "", "folder of etcd's, Kubernetes' and kpack's programs")
	flag.StringVar(&c.strata, "strata", "", "the strata command; pause is beside it")
	quiet := flag.Duration("quiet", 10*time.Minute, "how long the cluster is watched for builds without a cause")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := c.check(ctx, os.Stdout, *quiet)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// step is something that is done or looked at. It says what was seen, for the table.
type step struct {
	name string
	run  func(context.Context) (seen string, err error)
}

// errChecks is for steps that failed; each was printed.
var errChecks = errors.New("some checks failed")

// check starts the cluster and runs all steps. Nothing can be looked at if one of the first steps fails; else all others are run.
func (c *cluster) check(ctx context.Context, table io.Writer, quiet time.Duration) error {
	ctx, c.stop = context.WithCancelCause(ctx)
	defer c.stop(nil)
	s := &suite{cluster: c}
	fmt.Fprintf(table, "| check | result | seconds |\n| --- | --- | --- |\n")
	for _, one := range s.setup() {
		if err := one.print(ctx, table); err != nil {
			return err
		}
	}
	failed := false
	for _, one := range s.checks(quiet) {
		if err := one.print(ctx, table); err != nil {
			fmt.Fprintln(os.Stderr, "cluster:", err)
			failed = true
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if failed {
		return errChecks
	}
	return nil
}

// print runs a step and prints its row.
func (s step) print(ctx context.Context, table io.Writer) error {
	start := time.Now()
	seen, err := s.run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	result := "ok"
	if err != nil {
		result = "FAILED"
	}
	if seen != "" {
		result += ": " + seen
	}
	fmt.Fprintf(table, "| %s | %s | %.1f |\n", s.name, result, time.Since(start).Seconds())
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
