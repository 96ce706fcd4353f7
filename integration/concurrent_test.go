package integration

import (
	"os/exec"
	"sync"
	"testing"
)

// TestPlatformTwoBuildsAtOnce builds one app twice and another app once, all at the same time. Each build must give what it gives
// alone.
func TestPlatformTwoBuildsAtOnce(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	hello, embed := sample(t, "hello"), sample(t, "embed")
	one, two := image(t), "integration/the-other:latest"
	outcomes := make([]outcome, 3)
	var all sync.WaitGroup
	for i, args := range [][]string{{hello, "-t", one}, {hello, "-t", one}, {embed, "-t", two}} {
		all.Go(func() {
			outcomes[i] = finish(t, exec.CommandContext(t.Context(), "strata", append([]string{"build", "-q"}, args...)...))
		})
	}
	all.Wait()
	for i, o := range outcomes {
		if o.status != 0 {
			t.Fatalf("build %d: status %d\n%s", i, o.status, o.stderr)
		}
	}
	if a, b := digestOf(t, outcomes[0]), digestOf(t, outcomes[1]); a != b {
		t.Errorf("two builds of one app at once give %s and %s", a, b)
	}
	for i, alone := range []string{build(t, hello, one), build(t, hello, one), build(t, embed, two)} {
		if got := digestOf(t, outcomes[i]); got != alone {
			t.Errorf("build %d gives %s at once and %s alone", i, got, alone)
		}
	}
	if body := ask(t, one, "/"); body != "Hello from Strata.\n\n" {
		t.Errorf("it answers %q", body)
	}
}
