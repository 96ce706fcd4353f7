package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

type runFlags struct {
	env, bindings []string
	process       string
	port          int
	ask           string
	answerTimeout time.Duration
}

func runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run IMAGE [-- ARG…]",
		Short: "Start an image in a sandbox on this machine's network",
		Long: "Start an image of the local store in a sandbox on this machine's network, with PORT\n" +
			"set to the port it should listen on. What it writes is gone when it ends.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			options := run.Options{
				Image: args[0], Process: flags.process, Args: args[1:],
				Env:      append([]string{fmt.Sprintf("PORT=%d", flags.port)}, flags.env...),
				Bindings: flags.bindings,
				Stdin:    os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			}
			if flags.ask == "" {
				return run.Image(cmd.Context(), h, options)
			}
			return ask(cmd.Context(), h, options, flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.env, "env", "e", nil, "variable of the app, NAME=value")
	f.StringArrayVar(&flags.bindings, "binding", nil, "folder of a service binding")
	f.StringVar(&flags.process, "process", "", "process type to start (default: the image's)")
	f.IntVarP(&flags.port, "port", "p", 8080, "port that the app should listen on, in PORT")
	f.StringVar(&flags.ask, "ask", "", "path to GET once the app listens; prints the answer and stops the app")
	f.DurationVar(&flags.answerTimeout, "timeout", 30*time.Second, "how long --ask waits for an answer")
	return cmd
}

// ask starts an app, asks it one question over HTTP and stops it.
func ask(ctx context.Context, h *home.Home, options run.Options, flags runFlags) error {
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(flags.port))
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		return fault.Fault{ID: "port-taken", What: "something listens on " + address + " already", Do: "choose another port with --port"}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	options.Stdin, options.Stdout = nil, os.Stderr
	start := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- run.Image(ctx, h, options) }()

	answers := make(chan *answer, 1)
	questions, giveUp := context.WithTimeout(ctx, flags.answerTimeout)
	defer giveUp()
	go func() { answers <- poll(questions, "http://"+address+flags.ask) }()
	select {
	case err := <-ended:
		if err == nil {
			err = fault.Fault{
				ID:   "app-ended",
				What: options.Image + " ended before it answered on port " + fmt.Sprint(flags.port),
				Do:   "start it without --ask to see what it does",
			}
		}
		return err
	case got := <-answers:
		took := time.Since(start)
		stop()
		<-ended // what the app says when it is stopped on purpose is no error
		return printAnswer(got, took, flags)
	}
}

// answer is what an app said to one question.
type answer struct {
	status string
	code   int
	body   []byte
}

// poll asks until something answers or the context ends, which gives nil.
func poll(ctx context.Context, url string) *answer {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if got, err := get(ctx, url); err == nil {
			return got
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// get asks once; redirects are answers too.
func get(ctx context.Context, url string) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return &answer{response.Status, response.StatusCode, body}, err
}

func printAnswer(got *answer, took time.Duration, flags runFlags) error {
	if got == nil {
		return fault.Fault{
			ID:   "no-answer",
			What: fmt.Sprintf("nothing answered on port %d within %s", flags.port, flags.answerTimeout),
			Do:   "see whether the app listens on $PORT",
		}
	}
	fmt.Fprintf(os.Stdout, "GET %s: %s after %d ms\n%s\n", flags.ask, got.status, took.Milliseconds(), got.body)
	if got.code >= http.StatusInternalServerError {
		return fault.Fault{ID: "bad-answer", What: "the app answered " + got.status, Do: "see its log above"}
	}
	return nil
}
