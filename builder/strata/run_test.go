package main

import (
	"errors"
	"io"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestRunFlags has flags that mean nothing. All are given that have a value.
func TestRunFlags(t *testing.T) {
	t.Parallel()
	for want, flags := range map[string]runFlags{
		"--process and --command both say what to start; leave one out":        {process: "web", command: "ls", port: 80},
		"--port 65536 is no port; write a number from 1 to 65535":              {port: 65536},
		"--ask healthz is no path; begin it with a slash: /healthz":            {ask: "healthz", port: 80},
		"--ask needs no terminal; leave --tty out":                             {ask: "/", terminal: true, port: 80},
		"--status 99 is no status of HTTP; write a number of three digits":     {ask: "/", status: 99, port: 80},
		"--status and --timeout are about --ask; add --ask, or leave them out": {status: 404, port: 80},
	} {
		err := flags.check(func(flag string) bool { return flag == "status" && flags.status != 0 })
		if !errors.As(err, new(fault.Fault)) || err.Error() != want {
			t.Errorf("%+v: got %v, want %s", flags, err, want)
		}
	}
	for _, flags := range []runFlags{{port: 1}, {port: 8080, ask: "/", status: 404}, {port: 8080, command: "ls"}} {
		if err := flags.check(func(flag string) bool { return flag == "status" && flags.status != 0 }); err != nil {
			t.Errorf("%+v: %v", flags, err)
		}
	}
}

// TestJudge decides which answers are failures.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, expected int
		want           string // in the error
	}{
		{200, 0, ""},
		{302, 0, ""},
		{404, 404, ""},
		{500, 500, ""},
		{400, 0, "the app answered 400 to /x; see its log above, or expect the answer with --status 400"},
		{404, 0, "--status 404"},
		{503, 0, "--status 503"},
		{200, 404, "the app answered 200 to /x, not 404"},
	} {
		got := &answer{status: strconv.Itoa(test.code), code: test.code}
		err := judge(io.Discard, got, time.Second, runFlags{ask: "/x", status: test.expected})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%d where %d is expected: got %v, want %q", test.code, test.expected, err, test.want)
		}
	}
	if err := judge(io.Discard, nil, time.Second, runFlags{port: 80, answerTimeout: time.Second}); err == nil {
		t.Error("no answer is no failure")
	}
}

// TestHeard listens for a hangup, except where it is ignored.
func TestHeard(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		signal.Reset(syscall.SIGHUP)
		if ignored {
			signal.Ignore(syscall.SIGHUP)
			defer signal.Reset(syscall.SIGHUP)
		} else if signal.Ignored(syscall.SIGHUP) {
			continue // this test runs below nohup
		}
		if got := heard(syscall.SIGTERM, syscall.SIGHUP); len(got) == 1 != ignored || got[0] != syscall.SIGTERM {
			t.Errorf("a hangup is ignored: %t; it listens for %v", ignored, got)
		}
	}
}

// TestGivenEnv reads --env.
func TestGivenEnv(t *testing.T) {
	t.Setenv("STRATA_TEST_HERE", "a=b")
	got, err := givenEnv([]string{"A=1", "STRATA_TEST_HERE", "EMPTY="})
	if want := []string{"A=1", "STRATA_TEST_HERE=a=b", "EMPTY="}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	for _, flag := range []string{"=1", "STRATA_TEST_ABSENT"} {
		if _, err := givenEnv([]string{flag}); !errors.As(err, new(fault.Fault)) {
			t.Errorf("--env %s: got %v, want a fault", flag, err)
		}
	}
}
