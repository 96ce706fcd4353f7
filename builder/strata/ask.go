package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// ask starts an app, asks it one question over HTTP and stops it.
func ask(ctx context.Context, h *home.Home, options run.Options, flags runFlags) error {
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(flags.port))
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		return fault.Fault{ID: "port-taken", What: "something listens on " + address + " already", Do: "choose another port with --port"}
	}
	app, stop := context.WithCancel(ctx)
	defer stop()
	note := noteOnce()
	options.Stderr = run.Watch(os.Stderr, note)
	options.Stdout = options.Stderr
	start := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- run.Image(app, h, options) }()

	answers := make(chan *answer, 1)
	questions, giveUp := context.WithTimeout(app, flags.answerTimeout)
	defer giveUp()
	go func() { answers <- poll(questions, "http://"+address+flags.ask) }()
	select {
	case err := <-ended:
		return endedEarly(err, options.Image, flags.port)
	case got := <-answers:
		took := time.Since(start)
		stop()
		<-ended // what the app says when it is stopped on purpose is no error
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return judge(run.Watch(os.Stdout, note), got, took, flags)
	}
}

// endedEarly is the error of an app that ended before it answered.
func endedEarly(err error, image string, port int) error {
	var status *exec.ExitError
	how := ""
	switch {
	case errors.As(err, &status):
		how = fmt.Sprintf(" with status %d", statusOf(status))
	case err != nil: // it was never started, or interrupted
		return err
	}
	return fault.Fault{
		ID:   "app-ended",
		What: fmt.Sprintf("%s ended%s before it answered on port %d", image, how, port),
		Do:   "see what it printed, and start it without --ask to try it",
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

// judge prints the answer and says whether it is the one that was asked for.
func judge(w io.Writer, got *answer, took time.Duration, flags runFlags) error {
	if got == nil {
		return fault.Fault{
			ID:   "no-answer",
			What: fmt.Sprintf("nothing answered on port %d within %s", flags.port, flags.answerTimeout),
			Do:   "see whether the app listens on $PORT",
		}
	}
	fmt.Fprintf(w, "GET %s: %s after %d ms\n%s\n", flags.ask, got.status, took.Milliseconds(), got.body)
	switch {
	case flags.status == got.code, flags.status == 0 && got.code < http.StatusBadRequest:
		return nil
	case flags.status != 0:
		return fault.Fault{
			ID:   "bad-answer",
			What: fmt.Sprintf("the app answered %s to %s, not %d", got.status, flags.ask, flags.status),
			Do:   "see its log above",
		}
	}
	return fault.Fault{
		ID:   "bad-answer",
		What: fmt.Sprintf("the app answered %s to %s", got.status, flags.ask),
		Do:   fmt.Sprintf("see its log above, or expect the answer with --status %d", got.code),
	}
}
