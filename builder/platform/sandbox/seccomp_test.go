package sandbox_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCalls has a command make system calls. The kernel would answer those that are refused with another error: their arguments are
// wrong, or there is no capability for them.
func TestCalls(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "calls")
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"io_uring_setup operation not permitted", "io_uring_enter operation not permitted", "userfaultfd operation not permitted",
		"bpf operation not permitted", "perf_event_open operation not permitted", "keyctl operation not permitted",
		"add_key operation not permitted", "name_to_handle_at operation not permitted", "fsopen operation not permitted",
		"unshare operation not permitted", "vsock operation not permitted", "no randomness operation not permitted",
		"unknown operation not permitted", "personality <nil>", "socket <nil>",
	}, "\n") + "\n"
	if diff := cmp.Diff(want, output.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
